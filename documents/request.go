package documents

import (
	"context"
	"maps"
	"slices"
	"strings"

	"tidings/protocol"
	"tidings/store"
)

// Request is one request about the documents of a collection.
type Request struct {
	Action     string // see Read
	Collection store.Collection

	form  *form
	id    string   // of get
	ids   []string // of mGet
	query store.Query
	write store.Write
	many  store.Many
}

// form is what a kind of request has in common.
type form struct {
	fields []string // of its JSON
	writes bool
	one    bool         // writes with one operation, of the action's name
	keys   bool         // is for backends alone
	each   store.Action // of all operations of a bulk; "" where each names its own
	// element reads one of the many things that the first field has; nil: there are no such.
	element func(r *Request, value []byte) error
	read    func(r *Request, name string, value []byte) error
	check   func(r *Request) error
	do      func(context.Context, store.Store, *Request, By) (Answer, error)
}

// forms are the actions.
var forms = func() map[string]*form {
	all := map[string]*form{
		"get":    {fields: []string{"id"}, read: readID, check: checkID, do: doGet},
		"mGet":   {fields: []string{"ids"}, read: readIDs, check: checkIDs, do: doGetMany},
		"search": {fields: []string{"filter", "sort", "limit", "after", "count"}, read: readQuery, do: doSearch},
		"bulk":   bulk(""),
	}
	for action, fields := range map[store.Action][]string{
		store.Create: {"id", "content"}, store.Put: {"id", "content", "version"}, store.Replace: {"id", "content", "version"}, store.Patch: {"id", "content", "version"},
		store.Upsert: {"id", "content", "default"}, store.Remove: {"id", "version"}, store.RemoveFields: {"id", "fields", "version"},
	} {
		name := string(action)
		all[name] = &form{writes: true, one: true, fields: append(fields, "meta"), read: readOne, do: doWrite}
		all["m"+strings.ToUpper(name[:1])+name[1:]] = bulk(action)
	}
	for action, field := range map[store.Action]string{store.Patch: "content", store.Remove: "", store.RemoveFields: "fields"} {
		fields := slices.DeleteFunc([]string{"filter", field, "meta"}, func(f string) bool { return f == "" })
		all[string(action)+"ByQuery"] = &form{writes: true, fields: fields, read: readMany, check: checkMany, do: doByQuery}
	}
	all["import"] = &form{writes: true, keys: true, fields: []string{"documents"}, element: (*Request).readImported, do: doImport}
	for _, action := range []store.Action{store.Make, store.Truncate, store.Drop} {
		all[string(action)] = &form{writes: true, one: true, fields: []string{"meta"}, read: readMeta, do: doWhole}
	}
	all[ByQuery] = &form{writes: true, fields: []string{"filter", "action", "content", "fields", "meta"}, read: readMany, check: checkMany, do: doByQuery}
	return all
}()

// ByQuery is the action of a request by query that has its operation's action as a field, as the HTTP API has it.
const ByQuery = "byQuery"

func bulk(each store.Action) *form {
	return &form{writes: true, each: each, fields: []string{"operations", "meta"}, element: (*Request).readOperation, read: readMeta, do: doBulk}
}

// Writes reports whether the request is one that changes documents.
func (r *Request) Writes() bool { return r.form.writes }

// New returns a request without its fields. It fails with CodeBadRequest for an action that does not exist.
func New(action string, c store.Collection) (*Request, error) {
	r := &Request{Action: action, Collection: c, form: forms[action]}
	if r.form == nil {
		return nil, bad("the action does not exist", "There are "+strings.Join(slices.Sorted(maps.Keys(forms)), ", ")+".")
	}
	if r.form.one {
		r.write.Ops = []store.Op{{Action: store.Action(action)}}
	}
	if one := strings.TrimSuffix(action, "ByQuery"); one != action {
		r.many.Op.Action = store.Action(one)
	}
	return r, nil
}

// Get returns a request for one document.
func Get(c store.Collection, id string) *Request {
	return &Request{Action: "get", Collection: c, form: forms["get"], id: id}
}

// Write returns a request that makes the one operation of w. The rest of w is taken as it is, but for what By says.
func Write(w store.Write) *Request {
	action := string(w.Ops[0].Action)
	return &Request{Action: action, Collection: w.Collection, form: forms[action], write: w}
}

func bad(reason, hint string) *protocol.Error {
	return &protocol.Error{Code: protocol.CodeBadRequest, Reason: reason, Hint: hint}
}
