package filter

// Index finds the filters that match a document, among many. A document costs what those filters cost of which an
// access condition holds for it, and most of them match; it does not cost what all filters do. It is not safe for use
// by several goroutines at a time.
type Index[K comparable] struct {
	entries map[K]*entry[K]
	slots   map[string]*slot[K] // by the key of their leaf
	fields  map[string]*field[K]
	heads   map[string][]*field[K] // fields by the part of their path before the first dot
	always  []*entry[K]            // filters that no access condition finds
	round   uint32                 // number of the document that is looked at; a verdict of another round is none
	scratch []byte
}

// slot is a leaf that filters of the index have in common, with its verdict on the document that is looked at.
type slot[K comparable] struct {
	*leaf
	uses  int32 // by steps, and as an access condition
	round uint32
	held  bool
	filed []filed[K]
}

// filed is a filter under one of its access conditions.
type filed[K comparable] struct {
	entry *entry[K]
	nth   int32 // of the entry's filings
}

// filing is the place of a filter under one of its access conditions.
type filing[K comparable] struct {
	slot *slot[K]
	at   int32 // in the slot's list
}

// entry is one filter of the index.
type entry[K comparable] struct {
	key     K
	steps   []step[K]
	filings []filing[K] // empty: it is among the filters that are always looked at, or matches nothing
	always  int32       // its place there, or -1
	round   uint32
}

// step is a node of an entry's tree. The steps of a node's parts follow it.
type step[K comparable] struct {
	slot *slot[K] // of a leaf
	op   op
	not  bool
	size uint16 // steps of the node with its parts
}

// NewIndex returns an index without filters.
func NewIndex[K comparable]() *Index[K] {
	return &Index[K]{entries: map[K]*entry[K]{}, slots: map[string]*slot[K]{}, fields: map[string]*field[K]{}, heads: map[string][]*field[K]{}}
}

// Len returns the number of filters.
func (ix *Index[K]) Len() int { return len(ix.entries) }

// Always returns the number of filters that are looked at for each document, since none of their conditions can be
// looked up: negations alone, and the filter that matches everything.
func (ix *Index[K]) Always() int { return len(ix.always) }

// Add puts a filter under a key. One that the key had before is removed.
func (ix *Index[K]) Add(key K, f *Filter) {
	ix.Remove(key)
	e := &entry[K]{key: key, always: -1}
	e.steps = ix.appendSteps(make([]step[K], 0, count(f.root)), f.root)
	ix.entries[key] = e
	a := accessOf(f.root, func(l *leaf) int {
		if s := ix.slots[l.key]; s != nil {
			return len(s.filed)
		}
		return 0
	})
	if a.none {
		e.always = int32(len(ix.always))
		ix.always = append(ix.always, e)
		return
	}
	e.filings = make([]filing[K], 0, len(a.leaves))
	for _, l := range a.leaves {
		ix.file(e, ix.use(l))
	}
}

// Remove takes the filter of a key away. A key without a filter is no fault.
func (ix *Index[K]) Remove(key K) {
	e := ix.entries[key]
	if e == nil {
		return
	}
	delete(ix.entries, key)
	for _, f := range e.filings {
		ix.unfile(f)
	}
	for _, s := range e.steps {
		if s.slot != nil {
			ix.unuse(s.slot)
		}
	}
	if e.always >= 0 {
		last := ix.always[len(ix.always)-1]
		ix.always[e.always], last.always = last, e.always
		ix.always[len(ix.always)-1] = nil
		ix.always = ix.always[:len(ix.always)-1]
	}
}

func count(n *node) int {
	total := 1
	for _, part := range n.parts {
		total += count(part)
	}
	return total
}

func (ix *Index[K]) appendSteps(steps []step[K], n *node) []step[K] {
	at := len(steps)
	steps = append(steps, step[K]{op: n.op, not: n.not})
	if n.op == opLeaf {
		steps[at].slot = ix.use(n.leaf)
	}
	for _, part := range n.parts {
		steps = ix.appendSteps(steps, part)
	}
	steps[at].size = uint16(len(steps) - at)
	return steps
}

// use returns the slot of a leaf, for one use more.
func (ix *Index[K]) use(l *leaf) *slot[K] {
	s := ix.slots[l.key]
	if s == nil {
		s = &slot[K]{leaf: l}
		ix.slots[l.key] = s
	}
	s.uses++
	return s
}

func (ix *Index[K]) unuse(s *slot[K]) {
	if s.uses--; s.uses == 0 {
		delete(ix.slots, s.leaf.key)
	}
}

func (ix *Index[K]) file(e *entry[K], s *slot[K]) {
	if len(s.filed) == 0 {
		ix.fieldOf(s).add(s)
	}
	e.filings = append(e.filings, filing[K]{s, int32(len(s.filed))})
	s.filed = append(s.filed, filed[K]{e, int32(len(e.filings) - 1)})
}

func (ix *Index[K]) unfile(f filing[K]) {
	s, end := f.slot, len(f.slot.filed)-1
	moved := s.filed[end]
	s.filed[f.at] = moved
	moved.entry.filings[moved.nth].at = f.at
	s.filed[end] = filed[K]{}
	if s.filed = s.filed[:end]; end == 0 {
		s.filed = nil
		ix.leave(s)
	}
	ix.unuse(s)
}

// Match calls hit with the key of each filter that matches the document, in no order. Hit must not change the index.
func (ix *Index[K]) Match(d *Document, hit func(key K)) {
	ix.nextRound()
	for i := range d.root.members {
		for _, f := range ix.heads[head(d.root.members[i].name)] {
			if f.round == ix.round {
				continue
			}
			f.round = ix.round
			if value, ok := d.get(f.path); ok {
				ix.look(f, value, d, hit)
			}
		}
	}
	for _, e := range ix.always {
		ix.try(e, d, hit)
	}
}

// nextRound makes all verdicts old.
func (ix *Index[K]) nextRound() {
	if ix.round++; ix.round != 0 {
		return
	}
	ix.round = 1 // after 2^32 documents the numbers begin again
	for _, s := range ix.slots {
		s.round = 0
	}
	for _, e := range ix.entries {
		e.round = 0
	}
	for _, f := range ix.fields {
		f.round = 0
	}
}

// holds looks at the filters under an access condition that holds.
func (ix *Index[K]) holds(s *slot[K], d *Document, hit func(K)) {
	s.round, s.held = ix.round, true
	for _, f := range s.filed {
		ix.try(f.entry, d, hit)
	}
}

func (ix *Index[K]) try(e *entry[K], d *Document, hit func(K)) {
	if e.round == ix.round {
		return
	}
	e.round = ix.round
	if ix.evaluate(e.steps, d) {
		hit(e.key)
	}
}

func (ix *Index[K]) evaluate(steps []step[K], d *Document) bool {
	switch first := steps[0]; first.op {
	case opEverything:
		return true
	case opNothing:
		return false
	case opLeaf:
		s := first.slot
		if s.round != ix.round {
			s.round, s.held = ix.round, s.match(d)
		}
		return s.held != first.not
	default:
		for parts := steps[1:first.size]; len(parts) > 0; parts = parts[parts[0].size:] {
			if ix.evaluate(parts, d) == (first.op == opOr) {
				return first.op == opOr
			}
		}
		return first.op == opAnd
	}
}
