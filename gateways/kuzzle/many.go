package kuzzle

import (
	"encoding/json"
	"strconv"

	"tidings/protocol"
)

// maxMany bounds the documents of one request, and maxManyBytes what an answer has of them: 1 MiB.
const (
	maxMany      = 1000
	maxManyBytes = 1 << 20
)

// gotMany is the native answer to mGet.
type gotMany struct {
	Documents []json.RawMessage `json:"documents"`
	Missing   []string          `json:"missing"`
	Left      []string          `json:"left"`
}

// bulked is the native answer to a bulk of operations.
type bulked struct {
	Results []struct {
		ID      string `json:"id"`
		Version uint64 `json:"version"`
		Event   string `json:"event"`
		Error   *struct {
			Code    protocol.Code `json:"code"`
			Message string        `json:"message"`
		} `json:"error"`
	} `json:"results"`
}

// item is one document of a request for several.
type item struct {
	raw     json.RawMessage
	ID      json.RawMessage `json:"_id"`
	Body    json.RawMessage `json:"body"`
	Changes json.RawMessage `json:"changes"`
	Default json.RawMessage `json:"default"`
}

// items reads body.documents.
func (r *request) items(name string) ([]item, *fault) {
	parts, wrong := r.object()
	if wrong != nil {
		return nil, wrong
	}
	if parts[name] == nil {
		return nil, failure(missingArgument, "body."+name)
	}
	var raw []json.RawMessage
	if json.Unmarshal(parts[name], &raw) != nil {
		return nil, failure(invalidType, "body."+name, "array")
	}
	switch {
	case len(raw) == 0:
		return nil, failure(emptyArgument, "body."+name)
	case len(raw) > maxMany:
		return nil, failure(writeLimit)
	}
	items := make([]item, len(raw))
	for i := range raw {
		if json.Unmarshal(raw[i], &items[i]) != nil {
			return nil, failure(invalidType, "body."+name, "array of objects")
		}
		items[i].raw = raw[i]
	}
	return items, nil
}

// writeMany carries out mCreate and its like: native is the action of each operation.
func (t *talk) writeMany(r *request, native string, silent bool) *fault {
	items, wrong := r.items("documents")
	if wrong != nil {
		return wrong
	}
	operations := []byte{'['}
	for i, it := range items {
		body := it.Body
		if native == "upsert" {
			body = it.Changes
		}
		if i > 0 {
			operations = append(operations, ',')
		}
		op := appendText([]byte(`{"action":`), native)
		for _, m := range [...]struct {
			name  string
			value []byte
		}{{"id", it.ID}, {"content", content(body)}, {"default", it.Default}} {
			if m.value != nil {
				op = appendRaw(op, m.name, m.value)
			}
		}
		operations = append(append(operations, op...), '}')
	}
	d, wrong := documents(r, "bulk")
	if wrong != nil {
		return wrong
	}
	t.call(d.with("operations", append(operations, ']')).writes(silent), func(answer []byte) {
		var done bulked
		json.Unmarshal(answer, &done)
		var ids []string
		for _, one := range done.Results {
			if one.Error == nil {
				ids = append(ids, one.ID)
			}
		}
		t.read(r, ids, func(sources map[string]document) { t.answer(r, t.manyWritten(r, items, &done, sources)) })
	})
	return nil
}

func (t *talk) manyWritten(r *request, items []item, done *bulked, sources map[string]document) []byte {
	successes, errors := []byte(`{"successes":[`), []byte(`],"errors":[`)
	for i, one := range done.Results {
		if one.Error != nil {
			f := t.documentFault(r, one.Error.Code, one.Error.Message)
			errors = appendRaw(separated(errors, `{"status":`+strconv.Itoa(f.status)), "document", items[i].raw)
			errors = append(appendMember(errors, "reason", one.Error.Message), '}')
			continue
		}
		status := 200
		if one.Event == "created" {
			status = 201
		}
		successes = appendRaw(appendMember(separated(successes, `{"status":`+strconv.Itoa(status)), "_id", one.ID), "_source", sources[one.ID].source)
		successes = strconv.AppendUint(appendName(successes, "_version"), one.Version, 10)
		successes = append(strconv.AppendBool(appendName(successes, "created"), one.Event == "created"), '}')
	}
	return append(append(successes, errors...), "]}"...)
}

// separated appends an element of a list, after a comma if it is not the first.
func separated(dst []byte, element string) []byte {
	if dst[len(dst)-1] != '[' {
		dst = append(dst, ',')
	}
	return append(dst, element...)
}

