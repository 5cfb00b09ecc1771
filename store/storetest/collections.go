package storetest

import (
	"context"
	"fmt"
	"testing"

	"tidings/store"
)

// testCollections holds that a store that lists its collections names each once, in the order of their names, page by
// page.
func testCollections(t *testing.T, m Maker) {
	w := open(t, m)
	lister, ok := w.Store.(store.Lister)
	if !ok {
		return // it is an extra
	}
	for _, c := range []store.Collection{{Index: "b", Name: "x"}, {Index: "a", Name: "x"}, {Index: "a-b", Name: "x"}, {Index: "a", Name: "y"}} {
		for _, id := range []string{"1", "2"} {
			if _, err := w.Write(context.Background(), store.Write{Collection: c, Ops: []store.Op{{Action: store.Put, ID: id, Content: []byte(`{}`)}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	var got []string
	for after := (store.Collection{}); ; {
		page, err := lister.Collections(context.Background(), after, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			got = append(got, c.String())
		}
		after = page[len(page)-1]
	}
	if text := fmt.Sprint(got); text != "[a-b/x a/x a/y b/x]" {
		t.Errorf("got %s, want [a-b/x a/x a/y b/x]", text)
	}
}
