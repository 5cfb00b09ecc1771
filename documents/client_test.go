package documents_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tidings/client"
	"tidings/protocol"
)

// The Go client's calls, against the real server.
func TestGoClient(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	taxis := h.client("ann").Collection("city/taxis")
	first, err := taxis.Put(ctx, "t1", map[string]any{"free": true, "seats": 4}, client.Note(map[string]any{"why": "test"}))
	if err != nil || first.Event != "created" || first.ID != "t1" || first.Version == 0 || !strings.Contains(string(first.Document), `"free":true`) {
		t.Fatalf("put: %+v, %v", first, err)
	}
	patched, err := taxis.Patch(ctx, "t1", map[string]any{"free": false}, client.Version(first.Version))
	if err != nil || patched.Event != "patched" || patched.Version <= first.Version {
		t.Errorf("patch: %+v, %v", patched, err)
	}
	if _, err := taxis.Put(ctx, "t1", map[string]any{}, client.Version(first.Version)); !errors.Is(err, &protocol.Error{Code: protocol.CodeVersionConflict}) {
		t.Errorf("put of an old version: %v", err)
	}
	drawn, err := taxis.Create(ctx, "", map[string]any{"seats": 2}, client.Once("k"))
	if err != nil || drawn.ID == "" {
		t.Errorf("create: %+v, %v", drawn, err)
	}
	if again, err := taxis.Create(ctx, "", map[string]any{"seats": 2}, client.Once("k")); err != nil || again.ID != drawn.ID {
		t.Errorf("create once more: %+v, %v; the first made %s", again, err, drawn.ID)
	}
	document, err := taxis.Get(ctx, "t1")
	if err != nil || !strings.Contains(string(document), `"free":false`) {
		t.Errorf("get: %s, %v", document, err)
	}
	page, err := taxis.Search(ctx, client.Query{Filter: map[string]any{"exists": "seats"}, Sort: []string{"-seats"}, Limit: 1, Count: true})
	if err != nil || len(page.Documents) != 1 || page.Next == "" || !page.Complete || page.Total == nil || *page.Total != 2 {
		t.Errorf("search: %+v, %v", page, err)
	}
	rest, err := taxis.Search(ctx, client.Query{Filter: json.RawMessage(`{"exists":"seats"}`), Sort: []string{"-seats"}, After: page.Next})
	if err != nil || len(rest.Documents) != 1 || rest.Next != "" {
		t.Errorf("the next page: %+v, %v", rest, err)
	}
	for number, want := range map[uint64]bool{first.Version: true, drawn.Version: true, drawn.Version + 1: false} {
		if got := page.Seen.Has(&client.Change{Number: number, Txn: number}); got != want {
			t.Errorf("%+v has change %d: %v", page.Seen, number, got)
		}
	}
	if removed, err := taxis.Remove(ctx, "t1"); err != nil || removed.Event != "removed" {
		t.Errorf("remove: %+v, %v", removed, err)
	}
	if _, err := taxis.Get(ctx, "t1"); !errors.Is(err, &protocol.Error{Code: protocol.CodeNotFound}) {
		t.Errorf("get what is gone: %v", err)
	}
	for name, do := range map[string]func() error{
		"make":     func() error { return taxis.Make(ctx) },
		"truncate": func() error { return taxis.Truncate(ctx) },
	} {
		if err := do(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if page, err := taxis.Search(ctx, client.Query{}); err != nil || len(page.Documents) != 0 {
		t.Errorf("after truncate: %+v, %v", page, err)
	}
	if err := taxis.Drop(ctx); err != nil {
		t.Errorf("drop: %v", err)
	}
	if err := taxis.Drop(ctx); !errors.Is(err, &protocol.Error{Code: protocol.CodeNotFound}) {
		t.Errorf("drop of what is not there: %v", err)
	}
	if taxis.Channel() != "documents/city/taxis" {
		t.Errorf("its channel is %s", taxis.Channel())
	}
}

// A page that has seen part of what was under way has the changes below its next one that were not open.
func TestSeenHas(t *testing.T) {
	seen := client.Seen{Before: 5, Next: 9, Open: []uint64{6, 8}}
	var got []uint64
	for txn := uint64(3); txn < 11; txn++ {
		if seen.Has(&client.Change{Txn: txn}) {
			got = append(got, txn)
		}
	}
	if text := fmt.Sprint(got); text != "[3 4 5 7]" {
		t.Errorf("%+v has %s, want [3 4 5 7]", seen, text)
	}
}
