package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"tidings/filter"
	"tidings/protocol"
	"tidings/store"
)

// testWhole holds what is done to a whole collection: one reset is its only change, and a repetition is made once.
func testWhole(t *testing.T, m Maker) {
	w := open(t, m)
	whole := func(do store.Action, key string) store.Result {
		t.Helper()
		return w.write(store.Write{Ops: []store.Op{{Action: do}}, Key: key, Principal: "p", Hash: hashOf(key), Meta: []byte(`{"why":"test"}`)})[0]
	}
	listed := func() bool {
		t.Helper()
		list, err := w.Store.(store.Lister).Collections(context.Background(), store.Collection{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Contains(list, taxis)
	}
	for _, do := range []store.Action{store.Truncate, store.Drop} {
		w.refused(store.Op{Action: do}, protocol.CodeNotFound)
	}
	if listed() {
		t.Error("a collection that was refused is listed")
	}
	for range 2 {
		if r := whole(store.Make, ""); r.Fault != nil || !listed() {
			t.Fatalf("making it: %+v", r)
		}
	}
	w.Store = m.Reopen(t, w.Store)
	if !listed() {
		t.Error("an empty collection is not there after a restart")
	}
	last := w.put("a", `{"n":1}`).Version
	w.put("b", `{"n":2}`)
	before := len(w.changes(0))
	for _, do := range []store.Action{store.Truncate, store.Drop} {
		first := whole(do, string(do))
		if first.Fault != nil || first.Event != store.Reset || first.Version <= last {
			t.Fatalf("%s: %+v, after version %d", do, first, last)
		}
		if n := len(w.search(store.Query{}).Documents); n != 0 {
			t.Errorf("%s leaves %d documents", do, n)
		}
		if listed() != (do == store.Truncate) {
			t.Errorf("after %s listed is %v", do, listed())
		}
		list := w.changes(0)[before:]
		if len(list) != 1 || list[0].Event != store.Reset || list[0].Number != first.Version || list[0].Collection != taxis || list[0].ID != "" || string(list[0].After) != `{}` || list[0].Before != nil || string(list[0].Meta) != `{"why":"test"}` {
			t.Errorf("%s made the changes %+v", do, list)
		}
		last = w.put("c", `{}`).Version // a collection that was dropped comes to be again
		if again := whole(do, string(do)); again.Version != first.Version || len(w.search(store.Query{}).Documents) != 1 || last <= first.Version {
			t.Errorf("%s again with its key: %+v, and %d documents", do, again, len(w.search(store.Query{}).Documents))
		}
		before = len(w.changes(0))
	}
	for _, op := range []store.Op{{Action: store.Truncate, Rows: filter.Everything()}, {Action: store.Make, Rows: filter.Everything()}} {
		w.refused(op, protocol.CodeForbidden)
	}
	_, err := w.Write(context.Background(), store.Write{Collection: taxis, Ops: []store.Op{{Action: store.Put, ID: "d", Content: []byte(`{}`)}, {Action: store.Drop}}})
	if fault := protocol.AsError(err); fault == nil || fault.Code != protocol.CodeBadRequest || fault.Hint == "" {
		t.Errorf("drop beside another operation: %v", err)
	}
}

// testWholeAmongWrites holds that whoever applies the changes in their order has in the end what is there, also if a
// collection is emptied and dropped while others write it.
func testWholeAmongWrites(t *testing.T, m Maker) {
	w := open(t, m)
	do := func(op store.Op) {
		results, err := w.Write(context.Background(), store.Write{Collection: taxis, Ops: []store.Op{op}})
		if err != nil || results[0].Fault != nil && results[0].Fault.Code != protocol.CodeNotFound {
			t.Errorf("%s: %+v, %v", op.Action, results, err)
		}
	}
	var group sync.WaitGroup
	wrote := make(chan struct{}, 6*30)
	for writer := range 6 {
		group.Go(func() {
			for n := range 30 {
				do(store.Op{Action: store.Put, ID: fmt.Sprint(writer, "-", n%7), Content: fmt.Appendf(nil, `{"n":%d}`, n)})
				wrote <- struct{}{}
			}
		})
	}
	group.Go(func() {
		for n := range 10 {
			for range 15 { // so that there is something to empty, and that it is done among writes
				<-wrote
			}
			do(store.Op{Action: []store.Action{store.Truncate, store.Drop}[n%2]})
		}
	})
	group.Wait()
	documents, resets := map[string]string{}, 0
	for _, c := range w.changes(0) {
		switch {
		case c.Event == store.Reset:
			resets++
			clear(documents)
		case documents[c.ID] != string(c.Before):
			t.Errorf("change %d of %s changed %q, and there was %q", c.Number, c.ID, c.Before, documents[c.ID])
			fallthrough
		default:
			documents[c.ID] = string(c.After)
		}
	}
	if resets == 0 {
		t.Error("nothing was emptied")
	}
	there := w.search(store.Query{}).Documents
	if len(there) != len(documents) {
		t.Errorf("%d documents, and by the changes %d", len(there), len(documents))
	}
	for _, d := range there {
		if documents[d.ID] != string(d.JSON) {
			t.Errorf("%s is %s, and by the changes %q", d.ID, d.JSON, documents[d.ID])
		}
	}
}
