package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tidings/filter"
	"tidings/protocol"
	"tidings/store"
)

func testActions(t *testing.T, m Maker) {
	for _, c := range []struct {
		name, before string // "": nothing is there
		op           store.Op
		want         string // the content after it
		event        store.Event
		code         protocol.Code
	}{
		{name: "create", op: store.Op{Action: store.Create, Content: []byte(` {"a" : 1} `)}, want: `{"a":1}`, event: store.Created},
		{name: "create of what is there", before: `{}`, op: store.Op{Action: store.Create, Content: []byte(`{"a":1}`)}, code: protocol.CodeVersionConflict},
		{name: "put", op: store.Op{Action: store.Put, Content: []byte(`{"a":1}`)}, want: `{"a":1}`, event: store.Created},
		{name: "put on another", before: `{"b":2}`, op: store.Op{Action: store.Put, Content: []byte(`{"a":1}`)}, want: `{"a":1}`, event: store.Updated},
		{name: "replace", before: `{"b":2}`, op: store.Op{Action: store.Replace, Content: []byte(`{"a":1}`)}, want: `{"a":1}`, event: store.Updated},
		{name: "replace of nothing", op: store.Op{Action: store.Replace, Content: []byte(`{}`)}, code: protocol.CodeNotFound},
		{name: "patch merges objects, not arrays; null is a value", before: `{"a":{"x":1,"y":2},"l":[1,2],"n":1}`,
			op: store.Op{Action: store.Patch, Content: []byte(`{"a":{"y":3,"z":4},"l":[9],"n":null}`)}, want: `{"a":{"x":1,"y":3,"z":4},"l":[9],"n":null}`, event: store.Patched},
		{name: "patch of nothing", op: store.Op{Action: store.Patch, Content: []byte(`{}`)}, code: protocol.CodeNotFound},
		{name: "upsert of nothing", op: store.Op{Action: store.Upsert, Content: []byte(`{"a":1}`)}, want: `{"a":1}`, event: store.Created},
		{name: "upsert with a default", op: store.Op{Action: store.Upsert, Content: []byte(`{"a":1}`), Default: []byte(`{"a":0,"b":0}`)}, want: `{"a":1,"b":0}`, event: store.Created},
		{name: "upsert of what is there", before: `{"b":2}`, op: store.Op{Action: store.Upsert, Content: []byte(`{"a":1}`), Default: []byte(`{"b":0}`)}, want: `{"a":1,"b":2}`, event: store.Patched},
		{name: "remove", before: `{"b":2}`, op: store.Op{Action: store.Remove}, want: `{"b":2}`, event: store.Removed},
		{name: "remove of nothing", op: store.Op{Action: store.Remove}, code: protocol.CodeNotFound},
		{name: "removeFields", before: `{"a":{"x":1,"y":2},"b":1,"c.d":1}`, op: store.Op{Action: store.RemoveFields, Fields: []string{"a.x", "b", "c.d", "nowhere"}}, want: `{"a":{"y":2}}`, event: store.Patched},
		{name: "removeFields of none", before: `{}`, op: store.Op{Action: store.RemoveFields}, code: protocol.CodeBadRequest},
		{name: "an action that does not exist", op: store.Op{Action: "drop"}, code: protocol.CodeBadRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := open(t, m)
			if c.before != "" {
				w.put("t", c.before)
			}
			c.op.ID = "t"
			if c.code != "" {
				w.refused(c.op, c.code)
				return
			}
			r := w.do(c.op)
			if got := content(t, r.Document); got != c.want || r.Event != c.event {
				t.Errorf("%s of %s: got %s %s, want %s %s", c.name, c.before, r.Event, got, c.event, c.want)
			}
			found, err := w.Get(context.Background(), taxis, []string{"t"})
			if err != nil || (len(found) == 1) != (c.op.Action != store.Remove) {
				t.Fatalf("there are %d documents: %v", len(found), err)
			}
			if len(found) == 1 && (string(found[0].JSON) != string(r.Document) || found[0].Version != r.Version) {
				t.Errorf("it was answered as %s, and is %s", r.Document, found[0].JSON)
			}
		})
	}
	t.Run("who made it, and when", func(t *testing.T) {
		w := open(t, m)
		w.write(store.Write{Ops: []store.Op{{Action: store.Create, ID: "t", Content: []byte(`{}`)}}, By: "ann"})
		r := w.write(store.Write{Ops: []store.Op{{Action: store.Patch, ID: "t", Content: []byte(`{}`)}}, By: "ben"})[0]
		var d struct {
			Info struct {
				Author, Updater      string
				CreatedAt, UpdatedAt int64
			} `json:"_info"`
		}
		if err := json.Unmarshal(r.Document, &d); err != nil || d.Info.Author != "ann" || d.Info.Updater != "ben" || d.Info.CreatedAt == 0 || d.Info.UpdatedAt < d.Info.CreatedAt {
			t.Errorf("%s: %v", r.Document, err)
		}
	})
	t.Run("an id is drawn", func(t *testing.T) {
		w := open(t, m)
		a, b := w.do(store.Op{Action: store.Create, Content: []byte(`{}`)}), w.do(store.Op{Action: store.Create, Content: []byte(`{}`)})
		if a.ID == "" || a.ID == b.ID {
			t.Errorf("ids are %q and %q", a.ID, b.ID)
		}
	})
	t.Run("a refusal is of one operation alone", func(t *testing.T) {
		w := open(t, m)
		results := w.write(store.Write{Ops: []store.Op{
			{Action: store.Put, ID: "a", Content: []byte(`{}`)}, {Action: store.Remove, ID: "nobody"}, {Action: store.Patch, ID: "a", Content: []byte(`{"x":1}`)},
		}})
		if results[0].Fault != nil || results[1].Fault == nil || results[2].Fault != nil || content(t, results[2].Document) != `{"x":1}` {
			t.Errorf("got %+v", results)
		}
	})
}

