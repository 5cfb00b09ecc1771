package filter

// spans has the ranges of a field: a tree ordered by their lower bounds, in which each node knows the greatest upper
// bound below it. It is balanced by random priorities (a treap).
type spans[K comparable] struct {
	root *spanNode[K]
	dice uint64 // state of the random numbers
}

type spanNode[K comparable] struct {
	slot        *slot[K]
	span                // that of the slot's leaf
	highest     float64 // of the node and all below it
	priority    uint64
	left, right *spanNode[K]
}

// before orders the nodes: by the lower bound, then by the leaf's key, which no two have in common.
func (n *spanNode[K]) before(other *spanNode[K]) bool {
	return n.low < other.low || n.low == other.low && n.slot.key < other.slot.key
}

func (n *spanNode[K]) measure() *spanNode[K] {
	n.highest = n.high
	if n.left != nil {
		n.highest = max(n.highest, n.left.highest)
	}
	if n.right != nil {
		n.highest = max(n.highest, n.right.highest)
	}
	return n
}

func (t *spans[K]) insert(s *slot[K], c span) {
	t.dice = t.dice*6364136223846793005 + 1442695040888963407 // Knuth's MMIX
	n := &spanNode[K]{slot: s, span: c, priority: t.dice >> 11}
	t.root = t.root.insert(n.measure())
}

func (n *spanNode[K]) insert(added *spanNode[K]) *spanNode[K] {
	switch {
	case n == nil:
		return added
	case added.priority > n.priority:
		added.left, added.right = n.split(added)
		return added.measure()
	case added.before(n):
		n.left = n.left.insert(added)
	default:
		n.right = n.right.insert(added)
	}
	return n.measure()
}

// split returns the nodes before at and the others.
func (n *spanNode[K]) split(at *spanNode[K]) (before, after *spanNode[K]) {
	switch {
	case n == nil:
		return nil, nil
	case n.before(at):
		n.right, after = n.right.split(at)
		return n.measure(), after
	}
	before, n.left = n.left.split(at)
	return before, n.measure()
}

func (t *spans[K]) remove(s *slot[K], c span) {
	t.root = t.root.remove(&spanNode[K]{slot: s, span: c})
}

func (n *spanNode[K]) remove(gone *spanNode[K]) *spanNode[K] {
	switch {
	case n == nil:
		return nil
	case n.slot == gone.slot:
		return merge(n.left, n.right)
	case gone.before(n):
		n.left = n.left.remove(gone)
	default:
		n.right = n.right.remove(gone)
	}
	return n.measure()
}

// merge joins two trees of which all nodes of the first come before those of the second.
func merge[K comparable](a, b *spanNode[K]) *spanNode[K] {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.priority > b.priority:
		a.right = merge(a.right, b)
		return a.measure()
	}
	b.left = merge(a, b.left)
	return b.measure()
}

// each calls found with the ranges that a number is in.
func (t *spans[K]) each(v float64, found func(*slot[K])) { t.root.each(v, found) }

func (n *spanNode[K]) each(v float64, found func(*slot[K])) {
	for n != nil && n.highest >= v {
		n.left.each(v, found)
		if n.low > v {
			return
		}
		if n.has(v) {
			found(n.slot)
		}
		n = n.right
	}
}
