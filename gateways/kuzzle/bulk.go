package kuzzle

import (
	"encoding/json"
	"strconv"
)

// bulkWrite is bulk:write. Nobody hears of it unless notify is true.
func (t *talk) bulkWrite(r *request) *fault {
	return t.write(r, write{native: "put", content: true, ids: r.args["_id"] != nil, source: true, version: true, created: true}.orCreate(r), !r.flag("notify"))
}

// orCreate returns the write for a document that need not have an id.
func (w write) orCreate(r *request) write {
	if r.args["_id"] == nil {
		w.native = "create"
	}
	return w
}

// bulkMWrite is bulk:mWrite.
func (t *talk) bulkMWrite(r *request) *fault { return t.writeMany(r, "put", !r.flag("notify")) }

// bulkImport is bulk:import: pairs of what to do and with which content, as Elasticsearch has them. Nobody hears of it.
func (t *talk) bulkImport(r *request) *fault {
	parts, wrong := r.object()
	if wrong != nil {
		return wrong
	}
	if parts["bulkData"] == nil {
		return failure(missingArgument, "body.bulkData")
	}
	var data []map[string]json.RawMessage
	if json.Unmarshal(parts["bulkData"], &data) != nil {
		return failure(invalidType, "body.bulkData", "array of objects")
	}
	operations, verbs := []byte{'['}, []string{}
	for i := 0; i < len(data); i++ {
		verb, op, wrong := importOperation(data, &i)
		if wrong != nil {
			return wrong
		}
		verbs = append(verbs, verb)
		operations = append(separated(operations, ""), op...)
	}
	switch {
	case len(verbs) == 0:
		return failure(emptyArgument, "body.bulkData")
	case len(verbs) > maxMany:
		return failure(writeLimit)
	}
	d, wrong := documents(r, "bulk")
	if wrong != nil {
		return wrong
	}
	t.call(d.with("operations", append(operations, ']')).writes(true), func(answer []byte) {
		var done bulked
		json.Unmarshal(answer, &done)
		successes, errors := []byte(`{"successes":[`), []byte(`],"errors":[`)
		for i, one := range done.Results {
			if one.Error != nil {
				f := t.documentFault(r, one.Error.Code, one.Error.Message)
				errors = append(appendMember(separated(errors, `{"`+verbs[i]+`":{"status":`+strconv.Itoa(f.status)), "reason", one.Error.Message), "}}"...)
				continue
			}
			status := 200
			if one.Event == "created" {
				status = 201
			}
			successes = append(appendMember(separated(successes, `{"`+verbs[i]+`":{"status":`+strconv.Itoa(status)), "_id", one.ID), "}}"...)
		}
		t.answer(r, append(append(successes, errors...), "]}"...))
	})
	return nil
}

// importOperation returns the operation that stands at i, and moves i to the end of it.
func importOperation(data []map[string]json.RawMessage, i *int) (verb string, op []byte, wrong *fault) {
	natives := map[string]string{"index": "put", "create": "create", "update": "patch", "delete": "remove"}
	for name, raw := range data[*i] {
		native, known := natives[name]
		var target struct {
			ID json.RawMessage `json:"_id"`
		}
		if !known || len(data[*i]) != 1 || json.Unmarshal(raw, &target) != nil {
			break
		}
		if target.ID == nil && native == "put" {
			native = "create"
		}
		op = appendText([]byte(`{"action":`), native)
		if target.ID != nil {
			op = appendRaw(op, "id", target.ID)
		}
		if native == "remove" {
			return name, append(op, '}'), nil
		}
		if *i++; *i == len(data) {
			break
		}
		body, _ := json.Marshal(data[*i])
		if name == "update" {
			if body = data[*i]["doc"]; body == nil {
				break
			}
		}
		return name, append(appendRaw(op, "content", content(body)), '}'), nil
	}
	return "", nil, failure(invalidArgument, "body.bulkData", "pairs of {index|create|update: {_id}} and a document, or {delete: {_id}}")
}

// byQuery carries out deleteByQuery and updateByQuery on all documents that there are now, page by page.
func (t *talk) byQuery(r *request, silent bool) *fault {
	parts, wrong := r.object()
	if wrong != nil {
		return wrong
	}
	changes := parts["changes"]
	removes := r.action == "deleteByQuery"
	if !removes && changes == nil {
		return failure(missingArgument, "body.changes")
	}
	if parts["query"] == nil {
		return failure(missingArgument, "body.query")
	}
	searching := *r
	searching.body, _ = json.Marshal(map[string]json.RawMessage{"query": parts["query"]})
	q, wrong := t.querying(&searching)
	if wrong != nil {
		return wrong
	}
	q.From, q.Size = 0, maxFound
	return t.find(r, *q, func(got *found) {
		if got.next != "" {
			t.refuse(r, failure(writeLimit))
			return
		}
		t.inSteps(r, got.hits, func(ids []string) []byte {
			if removes {
				return removals(ids)
			}
			operations := []byte{'['}
			for _, id := range ids {
				operations = append(appendRaw(appendText(separated(operations, `{"action":"patch","id":`), id), "content", content(changes)), '}')
			}
			return append(operations, ']')
		}, silent)
	})
}

// inSteps makes operations on documents, as many as a request may have at a time, and answers with all that were made.
func (t *talk) inSteps(r *request, docs []json.RawMessage, operations func(ids []string) []byte, silent bool) {
	successes, ids, errors, deleted := []byte(`[`), []byte(`[`), []byte(`[`), 0
	var step func(docs []json.RawMessage)
	step = func(docs []json.RawMessage) {
		if len(docs) == 0 {
			result := appendRaw(appendInt([]byte(`{"total":`+strconv.Itoa(deleted)), "deleted", int64(deleted)), "ids", append(ids, ']'))
			result = appendRaw(appendRaw(result, "documents", append(successes, ']')), "successes", append(successes, ']'))
			t.answer(r, append(appendRaw(appendRaw(result, "errors", append(errors, ']')), "failures", append(errors, ']')), '}'))
			return
		}
		now := docs[:min(maxMany, len(docs))]
		names := make([]string, len(now))
		for i, raw := range now {
			json.Unmarshal(split(raw, true).id, &names[i])
		}
		d, _ := documents(r, "bulk")
		t.call(d.with("operations", operations(names)).writes(silent), func(answer []byte) {
			var done bulked
			json.Unmarshal(answer, &done)
			for i, one := range done.Results {
				if one.Error != nil {
					f := t.documentFault(r, one.Error.Code, one.Error.Message)
					errors = appendMember(separated(errors, `{"status":`+strconv.Itoa(f.status)), "_id", names[i])
					errors = append(appendMember(errors, "reason", one.Error.Message), '}')
					continue
				}
				deleted++
				ids = appendText(separated(ids, ""), names[i])
				successes = appendText(separated(successes, `{"_id":`), names[i])
				if r.flag("source") {
					successes = appendRaw(successes, "_source", split(now[i], true).source)
				}
				successes = append(strconv.AppendInt(append(successes, `,"status":`...), 200, 10), '}')
			}
			step(docs[len(now):])
		})
	}
	step(docs)
}
