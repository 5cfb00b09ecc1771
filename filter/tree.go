package filter

import (
	"slices"
	"strings"
)

// op is what a node of a filter's tree does.
type op uint8

const (
	opEverything op = iota
	opNothing
	opLeaf
	opAnd
	opOr
)

// node is a filter as a tree in canonical form: negations stand at leaves alone, an "and" has no "and" below it and an
// "or" no "or", the parts of both are sorted by their bytes and are all different. Equal trees have equal keys. A node
// never changes.
type node struct {
	op    op
	not   bool    // of a leaf: it holds if its condition does not
	leaf  *leaf   // of a leaf
	parts []*node // of "and", "or": at least two
	key   string  // the node as a filter in JSON
}

// leaf is one condition on one field. It does not hold if the field is missing.
type leaf struct {
	field string
	key   string // the condition as a filter in JSON
	condition
}

// condition is what a leaf asks of the value of its field.
type condition interface{ holds(value any) bool }

var (
	everything = &node{op: opEverything, key: `{}`}
	nothing    = &node{op: opNothing, key: `{"nothing":true}`}
)

func leafNode(field, key string, c condition) *node {
	return &node{op: opLeaf, leaf: &leaf{field: field, key: key, condition: c}, key: key}
}

// match reports whether the document is one that the tree asks for.
func (n *node) match(d *Document) bool {
	switch n.op {
	case opEverything:
		return true
	case opNothing:
		return false
	case opLeaf:
		return n.leaf.match(d) != n.not
	}
	for _, part := range n.parts {
		if part.match(d) == (n.op == opOr) {
			return n.op == opOr
		}
	}
	return n.op == opAnd
}

func (l *leaf) match(d *Document) bool {
	value, ok := d.get(l.field)
	return ok && l.holds(value)
}

// negate returns the tree that holds exactly if n does not.
func negate(n *node) *node {
	switch n.op {
	case opEverything:
		return nothing
	case opNothing:
		return everything
	case opLeaf:
		opposite := &node{op: opLeaf, leaf: n.leaf, not: !n.not, key: n.leaf.key}
		if opposite.not {
			opposite.key = `{"not":` + n.leaf.key + `}`
		}
		return opposite
	}
	parts := make([]*node, len(n.parts))
	for i, part := range n.parts {
		parts[i] = negate(part)
	}
	if n.op == opAnd {
		return join(opOr, parts)
	}
	return join(opAnd, parts)
}

// join returns the canonical "and" or "or" of the parts, which are canonical themselves.
func join(op op, parts []*node) *node {
	absorbing, neutral := nothing, everything
	if op == opOr {
		absorbing, neutral = everything, nothing
	}
	parts = slices.Clone(flat(op, parts))
	slices.SortFunc(parts, func(a, b *node) int { return strings.Compare(a.key, b.key) })
	parts = slices.CompactFunc(parts, func(a, b *node) bool { return a.key == b.key })
	parts = slices.DeleteFunc(parts, func(n *node) bool { return n == neutral })
	if len(parts) == 0 {
		return neutral
	}
	parts = decide(op, parts)
	if parts == nil || slices.Contains(parts, absorbing) || contradict(parts) {
		return absorbing
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return &node{op: op, parts: parts, key: joinedKey(op, parts)}
}

func flat(op op, parts []*node) []*node {
	var all []*node
	for _, part := range parts {
		if part.op == op {
			all = append(all, part.parts...)
		} else {
			all = append(all, part)
		}
	}
	return all
}

// contradict reports whether one of the parts is the negation of another.
func contradict(parts []*node) bool {
	keys := make(map[string]bool, len(parts))
	for _, part := range parts {
		keys[part.key] = true
	}
	for _, part := range parts {
		if part.op == opLeaf && part.not && keys[part.leaf.key] {
			return true
		}
	}
	return false
}

// decide simplifies the parts of an "and" by the fields that a part decides: one that must have a value or must be
// missing. All other conditions on such a field are dropped if they hold then; if one does not, nothing matches. In an
// "or" all is the other way round. It returns nil if the parts come to the absorbing node.
func decide(op op, parts []*node) []*node {
	decisive := map[string]*node{}
	for _, part := range parts {
		if part.op != opLeaf {
			continue
		}
		switch part.leaf.condition.(type) {
		case equals:
			if part.not == (op == opOr) {
				decisive[part.leaf.field] = part
			}
		case exists:
			if part.not == (op == opAnd) && decisive[part.leaf.field] == nil {
				decisive[part.leaf.field] = part
			}
		}
	}
	if len(decisive) == 0 {
		return parts
	}
	var kept []*node
	for _, part := range parts {
		if part.op != opLeaf || decisive[part.leaf.field] == nil || decisive[part.leaf.field] == part {
			kept = append(kept, part)
			continue
		}
		value, present := decisive[part.leaf.field].leaf.condition.(equals)
		holds := (present && part.leaf.holds(value.want)) != part.not
		if holds == (op == opOr) {
			return nil
		}
	}
	return kept
}

func joinedKey(op op, parts []*node) string {
	name := `{"and":[`
	if op == opOr {
		name = `{"or":[`
	}
	var b strings.Builder
	b.WriteString(name)
	for i, part := range parts {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(part.key)
	}
	b.WriteString(`]}`)
	return b.String()
}
