package filter

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A JSON value is read as nil, bool, float64, string, []any or *object. A number that float64 cannot hold is infinite,
// as in JavaScript.

// object is a JSON object. Its names keep the order of their first appearance; a name that comes twice has its last
// value.
type object struct {
	members []member
	at      map[string]int // positions by name; nil while a walk through the members is faster
}

type member struct {
	name  string
	value any
}

// manyMembers is from how many members on an object has a map of them.
const manyMembers = 12

func (o *object) get(name string) (any, bool) {
	if i := o.find(name); i >= 0 {
		return o.members[i].value, true
	}
	return nil, false
}

// find returns the position of name in the members, or -1.
func (o *object) find(name string) int {
	if o.at != nil {
		if i, ok := o.at[name]; ok {
			return i
		}
		return -1
	}
	for i := range o.members {
		if o.members[i].name == name {
			return i
		}
	}
	return -1
}

func (o *object) set(name string, value any) {
	if i := o.find(name); i >= 0 {
		o.members[i].value = value
		return
	}
	o.members = append(o.members, member{name, value})
	switch {
	case o.at != nil:
		o.at[name] = len(o.members) - 1
	case len(o.members) == manyMembers:
		o.at = make(map[string]int, 2*manyMembers)
		for i := range o.members {
			o.at[o.members[i].name] = i
		}
	}
}

// readJSON reads one JSON value of any depth that encoding/json takes. It reports whether raw is one.
func readJSON(raw []byte) (any, bool) {
	if !json.Valid(raw) {
		return nil, false
	}
	r := reader{text: raw}
	return r.value(), true
}

// reader reads JSON that is known to be valid.
type reader struct {
	text []byte
	next int
}

func (r *reader) space() {
	for r.next < len(r.text) {
		switch r.text[r.next] {
		case ' ', '\t', '\n', '\r':
			r.next++
		default:
			return
		}
	}
}

func (r *reader) value() any {
	r.space()
	switch r.text[r.next] {
	case '{':
		return r.object()
	case '[':
		return r.array()
	case '"':
		return r.string()
	case 't':
		r.next += len("true")
		return true
	case 'f':
		r.next += len("false")
		return false
	case 'n':
		r.next += len("null")
		return nil
	}
	return r.number()
}

func (r *reader) object() *object {
	o := &object{}
	r.next++
	for {
		r.space()
		if r.text[r.next] == '}' {
			r.next++
			return o
		}
		if r.text[r.next] == ',' {
			r.next++
			r.space()
		}
		name := r.string()
		r.space()
		r.next++ // the colon
		o.set(name, r.value())
	}
}

func (r *reader) array() []any {
	list := []any{}
	r.next++
	for {
		r.space()
		switch r.text[r.next] {
		case ']':
			r.next++
			return list
		case ',':
			r.next++
		}
		list = append(list, r.value())
	}
}

func (r *reader) string() string {
	start := r.next
	end := start + 1 + bytes.IndexByte(r.text[start+1:], '"')
	if bytes.IndexByte(r.text[start+1:end], '\\') < 0 {
		r.next = end + 1
		return string(r.text[start+1 : end])
	}
	for end = start + 1; r.text[end] != '"'; end++ {
		if r.text[end] == '\\' {
			end++
		}
	}
	r.next = end + 1
	var s string
	_ = json.Unmarshal(r.text[start:r.next], &s) // valid as a part of what is valid
	return s
}

func (r *reader) number() float64 {
	start := r.next
	for r.next < len(r.text) && strings.IndexByte("+-.eE0123456789", r.text[r.next]) >= 0 {
		r.next++
	}
	v, _ := strconv.ParseFloat(string(r.text[start:r.next]), 64) // infinite with ErrRange
	return v
}

// appendJSON writes v with the names of objects sorted, so that equal values have equal bytes.
func appendJSON(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case float64:
		return appendNumber(dst, v)
	case string:
		return appendString(dst, v)
	case []any:
		dst = append(dst, '[')
		for i, element := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, element)
		}
		return append(dst, ']')
	}
	o := v.(*object)
	dst = append(dst, '{')
	for i, name := range sortedNames(o) {
		if i > 0 {
			dst = append(dst, ',')
		}
		value, _ := o.get(name)
		dst = appendJSON(append(appendString(dst, name), ':'), value)
	}
	return append(dst, '}')
}

func sortedNames(o *object) []string {
	names := make([]string, len(o.members))
	for i, m := range o.members {
		names[i] = m.name
	}
	slices.Sort(names)
	return names
}

// appendNumber writes v so that it reads back as v; -0 is written as 0, which it equals.
func appendNumber(dst []byte, v float64) []byte {
	switch abs := math.Abs(v); {
	case v == 0:
		return append(dst, '0')
	case math.IsInf(v, 1):
		return append(dst, "1e400"...)
	case math.IsInf(v, -1):
		return append(dst, "-1e400"...)
	case abs >= 1e21 || abs < 1e-6:
		return strconv.AppendFloat(dst, v, 'e', -1, 64)
	}
	return strconv.AppendFloat(dst, v, 'f', -1, 64)
}

func appendString(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			quoted, _ := json.Marshal(s) // cannot fail on a string
			return append(dst, quoted...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}
