package filter

import (
	"fmt"
	"math"
	"strings"

	"tidings/protocol"
)

func badf(path, format string, args ...any) *protocol.Error {
	return bad(path, fmt.Sprintf(format, args...))
}

// quoted is a name that %q prints between quotes as it is.
type quoted string

func (q quoted) Format(s fmt.State, _ rune) { fmt.Fprint(s, `"`+string(q)+`"`) }

func joined(names []string) string { return strings.Join(names, ",") }

// text checks that v is a string with something in it.
func text(v any, path string) (string, *protocol.Error) {
	s, ok := v.(string)
	if !ok {
		return "", bad(path, "must be a string")
	}
	if s == "" {
		return "", bad(path, "cannot be empty")
	}
	return s, nil
}

func isScalar(v any) bool {
	switch v.(type) {
	case []any, *object:
		return false
	}
	return true
}

func equalsNode(field string, want any) *node {
	return leafNode(field, string(append(appendJSON(equalsKey(field), want), "}}"...)), equals{want})
}

// equalsKey returns the key of an "equals" up to its value.
func equalsKey(field string) []byte {
	return append(appendString([]byte(`{"equals":{`), field), ':')
}

func (p *parser) equals(v any, path string, _ int) (*node, *protocol.Error) {
	o, fault := members(v, path, 1)
	if fault != nil {
		return nil, fault
	}
	field, want := o.members[0].name, o.members[0].value
	if !isScalar(want) {
		return nil, bad(under(path, field), "must either be a string, a number, a boolean, or null")
	}
	if fault := p.field(field); fault != nil {
		return nil, fault
	}
	return equalsNode(field, want), p.count(1)
}

func (p *parser) in(v any, path string, _ int) (*node, *protocol.Error) {
	o, fault := members(v, path, 1)
	if fault != nil {
		return nil, fault
	}
	field, path := o.members[0].name, under(path, o.members[0].name)
	if fault := p.field(field); fault != nil {
		return nil, fault
	}
	return p.oneOf(field, o.members[0].value, path, isScalar, "must hold only strings, numbers, booleans and null")
}

func (p *parser) ids(v any, path string, _ int) (*node, *protocol.Error) {
	o, fault := members(v, path, 1)
	if fault == nil {
		fault = required(o, path, "values")
	}
	if fault != nil {
		return nil, fault
	}
	isString := func(v any) bool { _, ok := v.(string); return ok }
	return p.oneOf("_id", o.members[0].value, under(path, "values"), isString, `must hold only values of type "string"`)
}

// oneOf reads a list of values, of which a field must have one.
func (p *parser) oneOf(field string, v any, path string, fits func(any) bool, otherwise string) (*node, *protocol.Error) {
	list, ok := v.([]any)
	if !ok {
		return nil, bad(path, "must be an array")
	}
	if len(list) == 0 {
		return nil, bad(path, "cannot be empty")
	}
	parts := make([]*node, len(list))
	for i, want := range list {
		if !fits(want) {
			return nil, bad(path, otherwise)
		}
		parts[i] = equalsNode(field, want)
	}
	return join(opOr, parts), p.count(len(list))
}

var bounds = []string{"gt", "gte", "lt", "lte"}

func (p *parser) span(v any, path string, _ int) (*node, *protocol.Error) {
	o, fault := members(v, path, 1)
	if fault != nil {
		return nil, fault
	}
	field, path := o.members[0].name, under(path, o.members[0].name)
	limits, fault := filled(o.members[0].value, path)
	if fault == nil {
		fault = allowed(limits, path, bounds)
	}
	if fault != nil {
		return nil, fault
	}
	c := span{low: math.Inf(-1), high: math.Inf(1)}
	for _, m := range limits.members {
		v, ok := m.value.(float64)
		switch upper := m.name[0] == 'l'; {
		case !ok:
			return nil, bad(under(path, m.name), "must be a number")
		case upper && !math.IsInf(c.high, 1):
			return nil, bad(path, "only 1 upper boundary allowed")
		case upper:
			c.high, c.highOpen = v, m.name == "lt"
		case !math.IsInf(c.low, -1):
			return nil, bad(path, "only 1 lower boundary allowed")
		default:
			c.low, c.lowOpen = v, m.name == "gt"
		}
	}
	if c.high <= c.low {
		return nil, bad(path, "lower boundary must be strictly inferior to the upper one")
	}
	if fault := p.field(field); fault != nil {
		return nil, fault
	}
	return leafNode(field, spanKey(field, &c), c), p.count(1)
}

