package filter

// The access conditions of a filter are leaves of which at least one holds whenever the filter does. An Index looks at a filter
// only when one of them holds for the message.

// class is how seldom a leaf is thought to hold: the lower, the better it is to file a filter under it.
type class uint8

const (
	classEquals  class = iota // found by field and value
	classElement              // likewise
	classShape                // found by place
	classSpan                 // a range with two bounds, found by value
	classHalf                 // a range with one bound
	classThere                // found by field alone
	classNone                 // not found: the filter is looked at for each message
)

func classOf(l *leaf) class {
	switch c := l.condition.(type) {
	case equals:
		return classEquals
	case element:
		return classElement
	case within:
		return classShape
	case span:
		if c.bounded() {
			return classSpan
		}
		return classHalf
	}
	return classThere
}

// access is a set of leaves with what it costs to have a filter under them.
type access struct {
	class  class
	load   int // filters that are filed under the leaves already, and the leaves themselves
	leaves []*leaf
}

func (a access) betterThan(b access) bool {
	if a.class != b.class {
		return a.class < b.class
	}
	return a.load < b.load
}

// accessOf chooses the access conditions of a tree: of an "and" those of its best part, of an "or" those of all parts. The load of
// a leaf is what filed returns.
func accessOf(n *node, filed func(*leaf) int) access {
	switch n.op {
	case opNothing:
		return access{}
	case opLeaf:
		if n.not {
			return access{class: classNone}
		}
		l := n.leaf
		c := classOf(l)
		if c == classThere {
			l = there(l)
		}
		return access{class: c, load: filed(l) + 1, leaves: []*leaf{l}}
	case opAnd:
		best := access{class: classNone}
		for _, part := range n.parts {
			if a := accessOf(part, filed); a.betterThan(best) {
				best = a
			}
		}
		return best
	case opOr:
		var all access
		for _, part := range n.parts {
			a := accessOf(part, filed)
			all.class = max(all.class, a.class)
			all.load += a.load
			all.leaves = append(all.leaves, a.leaves...)
		}
		if all.class < classNone {
			return all
		}
	}
	return access{class: classNone}
}

// there returns the leaf that a field is there, which follows from each other leaf on it.
func there(l *leaf) *leaf {
	if _, ok := l.condition.(exists); ok {
		return l
	}
	return &leaf{field: l.field, key: thereKey(l.field), condition: exists{}}
}
