package client

import (
	"reflect"
	"testing"

	"tidings/protocol"
)

func TestMessageSaysWhatItHasBesideItsData(t *testing.T) {
	for name, c := range map[string]struct {
		extra  *protocol.Extra
		meta   string
		change *Change
	}{
		"nothing":             {},
		"meta":                {extra: &protocol.Extra{Meta: []byte(`{"by":"desk"}`)}, meta: `{"by":"desk"}`},
		"an update":           {extra: &protocol.Extra{Change: 41, Txn: 40, Changed: []byte(`["a","b.c"]`)}, change: &Change{Number: 41, Txn: 40, Paths: []string{"a", "b.c"}}},
		"a creation":          {extra: &protocol.Extra{Change: 41}, change: &Change{Number: 41, Txn: 41}},
		"a removal with meta": {extra: &protocol.Extra{Meta: []byte(`{}`), Change: 42, Gone: true}, meta: `{}`, change: &Change{Number: 42, Txn: 42, Gone: true}},
	} {
		m := messageOf(&protocol.Message{Channel: "a", Data: []byte(`1`), Extra: c.extra}, "e")
		if string(m.Meta) != c.meta || !reflect.DeepEqual(m.Change, c.change) {
			t.Errorf("%s: meta %s and change %+v, want %s and %+v", name, m.Meta, m.Change, c.meta, c.change)
		}
	}
}
