package filter

import (
	"math"
	"slices"
)

// spans has the ranges of a field: a tree ordered by their lower bounds, in which each node knows the greatest upper
// bound below it. Its nodes are wide (a B-tree), so that few reads of memory lead to a range.
type spans[K comparable] struct{ root spanNode[K] }

// spanNode has ranges or nodes, in order. All ranges are equally deep.
type spanNode[K comparable] []spanPart[K]

// spanPart is a range, or a node with the least of its lower bounds and the greatest of its upper bounds.
type spanPart[K comparable] struct {
	low, high float64      // both inside
	slot      *slot[K]     // of the range, or of the first below
	below     *spanNode[K] // nil for a range
}

// spanWidth is how many parts a node has when it is split into two.
const spanWidth = 32

func rangeOf[K comparable](s *slot[K], c span) spanPart[K] {
	p := spanPart[K]{low: c.low, high: c.high, slot: s}
	if c.lowOpen {
		p.low = math.Nextafter(c.low, math.Inf(1))
	}
	if c.highOpen {
		p.high = math.Nextafter(c.high, math.Inf(-1))
	}
	if c.lowOpen && c.low == math.Inf(1) || c.highOpen && c.high == math.Inf(-1) { // nothing is beyond
		p.low, p.high = math.Inf(1), math.Inf(-1)
	}
	return p
}

// whole returns the part that a node is of the node above.
func (n *spanNode[K]) whole() spanPart[K] {
	p := spanPart[K]{low: (*n)[0].low, high: math.Inf(-1), slot: (*n)[0].slot, below: n}
	for _, part := range *n {
		p.high = max(p.high, part.high)
	}
	return p
}

// after reports whether a part comes after another: by the lower bound, then by the leaf's key, which no two have in
// common.
func (p *spanPart[K]) after(other spanPart[K]) bool {
	return p.low > other.low || p.low == other.low && p.slot.key > other.slot.key
}

// place returns how many parts do not come after one.
func (n spanNode[K]) place(of spanPart[K]) int {
	i := slices.IndexFunc(n, func(p spanPart[K]) bool { return p.after(of) })
	if i < 0 {
		return len(n)
	}
	return i
}

func (t *spans[K]) insert(s *slot[K], c span) {
	if right := t.root.insert(rangeOf(s, c)); right != nil {
		left := t.root
		t.root = spanNode[K]{left.whole(), right.whole()}
	}
}

// insert returns the right half of the node if it was split.
func (n *spanNode[K]) insert(added spanPart[K]) (right *spanNode[K]) {
	i := n.place(added)
	if len(*n) > 0 && (*n)[0].below != nil {
		i = max(1, i)
		below := (*n)[i-1].below
		split := below.insert(added)
		(*n)[i-1] = below.whole()
		if split == nil {
			return nil
		}
		added = split.whole()
	}
	*n = slices.Insert(*n, i, added)
	if len(*n) < spanWidth {
		return nil
	}
	half := slices.Clone((*n)[spanWidth/2:])
	*n = slices.Delete(*n, spanWidth/2, spanWidth)
	return &half
}

func (t *spans[K]) remove(s *slot[K], c span) {
	t.root.remove(rangeOf(s, c))
	for len(t.root) == 1 && t.root[0].below != nil {
		t.root = *t.root[0].below
	}
}

// remove takes a range away. A node goes with its last one; it is not joined with others before.
func (n *spanNode[K]) remove(gone spanPart[K]) {
	i := n.place(gone) - 1
	if below := (*n)[i].below; below != nil {
		if below.remove(gone); len(*below) > 0 {
			(*n)[i] = below.whole()
			return
		}
	}
	*n = slices.Delete(*n, i, i+1)
}

// each calls found with the ranges that a number is in.
func (n spanNode[K]) each(v float64, found func(*slot[K])) {
	for i := range n {
		switch p := &n[i]; {
		case p.low > v:
			return
		case p.high < v:
		case p.below != nil:
			p.below.each(v, found)
		default:
			found(p.slot)
		}
	}
}
