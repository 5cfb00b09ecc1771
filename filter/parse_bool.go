package filter

import (
	"slices"

	"tidings/protocol"
)

func (p *parser) and(v any, path string, depth int) (*node, *protocol.Error) {
	return p.list(opAnd, v, path, depth)
}

func (p *parser) or(v any, path string, depth int) (*node, *protocol.Error) {
	return p.list(opOr, v, path, depth)
}

// list reads the parts of an "and" or "or".
func (p *parser) list(op op, v any, path string, depth int) (*node, *protocol.Error) {
	list, ok := v.([]any)
	if !ok {
		return nil, bad(path, "must be an array")
	}
	if len(list) == 0 {
		return nil, bad(path, "cannot be empty")
	}
	for _, part := range list {
		if o, _ := part.(*object); o == nil || len(o.members) == 0 {
			return nil, bad(path, "can only contain non-empty objects")
		}
	}
	parts := make([]*node, len(list))
	for i, part := range list {
		n, fault := p.clause(part, path, depth)
		if fault != nil {
			return nil, fault
		}
		parts[i] = n
	}
	return join(op, parts), nil
}

func (p *parser) not(v any, path string, depth int) (*node, *protocol.Error) {
	if _, fault := members(v, path, 1); fault != nil {
		return nil, fault
	}
	n, fault := p.clause(v, path, depth)
	if fault != nil {
		return nil, fault
	}
	return negate(n), nil
}

func (p *parser) nothing(any, string, int) (*node, *protocol.Error) { return nothing, p.count(1) }

// boolParts has the parts of a "bool": all of "must" hold, none of "must_not", at least one of "should", not all of
// "should_not".
var boolParts = []string{"must", "must_not", "should", "should_not"}

func (p *parser) bool(v any, path string, depth int) (*node, *protocol.Error) {
	o, fault := filled(v, path)
	if fault != nil {
		return nil, fault
	}
	if fault := allowed(o, path, boolParts); fault != nil {
		return nil, fault
	}
	// A "bool" is read as the "and" that it stands for, which the paths of errors show.
	path = under(path, "and")
	var parts []*node
	for _, name := range boolParts {
		value, _ := o.get(name)
		if isFalsy(value) {
			continue
		}
		part, fault := p.boolPart(name, value, path, depth)
		if fault != nil {
			return nil, fault
		}
		if part != nil {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return nil, bad(path, "cannot be empty")
	}
	return join(opAnd, parts), nil
}

// boolPart reads one part of a "bool"; nil is an empty "must".
func (p *parser) boolPart(name string, value any, path string, depth int) (*node, *protocol.Error) {
	switch name {
	case "must":
		list, ok := value.([]any)
		if !ok {
			list = []any{value} // a single clause may stand without its array
		}
		if len(list) == 0 {
			return nil, nil
		}
		return p.list(opAnd, list, path, depth)
	case "should":
		return p.list(opOr, value, under(path, "or"), depth)
	}
	op, inner := opOr, "or"
	if name == "should_not" {
		op, inner = opAnd, "and"
	}
	n, fault := p.list(op, value, under(under(path, "not"), inner), depth)
	if fault != nil {
		return nil, fault
	}
	return negate(n), nil
}

// isFalsy reports whether JavaScript takes v for false.
func isFalsy(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case float64:
		return v == 0
	case string:
		return v == ""
	}
	return false
}

// members checks that v is an object with n members.
func members(v any, path string, n int) (*object, *protocol.Error) {
	o, ok := v.(*object)
	if !ok {
		return nil, bad(path, "must be an object")
	}
	if len(o.members) != n {
		return nil, badf(path, "expected object to have exactly %d %s, got %d", n, map[bool]string{true: "property", false: "properties"}[n == 1], len(o.members))
	}
	return o, nil
}

// filled checks that v is an object with members.
func filled(v any, path string) (*object, *protocol.Error) {
	o, ok := v.(*object)
	if !ok {
		return nil, bad(path, "must be an object")
	}
	if len(o.members) == 0 {
		return nil, bad(path, "must be a non-empty object")
	}
	return o, nil
}

// allowed checks that an object has no other members than these.
func allowed(o *object, path string, names []string) *protocol.Error {
	for _, m := range o.members {
		if !slices.Contains(names, m.name) {
			return badf(path, "%q is not an allowed attribute (allowed: %s)", quoted(m.name), joined(names))
		}
	}
	return nil
}

// required checks that an object has these members.
func required(o *object, path string, names ...string) *protocol.Error {
	for _, name := range names {
		if _, ok := o.get(name); !ok {
			return badf(path, "the property %q is missing", quoted(name))
		}
	}
	return nil
}