// spanKey returns a range as a filter. A bound that is infinite is none.
func spanKey(field string, c *span) string {
	key := append(appendString([]byte(`{"range":{`), field), ":{"...)
	if !math.IsInf(c.low, -1) {
		key = append(key, map[bool]string{true: `"gt":`, false: `"gte":`}[c.lowOpen]...)
		key = appendNumber(key, c.low)
	}
	if !math.IsInf(c.high, 1) || math.IsInf(c.low, -1) {
		if !math.IsInf(c.low, -1) {
			key = append(key, ',')
		}
		c.highOpen = c.highOpen && !math.IsInf(c.high, 1)
		key = append(key, map[bool]string{true: `"lt":`, false: `"lte":`}[c.highOpen]...)
		key = appendNumber(key, c.high)
	}
	return string(append(key, "}}}"...))
}

// match is split by its members: a scalar must be equal, a part of an object or array must be found in the field.
func (p *parser) match(v any, path string, depth int) (*node, *protocol.Error) {
	o, fault := filled(v, path)
	if fault != nil {
		return nil, fault
	}
	parts := make([]*node, len(o.members))
	for i, m := range o.members {
		n, fault := scalars(m.value, depth)
		if fault == nil {
			fault = p.count(max(1, n))
		}
		if fault == nil {
			fault = p.field(m.name)
		}
		if fault != nil {
			return nil, fault
		}
		if isScalar(m.value) {
			parts[i] = equalsNode(m.name, m.value)
			continue
		}
		key := appendString([]byte(`{"match":{`), m.name)
		parts[i] = leafNode(m.name, string(append(appendJSON(append(key, ':'), m.value), "}}"...)), partial{m.value})
	}
	return join(opAnd, parts), nil
}

// scalars counts the scalars in v.
func scalars(v any, depth int) (n int, fault *protocol.Error) {
	var parts []any
	switch v := v.(type) {
	case []any:
		parts = v
	case *object:
		for _, m := range v.members {
			parts = append(parts, m.value)
		}
	default:
		return 1, nil
	}
	if depth++; depth > MaxDepth {
		return 0, tooComplex("is nested more deeply than %d clauses", MaxDepth)
	}
	for _, part := range parts {
		of, fault := scalars(part, depth)
		if fault != nil {
			return 0, fault
		}
		n += max(1, of)
	}
	return n, nil
}

func (p *parser) selected(v any, path string, depth int) (*node, *protocol.Error) {
	o, fault := members(v, path, 3)
	if fault != nil {
		return nil, fault
	}
	name, _ := o.get("field")
	field, fault := text(name, under(path, "field"))
	if fault != nil {
		return nil, fault
	}
	at, _ := o.get("index")
	index, ok := at.(float64)
	if !ok {
		return nil, bad(under(path, "index"), "must be an integer")
	}
	if index != math.Trunc(index) {
		return nil, bad(under(path, "index"), "cannot have decimals, must be an integer")
	}
	query, _ := o.get("query")
	path = under(path, "query")
	if _, fault := filled(query, path); fault != nil {
		return nil, fault
	}
	n, fault := p.clause(query, path, depth)
	if fault == nil {
		fault = p.field(field)
	}
	if fault != nil {
		return nil, fault
	}
	key := append(appendString([]byte(`{"select":{"field":`), field), `,"index":`...)
	switch n {
	case nothing:
		return nothing, p.count(1)
	case everything:
		n = existsNode("value") // an element is there; a query cannot be empty
	}
	key = append(append(appendNumber(key, index), `,"query":`...), n.key...)
	return leafNode(field, string(append(key, "}}"...)), selected{index, n}), p.count(1)
}
