package filter

import (
	"strings"

	"tidings/protocol"
)

// Document is the content of one message, read once for all filters. It is not safe for use by several goroutines at a
// time.
type Document struct {
	root *object
}

// Read reads the content of a message. A content that is no JSON object has no fields: conditions on fields do not hold
// for it, and their negations do. It fails with bad_json if data is not JSON.
func Read(data []byte) (*Document, error) {
	v, ok := readJSON(data)
	if !ok {
		return nil, &protocol.Error{Code: protocol.CodeBadJSON, Reason: "the content is not JSON", Hint: "Send one JSON value."}
	}
	return documentOf(v), nil
}

func documentOf(v any) *Document {
	root, ok := v.(*object)
	if !ok {
		root = &object{}
	}
	return &Document{root: root}
}

// get returns the field at a path like "driver.name", and whether it is there. A name may itself hold dots: "a.b" is
// found as {"a": {"b": …}} and as {"a.b": …}. If both are there, the one that comes later in the document counts. Paths
// do not lead into arrays.
func (d *Document) get(path string) (any, bool) { return walk(d.root, path) }

func walk(o *object, path string) (any, bool) {
	last := o.find(path)
	var value any
	if last >= 0 {
		value = o.members[last].value
	}
	found := last >= 0
	for dot := strings.IndexByte(path, '.'); dot >= 0; {
		if i := o.find(path[:dot]); i > last {
			if inner, ok := o.members[i].value.(*object); ok {
				if v, ok := walk(inner, path[dot+1:]); ok {
					last, value, found = i, v, true
				}
			}
		}
		next := strings.IndexByte(path[dot+1:], '.')
		if next < 0 {
			break
		}
		dot += 1 + next
	}
	return value, found
}

// head returns the part of a path before its first dot: a field is in a document only if one of the document's own
// names has the same head.
func head(path string) string {
	before, _, _ := strings.Cut(path, ".")
	return before
}
