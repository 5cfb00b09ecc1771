package storetest

import (
	"testing"

	"tidings/filter"
	"tidings/protocol"
	"tidings/store"
)

// testRows holds that who has rows writes among these alone: a document that is none of them is not there, and none
// leaves them or is made outside.
func testRows(t *testing.T, m Maker) {
	rows, err := filter.Parse([]byte(`{"equals":{"tenant":"a"}}`))
	if err != nil {
		t.Fatal(err)
	}
	const mine, other = `{"tenant":"a","n":1}`, `{"tenant":"b","n":1}`
	for _, c := range []struct {
		name, before string // "": nothing is there
		op           store.Op
		code         protocol.Code // "": it is made
	}{
		{name: "create", op: store.Op{Action: store.Create, Content: []byte(mine)}},
		{name: "create outside", op: store.Op{Action: store.Create, Content: []byte(other)}, code: protocol.CodeForbidden},
		{name: "put", before: mine, op: store.Op{Action: store.Put, Content: []byte(mine)}},
		{name: "put that takes it out", before: mine, op: store.Op{Action: store.Put, Content: []byte(other)}, code: protocol.CodeForbidden},
		{name: "put on another's", before: other, op: store.Op{Action: store.Put, Content: []byte(mine)}, code: protocol.CodeForbidden},
		{name: "create of another's id", before: other, op: store.Op{Action: store.Create, Content: []byte(mine)}, code: protocol.CodeForbidden},
		{name: "upsert on another's", before: other, op: store.Op{Action: store.Upsert, Content: []byte(mine)}, code: protocol.CodeForbidden},
		{name: "upsert of nothing, outside", op: store.Op{Action: store.Upsert, Content: []byte(`{"n":1}`), Default: []byte(other)}, code: protocol.CodeForbidden},
		{name: "replace", before: mine, op: store.Op{Action: store.Replace, Content: []byte(`{"tenant":"a"}`)}},
		{name: "replace of another's", before: other, op: store.Op{Action: store.Replace, Content: []byte(mine)}, code: protocol.CodeNotFound},
		{name: "patch", before: mine, op: store.Op{Action: store.Patch, Content: []byte(`{"n":2}`)}},
		{name: "patch that takes it out", before: mine, op: store.Op{Action: store.Patch, Content: []byte(`{"tenant":"b"}`)}, code: protocol.CodeForbidden},
		{name: "patch that would take it in", before: other, op: store.Op{Action: store.Patch, Content: []byte(`{"tenant":"a"}`)}, code: protocol.CodeNotFound},
		{name: "patch of another's, with a wrong version", before: other, op: store.Op{Action: store.Patch, Content: []byte(`{}`), Version: 99}, code: protocol.CodeNotFound},
		{name: "removeFields that takes it out", before: mine, op: store.Op{Action: store.RemoveFields, Fields: []string{"tenant"}}, code: protocol.CodeForbidden},
		{name: "remove", before: mine, op: store.Op{Action: store.Remove}},
		{name: "remove of another's", before: other, op: store.Op{Action: store.Remove}, code: protocol.CodeNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := open(t, m)
			was := ""
			if c.before != "" {
				was = string(w.put("t", c.before).Document)
			}
			c.op.ID, c.op.Rows = "t", rows
			if c.code == "" {
				w.do(c.op)
				return
			}
			if r := w.refused(c.op, c.code); r.Version != 0 || r.Document != nil {
				t.Errorf("the refusal shows %+v", r)
			}
			found, err := w.Get(t.Context(), taxis, []string{"t"})
			if err != nil || (len(found) == 1) != (was != "") || len(found) == 1 && string(found[0].JSON) != was {
				t.Errorf("it was %s, and is %v: %v", was, found, err)
			}
		})
	}
}
