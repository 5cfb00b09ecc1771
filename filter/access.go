package filter

// The access conditions of a filter are leaves of which at least one holds whenever the filter does. An Index looks at
// a filter only when one of them holds for the message.

// class is how a leaf is found for a document: the lower, the more a leaf of it is thought to tell apart.
type class uint8

const (
	classEquals  class = iota // by field and value
	classElement              // likewise
	classShape                // by place
	classSpan                 // a range with two bounds, by value
	classHalf                 // a range with one bound, by value
	classThere                // by field alone
)

// handicaps is how many filters may be under a leaf of a class before one of the next classes is thought to be better.
// So filters that all have {"equals": {"type": "taxi"}} are filed by what else they ask for.
var handicaps = [...]int{classEquals: 0, classElement: 2, classShape: 4, classSpan: 4, classHalf: 32, classThere: 128}

func classOf(l *leaf) class {
	switch c := l.condition.(type) {
	case equals:
		return classEquals
	case element:
		return classElement
	case shape:
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
	none   bool // there is no such set
	cost   int  // filters that are filed under the leaves already, the leaves themselves, and their handicaps
	leaves []*leaf
}

// accessOf chooses the access conditions of a tree: of an "and" those of its cheapest part, of an "or" those of all
// parts. Filed returns how many filters are filed under a leaf.
func accessOf(n *node, filed func(*leaf) int) access {
	switch n.op {
	case opNothing:
		return access{}
	case opLeaf:
		if n.not {
			return access{none: true}
		}
		c, l := classOf(n.leaf), n.leaf
		if c == classThere {
			l = there(l)
		}
		return access{cost: 1 + filed(l) + handicaps[c], leaves: []*leaf{l}}
	case opAnd:
		best := access{none: true}
		for _, part := range n.parts {
			if a := accessOf(part, filed); !a.none && (best.none || a.cost < best.cost) {
				best = a
			}
		}
		return best
	case opOr:
		var all access
		for _, part := range n.parts {
			a := accessOf(part, filed)
			all.none = all.none || a.none
			all.cost += a.cost
			all.leaves = append(all.leaves, a.leaves...)
		}
		return all
	}
	return access{none: true}
}

// there returns the leaf that a field is there, which follows from each other leaf on it.
func there(l *leaf) *leaf {
	if _, ok := l.condition.(exists); ok {
		return l
	}
	return &leaf{field: l.field, key: thereKey(l.field), condition: exists{}}
}

// Always reports whether an Index has to look at the filter for each document, since no condition of it can be looked
// up.
func (f *Filter) Always() bool { return accessOf(f.root, func(*leaf) int { return 0 }).none }
