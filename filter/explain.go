package filter

import (
	"encoding/json"
	"strconv"
)

// Explanation is why a filter matches a document, or does not.
type Explanation struct {
	Matches bool
	// Conditions are those that decided: together they make the filter match or not, whatever the others come to. They
	// are empty if no condition is needed: for the filter that matches everything, and the one that matches nothing.
	Conditions []Condition
}

// Condition is one condition of a filter in canonical form, with what it met in a document.
type Condition struct {
	Path     string // a JSON pointer (RFC 6901) into the canonical form, to the condition or the "not" around it
	Field    string
	Operator string
	Wanted   json.RawMessage // what the operator asks of the field
	Not      bool            // the condition is negated
	Found    json.RawMessage // the field's value; nil if it is missing or longer than MaxFoundBytes
	Type     string          // of the field's value: missing, null, boolean, number, string, array, object
	Holds    bool            // with its negation
}

// MaxFoundBytes is how long a value of a document may be to be repeated in an Explanation.
const MaxFoundBytes = 1 << 10

// Explain returns whether the filter matches the document, and which conditions decided. Of an "and" that does not hold
// it is the first part that does not; of an "or" that holds, the first part that does.
func (f *Filter) Explain(d *Document) Explanation {
	return Explanation{Matches: f.Match(d), Conditions: explain(nil, f.root, "", d)}
}

func explain(list []Condition, n *node, path string, d *Document) []Condition {
	switch n.op {
	case opLeaf:
		return append(list, n.condition(path, d))
	case opAnd, opOr:
		name := "/and/"
		if n.op == opOr {
			name = "/or/"
		}
		holds := n.match(d)
		for i, part := range n.parts {
			if part.match(d) != holds {
				continue
			}
			list = explain(list, part, path+name+strconv.Itoa(i), d)
			if holds == (n.op == opOr) {
				break
			}
		}
	}
	return list
}

func (n *node) condition(path string, d *Document) Condition {
	c := Condition{Path: path, Field: n.leaf.field, Not: n.not, Type: "missing", Holds: n.match(d)}
	key, _ := readJSON([]byte(n.leaf.key)) // a filter with one keyword
	clause := key.(*object).members[0]
	c.Operator = clause.name
	wanted := clause.value
	if o, ok := wanted.(*object); ok && len(o.members) == 1 && o.members[0].name == n.leaf.field {
		wanted = o.members[0].value
	}
	c.Wanted = appendJSON(nil, wanted)
	if value, ok := d.get(n.leaf.field); ok {
		c.Type = typeOf(value)
		if found := appendJSON(nil, value); len(found) <= MaxFoundBytes {
			c.Found = found
		}
	}
	return c
}

func typeOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}
