package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"testing"

	"tidings/protocol"
	"tidings/store"
)

// Open opens an empty store; Reopen closes s and opens its content again. A test ends what it opened.
type Maker struct {
	Open   func(t *testing.T) store.Store
	Reopen func(t *testing.T, s store.Store) store.Store
}

var taxis = store.Collection{Index: "city", Name: "taxis"}

// world is a store with short ways to ask it.
type world struct {
	*testing.T
	store.Store
}

func open(t *testing.T, m Maker) *world { return &world{t, m.Open(t)} }

func (w *world) write(req store.Write) []store.Result {
	w.Helper()
	req.Collection = taxis
	results, err := w.Write(context.Background(), req)
	if err != nil {
		w.Fatalf("%d operations: %v", len(req.Ops), err)
	}
	return results
}

// do makes one operation, which must not be refused.
func (w *world) do(op store.Op) store.Result {
	w.Helper()
	r := w.write(store.Write{Ops: []store.Op{op}, By: "ann"})[0]
	if r.Fault != nil {
		w.Fatalf("%s %.60q %.60q: %v", op.Action, op.ID, op.Content, r.Fault)
	}
	return r
}

func (w *world) put(id, content string) store.Result {
	w.Helper()
	return w.do(store.Op{Action: store.Put, ID: id, Content: []byte(content)})
}

// refused makes one operation, which must be refused with code.
func (w *world) refused(op store.Op, code protocol.Code) store.Result {
	w.Helper()
	r := w.write(store.Write{Ops: []store.Op{op}})[0]
	if r.Fault == nil || r.Fault.Code != code || r.Fault.Hint == "" {
		w.Errorf("%s %.60q %.60q: got %v, want %s with a hint", op.Action, op.ID, op.Content, r.Fault, code)
	}
	return r
}

func (w *world) search(q store.Query) store.Page {
	w.Helper()
	page, err := w.Search(context.Background(), taxis, q)
	if err != nil {
		w.Fatalf("%+v: %v", q, err)
	}
	return page
}

// changes returns all changes behind a number, page by page.
func (w *world) changes(after uint64) (all []store.Change) {
	w.Helper()
	for {
		list, err := w.Changes(context.Background(), after, 1000)
		if err != nil {
			w.Fatal(err)
		}
		if len(list) == 0 {
			return all
		}
		all = append(all, list...)
		after = list[len(list)-1].Number
	}
}

// content is a document without what the store adds.
func content(t testing.TB, document []byte) string {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal(document, &m); err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	for _, name := range []string{"_id", "_version", "_info"} {
		if m[name] == nil {
			t.Errorf("%s has no %s", document, name)
		}
		delete(m, name)
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func hashOf(text string) [sha256.Size]byte { return sha256.Sum256([]byte(text)) }
