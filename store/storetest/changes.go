package storetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"tidings/filter"
	"tidings/protocol"
	"tidings/store"
)

func testChanges(t *testing.T, m Maker) {
	w := open(t, m)
	select {
	case <-w.Wake():
		t.Error("an empty store wakes the relay")
	default:
	}
	w.write(store.Write{Ops: []store.Op{{Action: store.Create, ID: "a", Content: []byte(`{"x":1,"y":{"z":1}}`)}}, Meta: []byte(`{"why":1}`), Origin: []byte(`{"protocol":"p"}`)})
	<-w.Wake()
	w.do(store.Op{Action: store.Patch, ID: "a", Content: []byte(`{"y":{"z":2},"n":null}`)})
	w.write(store.Write{Ops: []store.Op{{Action: store.Put, ID: "import", Content: []byte(`{}`)}}, Silent: true})
	w.refused(store.Op{Action: store.Create, ID: "a", Content: []byte(`{}`)}, protocol.CodeVersionConflict)
	w.do(store.Op{Action: store.Remove, ID: "a"})
	list := w.changes(0)
	if len(list) != 3 || w.Stats().Waiting != 3 {
		t.Fatalf("%d changes, %d wait", len(list), w.Stats().Waiting)
	}
	created, patched, removed := list[0], list[1], list[2]
	if created.Event != store.Created || created.Before != nil || created.Changed != nil || string(created.Meta) != `{"why":1}` || string(created.Origin) != `{"protocol":"p"}` || created.At == 0 {
		t.Errorf("created: %+v", created)
	}
	if patched.Event != store.Patched || string(patched.Before) != string(created.After) || string(patched.Changed) != `["n","y.z"]` || patched.Meta != nil {
		t.Errorf("patched: %+v", patched)
	}
	if removed.Event != store.Removed || removed.Before != nil || string(removed.After) != string(patched.After) || removed.ID != "a" || removed.Collection != taxis {
		t.Errorf("removed: %+v", removed)
	}
	if !(created.Number < patched.Number && patched.Number < removed.Number) {
		t.Errorf("numbers are %d, %d, %d", created.Number, patched.Number, removed.Number)
	}
	if err := w.Relayed(context.Background(), patched.Number); err != nil {
		t.Fatal(err)
	}
	id := w.ID()
	w.Store = m.Reopen(t, w.Store)
	<-w.Wake() // for what was not relayed
	if list := w.changes(w.Mark()); len(list) != 1 || list[0].Number != removed.Number || w.Mark() != patched.Number || w.ID() != id || w.Stats().Waiting != 1 {
		t.Errorf("after a restart: mark %d, changes %+v, %+v", w.Mark(), list, w.Stats())
	}
	if r := w.put("b", `{}`); r.Version <= removed.Number {
		t.Errorf("after a restart number %d came again", r.Version)
	}
}

// Many write at once: each change is there once, in an order in which each document's versions grow.
func testSeen(t *testing.T, m Maker) {
	w := open(t, m)
	var group sync.WaitGroup
	for writer := range 8 {
		group.Go(func() {
			for n := range 25 {
				_, err := w.Write(context.Background(), store.Write{Collection: taxis, Ops: []store.Op{{Action: store.Put, ID: fmt.Sprint(n % 5), Content: fmt.Appendf(nil, `{"w":%d,"n":%d}`, writer, n)}}})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	// A page and the changes after it must come to what is there in the end, whenever the page is read.
	page := w.search(store.Query{})
	group.Wait()
	documents := map[string]string{}
	for _, d := range page.Documents {
		documents[d.ID] = string(d.JSON)
	}
	list := w.changes(0)
	if len(list) != 200 {
		t.Errorf("%d changes of 200", len(list))
	}
	for _, c := range list {
		txn := cmp.Or(c.Txn, c.Number)
		if txn < page.Seen.Before || txn < page.Seen.Next && !slices.Contains(page.Seen.Open, txn) {
			continue
		}
		if before, ok := documents[c.ID]; ok && before != string(c.Before) {
			t.Errorf("change %d of %s changed %s, and there was %s", c.Number, c.ID, c.Before, before)
		}
		documents[c.ID] = string(c.After)
	}
	for _, d := range w.search(store.Query{}).Documents {
		if documents[d.ID] != string(d.JSON) {
			t.Errorf("%s is %s, and by the changes %s", d.ID, d.JSON, documents[d.ID])
		}
	}
	if s := w.Stats(); s.Commits >= s.Writes {
		t.Errorf("%d writes took %d commits: none was shared", s.Writes, s.Commits)
	}
}

func testMany(t *testing.T, m Maker) {
	w := open(t, m)
	for n := range 250 {
		w.write(store.Write{Silent: true, Ops: []store.Op{{Action: store.Put, ID: fmt.Sprintf("%03d", n), Content: fmt.Appendf(nil, `{"n":%d,"free":%v}`, n, n%2 == 0)}}})
	}
	free, err := filter.Parse([]byte(`{"equals":{"free":true}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		op    store.Op
		event store.Event
		left  int
	}{
		{store.Op{Action: store.Patch, Content: []byte(`{"seen":true}`)}, store.Patched, 125},
		{store.Op{Action: store.RemoveFields, Fields: []string{"seen"}}, store.Patched, 125},
		{store.Op{Action: store.Patch, Content: []byte(`{"free":false}`)}, store.Patched, 0},
	} {
		before := len(w.changes(0))
		done, err := store.WriteMany(context.Background(), w, store.Write{Collection: taxis}, store.Many{Filter: free, Op: c.op})
		if err != nil || done != (store.Done{Matched: 125, Changed: 125, Complete: true}) {
			t.Fatalf("%+v: %+v, %v", c.op, done, err)
		}
		if list := w.changes(0)[before:]; len(list) != 125 || list[0].Event != c.event {
			t.Errorf("%+v made %d changes", c.op, len(list))
		}
		if page := w.search(store.Query{Filter: free, Count: true}); page.Total != c.left {
			t.Errorf("%+v leaves %d", c.op, page.Total)
		}
	}
	if done, err := store.WriteMany(context.Background(), w, store.Write{Collection: taxis, Silent: true}, store.Many{Filter: filter.Everything(), Op: store.Op{Action: store.Remove}}); err != nil || done.Changed != 250 {
		t.Errorf("removing all: %+v, %v", done, err)
	}
	if n := len(w.search(store.Query{}).Documents); n != 0 {
		t.Errorf("%d are left", n)
	}
	if _, err := store.WriteMany(context.Background(), w, store.Write{Collection: taxis}, store.Many{Filter: free, Op: store.Op{Action: store.Create}}); err == nil {
		t.Error("creating by a filter works")
	}
	// What changed between the search and the write is left alone.
	w.put("late", `{"free":false}`)
	if r := w.write(store.Write{Ops: []store.Op{{Action: store.Remove, ID: "late", Only: free}}})[0]; r.Fault == nil || r.Fault.Code != protocol.CodeNotFound {
		t.Errorf("what does not match any more: %+v", r)
	}
}
