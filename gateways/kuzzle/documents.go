package kuzzle

import (
	"bytes"
	"encoding/json"
	"strconv"

	"tidings/protocol"
)

// documentCall is a native call about the documents of a request's collection.
type documentCall struct {
	request *request
	data    []byte // the members of the call's data, without the last brace
}

// documents begins a call of a native action about the request's collection.
func documents(r *request, action string) (*documentCall, *fault) {
	ch, wrong := r.channel()
	if wrong != nil {
		return nil, wrong
	}
	data := appendText([]byte(`{"action":`), action)
	return &documentCall{r, appendMember(data, "collection", string(ch[len(channelPrefix):]))}, nil
}

// with adds a member to the call, if value is not nil.
func (d *documentCall) with(name string, value []byte) *documentCall {
	if value != nil {
		d.data = appendRaw(d.data, name, value)
	}
	return d
}

// writes adds what every write has.
func (d *documentCall) writes(silent bool) *documentCall {
	if silent || d.request.flag("silent") {
		d.with("silent", []byte("true"))
	}
	return d.with("meta", d.request.volatile)
}

// call asks the bus, and goes on with the answer. A refusal is told to the client.
func (t *talk) call(d *documentCall, then func(answer []byte)) {
	r := d.request
	from, _ := json.Marshal(origin{Protocol: r.via(), Request: r.id, Controller: r.controller, Action: r.action})
	data := append(bytes.Clone(d.data), '}')
	t.ask(protocol.ClientFrame{Type: protocol.TypeCall, Method: "document", Data: data, Origin: from}, func(f *protocol.ServerFrame) {
		if f.Type == protocol.TypeError {
			t.refuse(r, t.documentFault(r, f.Code, f.Message))
			return
		}
		then(f.Data)
	})
}

// via is the protocol that the request came by, as notifications name it.
func (r *request) via() string {
	if r.overHTTP {
		return "http"
	}
	return "websocket"
}

// documentFault is refusal for what concerns documents.
func (t *talk) documentFault(r *request, code protocol.Code, reason string) *fault {
	switch code {
	case protocol.CodeNotFound:
		id, _ := r.text("_id", "")
		return failure(noDocument, id, r.index, r.collection)
	case protocol.CodeVersionConflict:
		return failure(documentExists)
	}
	return refusal(r, t.asker(), code, reason)
}

// flag reports whether an argument is true.
func (r *request) flag(name string) bool { return string(r.args[name]) == "true" }

// id returns the argument _id, which must be there.
func (r *request) docID() ([]byte, *fault) {
	id, wrong := r.text("_id", "")
	switch {
	case wrong != nil:
		return nil, wrong
	case id == "":
		return nil, failure(missingArgument, "_id")
	}
	return r.args["_id"], nil
}

// object returns the body, which must be an object, in its parts.
func (r *request) object() (map[string]json.RawMessage, *fault) {
	if r.body == nil {
		return nil, failure(bodyRequired)
	}
	var parts map[string]json.RawMessage
	if json.Unmarshal(r.body, &parts) != nil {
		return nil, failure(invalidType, "body", "object")
	}
	return parts, nil
}

// written is the native answer to a write of one document.
type written struct {
	Event    string          `json:"event"`
	ID       string          `json:"id"`
	Version  uint64          `json:"version"`
	Document json.RawMessage `json:"document"`
}

// write is one action that writes one document.
type write struct {
	native  string
	content bool // the body is the document's content
	ids     bool // _id must be there
	source  bool // the answer has _source even if it is not asked for
	version bool // … and _version
	created bool // … and created
}

// writes are the actions that write one document, by their names.
var writes = map[string]write{
	"create":          {native: "create", content: true, source: true, version: true},
	"createOrReplace": {native: "put", content: true, ids: true, source: true, version: true, created: true},
	"replace":         {native: "replace", content: true, ids: true, source: true, version: true},
	"update":          {native: "patch", content: true, ids: true, version: true},
	"upsert":          {native: "upsert", ids: true, version: true, created: true},
	"delete":          {native: "remove", ids: true},
	"deleteFields":    {native: "removeFields", ids: true, version: true},
}

