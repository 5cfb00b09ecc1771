package feathers

import (
	"encoding/json"
	"strconv"

	"tidings/protocol"
)

// call is a call of a service that is a collection of documents.
type call struct{ collection string }

// document asks the store, with the fields of an action.
func (c call) document(action string, fields map[string]any, answer func(data []byte) []byte) *Ask {
	fields["action"], fields["collection"] = action, c.collection
	data, err := json.Marshal(fields)
	if err != nil {
		return refused(badRequest.because("the arguments are not JSON"))
	}
	if data, err = protocol.CompactJSON(data); err != nil {
		return refused(badRequest.because(protocol.AsError(err).Reason))
	}
	return &Ask{Frames: []protocol.ClientFrame{{Type: protocol.TypeCall, Method: "document", Data: data}}, Answer: func(f *protocol.ServerFrame) []byte {
		switch {
		case f.Type == protocol.TypeError && f.Code == protocol.CodeNotFound && fields["id"] != nil:
			return notFound.because("No record found for id '" + clipped(fields["id"].(string)) + "'").Arguments()
		case f.Type == protocol.TypeError:
			return FaultOf(f).Arguments()
		}
		return answer(f.Data)
	}}
}

// Answers of the store.
type (
	found struct {
		Documents []json.RawMessage
		Total     *int
		Next      string
	}
	written struct{ Document json.RawMessage }
)

func (c call) find(query json.RawMessage) *Ask {
	q, fault := readQuery(query)
	if fault != nil {
		return refused(fault)
	}
	fields := map[string]any{"limit": max(q.skip+q.limit, 1), "count": true}
	if q.filter != nil {
		fields["filter"] = q.filter
	}
	if q.sort != nil {
		fields["sort"] = q.sort
	}
	return c.document("search", fields, func(data []byte) []byte {
		var page found
		if json.Unmarshal(data, &page) != nil {
			return errAnswer.Arguments()
		}
		records := page.Documents[min(q.skip, len(page.Documents)):]
		records = records[:min(q.limit, len(records))]
		total := len(page.Documents)
		if page.Total != nil {
			total = *page.Total
		}
		b := []byte(`{"total":` + strconv.Itoa(total) + `,"limit":` + strconv.Itoa(q.limit) + `,"skip":` + strconv.Itoa(q.skip) + `,"data":`)
		return result(append(append(b, q.list(records)...), '}'))
	})
}

// record returns the one document of an answer.
func record(q *query) func([]byte) []byte {
	return func(data []byte) []byte { return result(q.selected(nil, appendRecord(nil, data))) }
}

// recordWritten returns the document of a write. Who may write and not read gets its id alone.
func recordWritten(q *query) func([]byte) []byte {
	return func(data []byte) []byte {
		var w written
		if json.Unmarshal(data, &w) != nil || w.Document == nil {
			return result([]byte("{}"))
		}
		return record(q)(w.Document)
	}
}

func (c call) get(id, rawQuery json.RawMessage) *Ask {
	name, q, fault := one(id, rawQuery)
	if fault != nil {
		return refused(fault)
	}
	if name == "" {
		return refused(badRequest.because("id for 'get' can not be undefined"))
	}
	return c.document("get", map[string]any{"id": name}, record(q))
}

// one reads an id and a query that may have nothing but $select. An id of null is "".
func one(id, rawQuery json.RawMessage) (name string, q *query, fault *Fault) {
	if q, fault = readQuery(rawQuery); fault != nil {
		return "", nil, fault
	}
	if name, fault = idOf(id); fault != nil || name == "" {
		return name, q, fault
	}
	if q.filter != nil {
		return "", nil, NotOffered("a query beside an id")
	}
	return name, q, nil
}

// idOf reads an id: a text, or a number, which is the same as its digits. null is "".
func idOf(id json.RawMessage) (string, *Fault) {
	var v any
	if id == nil || json.Unmarshal(id, &v) == nil {
		switch v := v.(type) {
		case nil:
			return "", nil
		case string:
			if v != "" {
				return v, nil
			}
		case float64:
			return string(id), nil
		}
	}
	return "", badRequest.because("an id must be a text or a number")
}

func (c call) create(data json.RawMessage) *Ask {
	if len(data) > 0 && data[0] == '[' {
		return c.createMany(data)
	}
	kept, id, fault := content(data)
	if fault != nil {
		return refused(fault)
	}
	fields := map[string]any{"content": json.RawMessage(kept)}
	if id != "" {
		fields["id"] = id
	}
	return c.document("create", fields, recordWritten(&query{}))
}

// write is update, which replaces, and patch, which merges.
func (c call) write(method string, id, data, rawQuery json.RawMessage) *Ask {
	name, q, fault := one(id, rawQuery)
	if fault != nil {
		return refused(fault)
	}
	kept, _, fault := content(data)
	if fault != nil {
		return refused(fault)
	}
	action := map[string]string{"update": "replace", "patch": "patch"}[method]
	switch {
	case name != "":
		return c.document(action, map[string]any{"id": name, "content": json.RawMessage(kept)}, recordWritten(q))
	case method == "update":
		return refused(badRequest.because("You can not replace multiple instances. Did you mean 'patch'?"))
	}
	return c.patchMany(kept, q)
}

func (c call) remove(id, rawQuery json.RawMessage) *Ask {
	name, q, fault := one(id, rawQuery)
	if fault != nil {
		return refused(fault)
	}
	if name == "" {
		return c.removeMany(q)
	}
	return c.document("remove", map[string]any{"id": name}, recordWritten(q))
}
