package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tidings/filter"
	"tidings/protocol"
	"tidings/store"
)

func ids(page store.Page) (list []string) {
	for _, d := range page.Documents {
		list = append(list, d.ID)
	}
	return list
}

func testGet(t *testing.T, m Maker) {
	w := open(t, m)
	w.put("a", `{}`)
	w.put("b", `{}`)
	other := store.Collection{Index: "city", Name: "buses"}
	if _, err := w.Write(context.Background(), store.Write{Collection: other, Ops: []store.Op{{Action: store.Put, ID: "c", Content: []byte(`{}`)}}}); err != nil {
		t.Fatal(err)
	}
	found, err := w.Get(context.Background(), taxis, []string{"b", "c", "nobody", "a"})
	if err != nil || len(found) != 2 || found[0].ID != "b" || found[1].ID != "a" {
		t.Errorf("found %+v: %v", found, err)
	}
	if list := ids(w.search(store.Query{})); !slices.Equal(list, []string{"a", "b"}) {
		t.Errorf("a collection has %q", list)
	}
}

func testSorts(t *testing.T, m Maker) {
	w := open(t, m)
	for id, content := range map[string]string{
		"none": `{}`, "null": `{"v":null}`, "one": `{"v":1,"o":{"n":2}}`, "two": `{"v":2.5,"o":{"n":1}}`, "big": `{"v":9007199254740993}`, "bigger": `{"v":9007199254740994}`,
		"text": `{"v":"b"}`, "text2": `{"v":"ä"}`, "also": `{"v":1,"o":{"n":1}}`,
	} {
		w.put(id, content)
	}
	for _, c := range []struct {
		name string
		sort []store.Order
		want string
	}{
		{"by id", nil, "also big bigger none null one text text2 two"},
		{"by id, down", []store.Order{{Field: "_id", Down: true}}, "two text2 text one null none bigger big also"},
		{"by a field", []store.Order{{Field: "v"}}, "none null also one two big bigger text text2"},
		{"by a field, down", []store.Order{{Field: "v", Down: true}}, "text2 text bigger big two also one none null"},
		{"by two", []store.Order{{Field: "v"}, {Field: "o.n", Down: true}}, "none null one also two big bigger text text2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{t, w.Store}
			for limit := 1; limit <= 10; limit += 3 {
				var got []string
				q := store.Query{Sort: c.sort, Limit: limit}
				for {
					page := w.search(q)
					got = append(got, ids(page)...)
					if q.After = page.Next; page.Next == "" {
						break
					}
				}
				if strings.Join(got, " ") != c.want {
					t.Errorf("pages of %d: got %q, want %s", limit, got, c.want)
				}
			}
		})
	}
}

func testPages(t *testing.T, m Maker) {
	w := open(t, m)
	for n := range 20 {
		w.put(fmt.Sprintf("%02d", n), fmt.Sprintf(`{"n":%d}`, n))
	}
	even, err := filter.Parse([]byte(`{"in":{"n":[0,2,4,6,8,10]}}`))
	if err != nil {
		t.Fatal(err)
	}
	page := w.search(store.Query{Filter: even, Limit: 4, Count: true})
	if len(page.Documents) != 4 || page.Total != 6 || !page.Counted || !page.Complete || page.Next == "" {
		t.Errorf("first page: %q, total %d, next %q", ids(page), page.Total, page.Next)
	}
	// A page by keys is not moved by what comes or goes before it.
	w.do(store.Op{Action: store.Remove, ID: "00"})
	last := w.search(store.Query{Filter: even, Limit: 4, After: page.Next})
	if got := ids(last); !slices.Equal(got, []string{"08", "10"}) || last.Next != "" {
		t.Errorf("second page: %q, next %q", got, last.Next)
	}
	// Long documents end a page before its limit does.
	for n := range 30 {
		w.put(fmt.Sprintf("long%02d", n), `{"t":"`+strings.Repeat("x", 60<<10)+`"}`)
	}
	page = w.search(store.Query{Limit: store.MaxLimit})
	if n := len(page.Documents); n == 49 || page.Next == "" || !page.Complete {
		t.Errorf("a page of %d documents of 60 KiB each", n)
	}
	page = w.search(store.Query{Sort: []store.Order{{Field: "t", Down: true}}, MaxBytes: 100 << 10})
	if n := len(page.Documents); n != 2 || page.Next == "" {
		t.Errorf("a page of at most 100 KiB and one more has %d documents of 60 KiB, next %q", n, page.Next)
	}
}

func testCursors(t *testing.T, m Maker) {
	w := open(t, m)
	for _, id := range []string{"a", "b", "c"} {
		w.put(id, `{"v":1}`)
	}
	next := w.search(store.Query{Limit: 1}).Next
	exists, err := filter.Parse([]byte(`{"exists":"v"}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		q    store.Query
		code protocol.Code
	}{
		{"of another filter", store.Query{After: next, Filter: exists}, protocol.CodeBadCursor},
		{"of another sort", store.Query{After: next, Sort: []store.Order{{Field: "v"}}}, protocol.CodeBadCursor},
		{"no base64", store.Query{After: "!!!"}, protocol.CodeBadCursor},
		{"no JSON", store.Query{After: "AAAA"}, protocol.CodeBadCursor},
		{"too many documents", store.Query{Limit: store.MaxLimit + 1}, protocol.CodeBadRequest},
		{"fewer than none", store.Query{Limit: -1}, protocol.CodeBadRequest},
		{"five fields", store.Query{Sort: make([]store.Order, 5)}, protocol.CodeBadRequest},
		{"a field twice", store.Query{Sort: []store.Order{{Field: "v"}, {Field: "v", Down: true}}}, protocol.CodeBadRequest},
		{"a field without a name", store.Query{Sort: []store.Order{{}}}, protocol.CodeBadRequest},
	} {
		if _, err := w.Search(context.Background(), taxis, c.q); !errors.Is(err, &protocol.Error{Code: c.code}) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.code)
		}
	}
}

// A search that reads more documents than it may says so, and goes on from there.
func testBounds(t *testing.T, m Maker) {
	w := open(t, m)
	for from := 0; from < store.MaxRead+500; from += 500 {
		ops := make([]store.Op, 500)
		for i := range ops {
			ops[i] = store.Op{Action: store.Put, ID: fmt.Sprintf("%06d", from+i), Content: fmt.Appendf(nil, `{"n":"%d"}`, from+i)}
		}
		w.write(store.Write{Ops: ops, Silent: true})
	}
	// SQL cannot say it, so that each document is read.
	last, err := filter.Parse(fmt.Appendf(nil, `{"regexp":{"n":"^%d$"}}`, store.MaxRead+100))
	if err != nil {
		t.Fatal(err)
	}
	page := w.search(store.Query{Filter: last, Count: true})
	if page.Complete || page.Counted || len(page.Documents) != 0 || page.Next == "" {
		t.Fatalf("complete %v, counted %v, next %q, %q", page.Complete, page.Counted, page.Next, ids(page))
	}
	page = w.search(store.Query{Filter: last, After: page.Next})
	if len(page.Documents) != 1 || !page.Complete || page.Next != "" {
		t.Errorf("the rest: complete %v, next %q, %q", page.Complete, page.Next, ids(page))
	}
}