// write carries out an action of writes; silent if nobody is to hear of it whatever the request says.
func (t *talk) write(r *request, w write, silent bool) *fault {
	id := r.args["_id"]
	if w.ids || id != nil {
		var wrong *fault
		if id, wrong = r.docID(); wrong != nil {
			return wrong
		}
	}
	d, wrong := documents(r, w.native)
	if wrong != nil {
		return wrong
	}
	d.with("id", id)
	switch {
	case w.content:
		if _, wrong := r.object(); wrong != nil {
			return wrong
		}
		d.with("content", content(r.body))
	case w.native == "upsert":
		parts, wrong := r.object()
		if wrong != nil {
			return wrong
		}
		if parts["changes"] == nil {
			return failure(missingArgument, "body.changes")
		}
		d.with("content", content(parts["changes"])).with("default", parts["default"])
	case w.native == "removeFields":
		parts, wrong := r.object()
		if wrong != nil {
			return wrong
		}
		if parts["fields"] == nil {
			return failure(missingArgument, "body.fields")
		}
		d.with("fields", parts["fields"])
	}
	t.call(d.writes(silent), func(answer []byte) {
		var done written
		json.Unmarshal(answer, &done)
		t.answer(r, w.result(&done, r.flag("source")))
	})
	return nil
}

func (w write) result(done *written, asked bool) []byte {
	result := appendText([]byte(`{"_id":`), done.ID)
	if w.version {
		result = strconv.AppendUint(appendName(result, "_version"), done.Version, 10)
	}
	if w.created {
		result = strconv.AppendBool(appendName(result, "created"), done.Event == "created")
	}
	if (w.source || asked) && done.Document != nil {
		result = appendRaw(result, "_source", split(done.Document, true).source)
	}
	return append(result, '}')
}

// content is a document's content as the bus takes it: without the metadata, which an application may send back.
func content(body []byte) []byte {
	if !bytes.Contains(body, []byte(kuzzleInfo)) {
		return body
	}
	kept := []byte{'{'}
	err := protocol.ReadObject(body, func(name string, value []byte) error {
		if name == kuzzleInfo {
			return nil
		}
		if len(kept) > 1 {
			kept = append(kept, ',')
		}
		kept = append(append(appendText(kept, name), ':'), value...)
		return nil
	})
	if err != nil {
		return body // the bus says what is wrong
	}
	return append(kept, '}')
}

// shown is a document as answers have it.
func shown(native []byte, more string) []byte {
	d := split(native, true)
	b := appendRaw(append([]byte(`{"_id":`), d.id...), "_source", d.source)
	if d.version != nil {
		b = appendRaw(b, "_version", d.version)
	}
	return append(append(b, more...), '}')
}

// get is document:get.
func (t *talk) get(r *request) *fault {
	return t.getOne(r, func(answer []byte) { t.answer(r, shown(answer, "")) })
}

func (t *talk) getOne(r *request, then func(answer []byte)) *fault {
	id, wrong := r.docID()
	if wrong != nil {
		return wrong
	}
	d, wrong := documents(r, "get")
	if wrong == nil {
		t.call(d.with("id", id), then)
	}
	return wrong
}

// exists is document:exists.
func (t *talk) exists(r *request) *fault {
	id, wrong := r.docID()
	if wrong != nil {
		return wrong
	}
	d, wrong := documents(r, "mGet")
	if wrong == nil {
		t.call(d.with("ids", append(append([]byte{'['}, id...), ']')), func(answer []byte) {
			var got gotMany
			json.Unmarshal(answer, &got)
			t.answer(r, strconv.AppendBool(nil, len(got.Documents) > 0))
		})
	}
	return wrong
}