func testVersions(t *testing.T, m Maker) {
	w := open(t, m)
	first := w.put("t", `{"a":1}`)
	second := w.do(store.Op{Action: store.Patch, ID: "t", Content: []byte(`{"a":2}`), Version: first.Version})
	if second.Version <= first.Version {
		t.Fatalf("the version went from %d to %d", first.Version, second.Version)
	}
	for _, do := range []store.Action{store.Put, store.Replace, store.Patch, store.Upsert, store.Remove} {
		t.Run("B108 "+string(do)+" of an old version", func(t *testing.T) {
			w := &world{t, w.Store}
			r := w.refused(store.Op{Action: do, ID: "t", Content: []byte(`{}`), Version: first.Version}, protocol.CodeVersionConflict)
			if r.Version != second.Version {
				t.Errorf("the answer has version %d, want the current %d", r.Version, second.Version)
			}
		})
	}
	w.refused(store.Op{Action: store.Put, ID: "nobody", Content: []byte(`{}`), Version: 1}, protocol.CodeNotFound)
	w.do(store.Op{Action: store.Remove, ID: "t", Version: second.Version})
	if again := w.put("t", `{}`); again.Version <= second.Version {
		t.Errorf("a document that was removed and made again has version %d, after %d", again.Version, second.Version)
	}
}

