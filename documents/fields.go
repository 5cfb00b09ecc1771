package documents

import (
	"maps"
	"slices"
	"strings"

	"tidings/filter"
	"tidings/protocol"
	"tidings/store"
)

// More are fields that a request may have beside those of its action, by name.
type More map[string]func(value []byte) error

// Fields returns the names of an action's fields.
func Fields(action string) []string { return slices.Clone(forms[action].fields) }

// OperationFields returns those of one operation of a bulk.
func OperationFields() []string { return append([]string{"action"}, opFields...) }

// ReadFields reads the fields of the request from a JSON object.
func (r *Request) ReadFields(raw []byte, more More) error {
	field := func(name string, value []byte) error {
		if read := more[name]; read != nil {
			return read(value)
		}
		for _, known := range r.form.fields {
			if known == name {
				return r.form.read(r, name, value)
			}
		}
		return protocol.UnknownField("field", name, append(slices.Sorted(maps.Keys(more)), r.form.fields...))
	}
	var err error
	if element := r.form.element; element != nil {
		err = protocol.ReadBatch(raw, r.form.fields[0], store.MaxOps, func(value []byte) error { return element(r, value) }, field)
	} else {
		err = protocol.ReadObject(raw, field)
	}
	if err == nil && r.form.check != nil {
		err = r.form.check(r)
	}
	return err
}

// Silent reads the field of that name: the writes make no changes that anybody hears of.
func (r *Request) Silent(value []byte) (err error) {
	r.write.Silent, err = protocol.ReadBool(value)
	return err
}

// User reads the field of that name: who is noted as author or updater.
func (r *Request) User(value []byte) (err error) {
	r.write.By, err = readShort("user", value, protocol.MaxNameBytes)
	return err
}

func readShort(name string, value []byte, max int) (string, error) {
	text, err := protocol.ReadString(value)
	if err == nil && text == "" {
		err = bad(`field "`+name+`" is empty`, "Leave it out, or give a text.")
	}
	if err == nil && len(text) > max {
		err = bad(`field "`+name+`" is too long`, "See the table of limits in SPEC.md section 9.")
	}
	return text, err
}

func readID(r *Request, _ string, value []byte) (err error) {
	r.id, err = protocol.ReadString(value)
	return err
}

func checkID(r *Request) error { return store.CheckID(r.id) }

func readIDs(r *Request, _ string, value []byte) error {
	return protocol.ReadArray(value, func(value []byte) error {
		id, err := protocol.ReadString(value)
		if err == nil {
			err = store.CheckID(id)
		}
		r.ids = append(r.ids, id)
		return err
	})
}

func checkIDs(r *Request) error {
	if len(r.ids) == 0 || len(r.ids) > store.MaxOps {
		return bad(`field "ids" must have 1 to 1000 ids`, "Ask several times.")
	}
	return nil
}

func readQuery(r *Request, name string, value []byte) (err error) {
	q := &r.query
	switch name {
	case "filter":
		q.Filter, err = filter.Parse(value)
	case "sort":
		q.Sort, err = readSort(value)
	case "limit":
		var n uint64
		if n, err = protocol.ReadUint(value); err == nil && (n < 1 || n > store.MaxLimit) {
			err = bad(`field "limit" must be a number from 1 to 256`, "Leave it out for 100.")
		}
		q.Limit = int(n)
	case "after":
		q.After, err = readShort(name, value, protocol.MaxCursorBytes)
	case "count":
		q.Count, err = protocol.ReadBool(value)
	}
	return err
}

// readSort reads ["-price", "driver.name"].
func readSort(value []byte) (list []store.Order, err error) {
	err = protocol.ReadArray(value, func(value []byte) error {
		text, err := protocol.ReadString(value)
		field, down := strings.CutPrefix(text, "-")
		list = append(list, store.Order{Field: field, Down: down})
		return err
	})
	return list, err
}

func readOne(r *Request, name string, value []byte) error {
	if name == "meta" {
		return readMeta(r, name, value)
	}
	return readOp(&r.write.Ops[0], name, value)
}

func readMeta(r *Request, _ string, value []byte) (err error) {
	r.write.Meta, err = protocol.ReadMeta(value)
	return err
}

// opFields are those of one operation of several.
var opFields = []string{"id", "content", "default", "fields", "version"}

func (r *Request) readOperation(value []byte) error {
	op, known := store.Op{Action: r.form.each}, opFields
	if r.form.each == "" {
		known = OperationFields()
	}
	err := protocol.ReadObject(value, func(name string, value []byte) (err error) {
		if name == "action" && r.form.each == "" {
			var text string
			text, err = protocol.ReadString(value)
			if op.Action = store.Action(text); op.Action.Whole() {
				op.Action = "" // none that a document has, so that this operation alone is refused
			}
			return err
		}
		for _, field := range opFields {
			if field == name {
				return readOp(&op, name, value)
			}
		}
		return protocol.UnknownField("field", name, known)
	})
	r.write.Ops = append(r.write.Ops, op)
	return err
}

func readOp(op *store.Op, name string, value []byte) (err error) {
	switch name {
	case "id":
		op.ID, err = protocol.ReadString(value)
	case "content":
		op.Content = value
	case "default":
		op.Default = value
	case "version":
		op.Version, err = protocol.ReadUint(value)
	case "fields":
		err = protocol.ReadArray(value, func(value []byte) error {
			field, err := protocol.ReadString(value)
			op.Fields = append(op.Fields, field)
			return err
		})
	}
	return err
}

func readMany(r *Request, name string, value []byte) (err error) {
	switch name {
	case "filter":
		r.many.Filter, err = filter.Parse(value)
	case "meta":
		err = readMeta(r, name, value)
	case "action":
		var text string
		text, err = protocol.ReadString(value)
		r.many.Op.Action = store.Action(text)
	default:
		err = readOp(&r.many.Op, name, value)
	}
	return err
}

func checkMany(r *Request) error {
	if r.many.Filter == nil {
		return bad(`field "filter" is missing`, "{} is the filter that matches all documents.")
	}
	return r.many.Check()
}
