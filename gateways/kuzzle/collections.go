package kuzzle

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"tidings/protocol"
)

// acknowledged ends a request that has no other result.
func (t *talk) acknowledged(r *request) { t.answer(r, []byte(`{"acknowledged":true}`)) }

// onCollection carries out a native action on a whole collection.
func onCollection(native string) action {
	return func(t *talk, r *request) *fault {
		d, wrong := documents(r, native)
		if wrong == nil {
			t.call(d, func([]byte) { t.acknowledged(r) })
		}
		return wrong
	}
}

// createCollection is collection:create. Mappings are for an engine that there is not: one that would refuse a document
// is not made.
func (t *talk) createCollection(r *request) *fault {
	if r.body != nil && strings.Contains(string(r.body), `"strict"`) {
		return t.lang.lacks("collection:create with a strict mapping")
	}
	return onCollection("createCollection")(t, r)
}

// refresh is collection:refresh: what was written can be found at once.
func (t *talk) refresh(r *request) *fault {
	if _, wrong := r.channel(); wrong != nil {
		return wrong
	}
	t.answer(r, []byte("null"))
	return nil
}

// collections asks which collections there are that the client may read, of all indexes.
func (t *talk) collections(r *request, then func(of map[string][]string)) {
	from, _ := json.Marshal(origin{Protocol: r.via(), Request: r.id})
	t.ask(protocol.ClientFrame{Type: protocol.TypeCall, Method: "document", Data: []byte(`{"action":"collections"}`), Origin: from}, func(f *protocol.ServerFrame) {
		if wrong := t.refused(r, f); wrong != nil {
			t.refuse(r, wrong)
			return
		}
		var list struct {
			Collections []string `json:"collections"`
		}
		json.Unmarshal(f.Data, &list)
		of := map[string][]string{}
		for _, name := range list.Collections {
			index, collection, _ := strings.Cut(name, "/")
			of[index] = append(of[index], collection)
		}
		then(of)
	})
}

// listCollections is collection:list.
func (t *talk) listCollections(r *request) *fault {
	if r.index == "" {
		return failure(missingArgument, "index")
	}
	t.collections(r, func(of map[string][]string) {
		list := []byte(`,"collections":[`)
		for _, name := range of[r.index] {
			list = append(appendMember(appendText(separated(list, `{"name":`), name), "type", "stored"), '}')
		}
		t.answer(r, append(append([]byte(`{"type":"all"`), list...), "]}"...))
	})
	return nil
}

// collectionExists is collection:exists.
func (t *talk) collectionExists(r *request) *fault {
	if _, wrong := r.channel(); wrong != nil {
		return wrong
	}
	t.collections(r, func(of map[string][]string) {
		t.answer(r, strconv.AppendBool(nil, slices.Contains(of[r.index], r.collection)))
	})
	return nil
}

// createIndex is index:create. An index is there with its first collection, so there is nothing to do but to look at
// the name.
func (t *talk) createIndex(r *request) *fault {
	if r.index == "" {
		return failure(missingArgument, "index")
	}
	named := *r
	named.collection = "c"
	if _, wrong := named.channel(); wrong != nil {
		return wrong
	}
	t.acknowledged(r)
	return nil
}

// listIndexes is index:list.
func (t *talk) listIndexes(r *request) *fault {
	t.collections(r, func(of map[string][]string) {
		names := []byte(`{"indexes":[`)
		for index := range of {
			names = appendText(separated(names, ""), index)
		}
		t.answer(r, append(names, "]}"...))
	})
	return nil
}

// indexExists is index:exists.
func (t *talk) indexExists(r *request) *fault {
	if r.index == "" {
		return failure(missingArgument, "index")
	}
	t.collections(r, func(of map[string][]string) { t.answer(r, strconv.AppendBool(nil, of[r.index] != nil)) })
	return nil
}

// deleteIndex is index:delete: all collections of it that the client may see.
func (t *talk) deleteIndex(r *request) *fault {
	if r.index == "" {
		return failure(missingArgument, "index")
	}
	t.collections(r, func(of map[string][]string) {
		var drop func(names []string)
		drop = func(names []string) {
			if len(names) == 0 {
				t.acknowledged(r)
				return
			}
			one := *r
			one.collection = names[0]
			d, wrong := documents(&one, "dropCollection")
			if wrong != nil {
				t.refuse(r, wrong)
				return
			}
			t.call(d, func([]byte) { drop(names[1:]) })
		}
		drop(of[r.index])
	})
	return nil
}