func testIDs(t *testing.T, m Maker) {
	w := open(t, m)
	for _, c := range []struct {
		name, id string
		good     bool
	}{
		{"B106 128 bytes", strings.Repeat("x", 128), true},
		{"B106 129 bytes", strings.Repeat("x", 129), false},
		{"B106 none", "", false},
		{"B106 one dot", ".", false},
		{"B106 two dots", "..", false},
		{"B106 a path", "../x", true},
		{"B106 __proto__", "__proto__", false},
		{"B106 constructor", "constructor", true},
		{"B106 NUL", "a\x00b", false},
		{"B106 a line break", "a\nb", false},
		{"B106 no UTF-8", "a\xffb", false},
		{"B106 an emoji", "🚕", true},
		{"B106 a quote", `a"b'c`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{t, w.Store}
			op := store.Op{Action: store.Put, ID: c.id, Content: []byte(`{}`)}
			if !c.good {
				w.refused(op, protocol.CodeBadRequest)
				return
			}
			w.do(op)
			if found, err := w.Get(context.Background(), taxis, []string{c.id}); err != nil || len(found) != 1 || found[0].ID != c.id {
				t.Errorf("%q is found as %+v: %v", c.id, found, err)
			}
		})
	}
}

func testContents(t *testing.T, m Maker) {
	w := open(t, m)
	deep := func(n int) string { return strings.Repeat(`{"a":`, n-1) + `{}` + strings.Repeat("}", n-1) }
	tokens := func(n int) string { return `{"a":[0` + strings.Repeat(",0", n) + `]}` }
	empty := w.put("t", `{"a":""}`)
	room := protocol.MaxPayloadBytes - len(empty.Document) - 10 // the version may have some digits more
	for _, c := range []struct {
		name, content string
		code          protocol.Code
	}{
		{"B107 64 KiB with its metadata", `{"a":"` + strings.Repeat("x", room) + `"}`, ""},
		{"B107 64 KiB + 200 with its metadata", `{"a":"` + strings.Repeat("x", room+200) + `"}`, protocol.CodeTooLarge},
		{"B107 64 KiB + 1 without", `{"a":"` + strings.Repeat("x", protocol.MaxPayloadBytes) + `"}`, protocol.CodeTooLarge},
		{"B107 depth 32", deep(32), ""},
		{"B107 depth 33", deep(33), protocol.CodeBadJSON},
		{"B107 9,900 tokens", tokens(9_900 / 2), ""},
		{"B107 10,001 tokens", tokens(10_001), protocol.CodeBadJSON},
		{"no object", `[1]`, protocol.CodeBadRequest},
		{"null", `null`, protocol.CodeBadRequest},
		{"nothing", ``, protocol.CodeBadRequest},
		{"no JSON", `{"a":}`, protocol.CodeBadJSON},
		{"a name twice", `{"a":1,"a":2}`, protocol.CodeBadJSON},
		{"the store's _id", `{"_id":"other"}`, protocol.CodeBadRequest},
		{"the store's _info", `{"_info":{}}`, protocol.CodeBadRequest},
		{"the store's _version, escaped", `{"\u005fversion":7}`, protocol.CodeBadRequest},
		{"__proto__", `{"__proto__":{"admin":true}}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{t, w.Store}
			op := store.Op{Action: store.Create, Content: []byte(c.content)}
			if c.code != "" {
				w.refused(op, c.code)
				return
			}
			op.ID = "t2"
			w.write(store.Write{Ops: []store.Op{{Action: store.Remove, ID: op.ID}}})
			if r := w.do(op); len(r.Document) > protocol.MaxPayloadBytes {
				t.Errorf("the document has %d bytes", len(r.Document))
			}
		})
	}
	t.Run("B107 a patch that makes it too long", func(t *testing.T) {
		w := &world{t, w.Store}
		w.put("long", `{"a":"`+strings.Repeat("x", 40<<10)+`"}`)
		w.refused(store.Op{Action: store.Patch, ID: "long", Content: []byte(`{"b":"` + strings.Repeat("y", 40<<10) + `"}`)}, protocol.CodeTooLarge)
	})
}

// What looks like SQL, or like a path of JSON, is data in every place where a caller has text.
func testTexts(t *testing.T, m Maker) {
	w := open(t, m)
	for i, text := range []string{`'; DROP TABLE documents; --`, `" OR 1=1 --`, `$."a"`, `a' || 'b`, `%`, `_`, `\`, "a`b", `]]>`, `{"$gt":""}`} {
		t.Run(fmt.Sprintf("B109 %s", text), func(t *testing.T) {
			w := &world{t, w.Store}
			quoted, _ := json.Marshal(text)
			name := fmt.Sprintf("n%d", i)
			w.put(text, fmt.Sprintf(`{"n":%q,"v":%s,%s:1}`, name, quoted, quoted))
			w.write(store.Write{Ops: []store.Op{{Action: store.Patch, ID: text, Content: []byte(`{}`)}}, By: text, Key: "key" + text, Principal: text, Hash: hashOf(text)})
			for _, raw := range []string{`{"equals":{"v":%s}}`, `{"ids":{"values":[%s]}}`, `{"and":[{"exists":%s},{"equals":{"n":"` + name + `"}}]}`} {
				f, err := filter.Parse(fmt.Appendf(nil, raw, quoted))
				if err != nil {
					t.Fatal(err)
				}
				if page := w.search(store.Query{Filter: f}); len(page.Documents) != 1 || page.Documents[0].ID != text {
					t.Errorf(raw+" finds %d documents", quoted, len(page.Documents))
				}
			}
			if _, err := w.Search(context.Background(), taxis, store.Query{Sort: []store.Order{{Field: text}}}); err != nil && !errors.Is(err, &protocol.Error{Code: protocol.CodeBadRequest}) {
				t.Errorf("a sort by %q: %v", text, err)
			}
		})
	}
	if page := w.search(store.Query{}); len(page.Documents) != 10 {
		t.Errorf("there are %d documents in the end", len(page.Documents))
	}
}

func testKeys(t *testing.T, m Maker) {
	w := open(t, m)
	request := store.Write{Ops: []store.Op{{Action: store.Create, ID: "a", Content: []byte(`{"n":1}`)}}, Key: "k", Principal: "p", Hash: hashOf("1")}
	first := w.write(request)[0]
	again := w.write(request)[0]
	if again.Fault != nil || again.Version != first.Version || string(again.Document) != string(first.Document) {
		t.Errorf("the repetition was answered %+v, the first %+v", again, first)
	}
	other := request
	other.Hash, other.Collection = hashOf("2"), taxis
	if _, err := w.Write(context.Background(), other); !errors.Is(err, &protocol.Error{Code: protocol.CodeIdempotencyConflict}) {
		t.Errorf("another request with the key: %v", err)
	}
	foreign := request
	foreign.Principal = "q"
	if r := w.write(foreign)[0]; r.Fault == nil {
		t.Error("keys of two principals meet")
	}
	if n := len(w.changes(0)); n != 1 {
		t.Errorf("%d changes were made", n)
	}
	w.Store = m.Reopen(t, w.Store)
	if r := w.write(request)[0]; r.Fault != nil || r.Version != first.Version {
		t.Errorf("after a restart the repetition was answered %+v", r)
	}
	refused := store.Write{Ops: []store.Op{{Action: store.Remove, ID: "later"}}, Key: "l", Principal: "p"}
	if r := w.write(refused)[0]; r.Fault == nil {
		t.Error("what is not there was removed")
	}
	w.put("later", `{}`)
	if r := w.write(refused)[0]; r.Fault != nil {
		t.Errorf("a refused request is remembered: %v", r.Fault)
	}
}

func testClose(t *testing.T, m Maker) {
	w := open(t, m)
	w.put("a", `{}`)
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	down := &protocol.Error{Code: protocol.CodeShuttingDown}
	if _, err := w.Write(context.Background(), store.Write{Collection: taxis, Ops: make([]store.Op, 1)}); !errors.Is(err, down) {
		t.Errorf("a write: %v", err)
	}
	if _, err := w.Search(context.Background(), taxis, store.Query{}); !errors.Is(err, down) {
		t.Errorf("a search: %v", err)
	}
}