// read reads documents by their ids, as far as an answer has space for them.
func (t *talk) read(r *request, ids []string, then func(map[string]document)) {
	found, size := map[string]document{}, 0
	var more func(ids []string)
	more = func(ids []string) {
		if len(ids) == 0 || size >= maxManyBytes {
			then(found)
			return
		}
		d, _ := documents(r, "mGet") // the collection has been looked at
		names, _ := json.Marshal(ids)
		t.call(d.with("ids", names), func(answer []byte) {
			var got gotMany
			json.Unmarshal(answer, &got)
			for _, raw := range got.Documents {
				doc := split(raw, true)
				id, _ := protocol.ReadString(doc.id)
				found[id] = doc
				size += len(raw)
			}
			more(got.Left)
		})
	}
	more(ids)
}

// ids reads body.ids.
func (r *request) ids() ([]string, *fault) {
	parts, wrong := r.object()
	if wrong != nil {
		return nil, wrong
	}
	if parts["ids"] == nil {
		return nil, failure(missingArgument, "body.ids")
	}
	var ids []string
	switch {
	case json.Unmarshal(parts["ids"], &ids) != nil:
		return nil, failure(invalidType, "body.ids", "array of strings")
	case len(ids) == 0:
		return nil, failure(emptyArgument, "body.ids")
	case len(ids) > maxMany:
		return nil, failure(getLimit)
	}
	return ids, nil
}

// mGet is document:mGet.
func (t *talk) mGet(r *request) *fault {
	ids, wrong := r.ids()
	if wrong != nil {
		return wrong
	}
	if _, wrong := r.channel(); wrong != nil {
		return wrong
	}
	t.read(r, ids, func(found map[string]document) {
		successes, errors, size := []byte(`{"successes":[`), []byte(`],"errors":[`), 0
		for _, id := range ids {
			doc, ok := found[id]
			if !ok {
				errors = appendText(separated(errors, ""), id)
				continue
			}
			size += len(doc.source)
			successes = appendRaw(appendText(separated(successes, `{"_id":`), id), "_source", doc.source)
			successes = append(appendRaw(successes, "_version", doc.version), '}')
		}
		if size >= maxManyBytes { // what is left out would look as if it were not there
			t.refuse(r, failure(getLimit))
			return
		}
		t.answer(r, append(append(successes, errors...), "]}"...))
	})
	return nil
}

// mExists is document:mExists.
func (t *talk) mExists(r *request) *fault {
	ids, wrong := r.ids()
	if wrong != nil {
		return wrong
	}
	if _, wrong := r.channel(); wrong != nil {
		return wrong
	}
	t.read(r, ids, func(found map[string]document) {
		successes, errors, size := []byte(`{"successes":[`), []byte(`],"errors":[`), 0
		for _, id := range ids {
			doc, ok := found[id]
			if size += len(doc.source); ok {
				successes = appendText(separated(successes, ""), id)
			} else {
				errors = appendText(separated(errors, ""), id)
			}
		}
		if size >= maxManyBytes { // what was not read would look as if it were not there
			t.refuse(r, failure(getLimit))
			return
		}
		t.answer(r, append(append(successes, errors...), "]}"...))
	})
	return nil
}

// mDelete is document:mDelete.
func (t *talk) mDelete(r *request) *fault {
	ids, wrong := r.ids()
	if wrong != nil {
		return wrong
	}
	d, wrong := documents(r, "bulk")
	if wrong != nil {
		return wrong
	}
	t.call(d.with("operations", removals(ids)).writes(false), func(answer []byte) {
		var done bulked
		json.Unmarshal(answer, &done)
		successes, errors := []byte(`{"successes":[`), []byte(`],"errors":[`)
		for i, one := range done.Results {
			if one.Error == nil {
				successes = appendText(separated(successes, ""), ids[i])
				continue
			}
			f := t.documentFault(r, one.Error.Code, one.Error.Message)
			errors = appendMember(separated(errors, `{"status":`+strconv.Itoa(f.status)), "_id", ids[i])
			errors = append(appendMember(errors, "reason", one.Error.Message), '}')
		}
		t.answer(r, append(append(successes, errors...), "]}"...))
	})
	return nil
}

// removals are operations that remove documents.
func removals(ids []string) []byte {
	operations := []byte{'['}
	for _, id := range ids {
		operations = append(appendText(separated(operations, `{"action":"remove","id":`), id), '}')
	}
	return append(operations, ']')
}
