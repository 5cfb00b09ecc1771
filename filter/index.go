package filter

import "slices"

// Index finds the filters that match a document, among many. A document costs what those filters cost of which an
// access condition holds for it, and most of them match; it does not cost what all filters do. It is not safe for use
// by several goroutines at a time.
//
// A large index does not fit the processor's caches, so that a document costs about as many reads of memory as there
// are places it leads to. What one document needs stands together for that reason: filters that are filed under one
// condition, with their keys and what is left to look at.
type Index[K comparable] struct {
	entries map[K]*entry[K]
	fields  map[string]*field[K]
	heads   map[string][]*field[K] // fields with access conditions, by the part of their path before the first dot
	always  []*entry[K]            // filters that no access condition finds
	known   []*field[K]            // fields whose value in the document is known
	found   []*slot[K]             // access conditions that hold for the document
	whole   []*entry[K]            // filters under them that are looked at as a whole
	near    []*slot[K]             // shapes that may cover a point of the document
	round   uint32                 // number of the document that is looked at; a verdict of another round is none
}

// slot is a leaf that filters of the index have in common, with its verdict on the document that is looked at.
type slot[K comparable] struct {
	condition
	field  *field[K]
	round  uint32 // of the verdict
	opened uint32 // round in which the filters under it were looked at
	uses   int32  // by steps, and as an access condition
	held   bool
	filed  []filed[K]
	one    [1]filed[K] // where filed is while it has no more than one: most have one
	key    string      // of the leaf
}

// filed is a filter under one of its access conditions.
type filed[K comparable] struct {
	key   K
	entry *entry[K]
	rest  step[K] // with leftOne: the other leaf
	nth   int32   // of the entry's filings
	left  left
	alone bool // it is under no other
}

// left is what there is to look at once an access condition of a filter holds.
type left uint8

const (
	leftAll     left = iota // the whole filter
	leftOne                 // one other leaf
	leftNothing             // the filter matches
)

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
	return &Index[K]{entries: map[K]*entry[K]{}, fields: map[string]*field[K]{}, heads: map[string][]*field[K]{}}
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
		if s := ix.find(l); s != nil {
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
		ix.file(e, ix.use(l), len(a.leaves) == 1)
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

// leaves returns the number of leaves among the steps.
func leaves[K comparable](steps []step[K]) int {
	total := 0
	for _, n := range steps {
		if n.op == opLeaf {
			total++
		}
	}
	return total
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

func (ix *Index[K]) file(e *entry[K], s *slot[K], alone bool) {
	if len(s.filed) == 0 {
		ix.enter(s)
	}
	f := filed[K]{key: e.key, entry: e, nth: int32(len(e.filings)), alone: alone}
	f.left, f.rest = e.left(s)
	e.filings = append(e.filings, filing[K]{s, int32(len(s.filed))})
	s.filed = append(s.filed, f)
}

// left returns what there is to look at once a leaf holds: with leftOne, the step of the other leaf.
func (e *entry[K]) left(s *slot[K]) (left, step[K]) {
	is := func(n step[K]) bool { return n.slot == s && !n.not }
	first, parts := e.steps[0], e.steps[1:]
	switch {
	case is(first), first.op == opOr && len(parts) == leaves(parts) && slices.ContainsFunc(parts, is):
		return leftNothing, step[K]{}
	case first.op == opAnd && len(parts) == 2 && is(parts[0]):
		return leftOne, parts[1]
	case first.op == opAnd && len(parts) == 2 && is(parts[1]):
		return leftOne, parts[0]
	}
	return leftAll, step[K]{}
}

func (ix *Index[K]) unfile(f filing[K]) {
	s, end := f.slot, len(f.slot.filed)-1
	moved := s.filed[end]
	s.filed[f.at] = moved
	moved.entry.filings[moved.nth].at = f.at
	s.filed[end] = filed[K]{}
	if s.filed = s.filed[:end]; end == 0 {
		s.filed = s.one[:0]
		ix.leave(s)
	}
	ix.unuse(s)
}

// Match calls hit with the key of each filter that matches the document, in no order. Hit must not change the index.
func (ix *Index[K]) Match(d *Document, hit func(key K)) {
	ix.nextRound()
	for i := range d.root.members {
		for _, f := range ix.heads[head(d.root.members[i].name)] {
			if f.looked == ix.round {
				continue
			}
			f.looked = ix.round
			if value, ok := ix.valueOf(f, d); ok {
				ix.look(f, value)
			}
		}
	}
	once := ix.found[:0]
	for _, s := range ix.found {
		if s.opened != ix.round {
			s.opened, s.round, s.held = ix.round, ix.round, true
			once = append(once, s)
		}
	}
	for _, s := range once {
		ix.open(s, d, hit)
	}
	for _, list := range [...][]*entry[K]{ix.whole, ix.always} {
		for _, e := range list {
			if ix.evaluate(e.steps, d) {
				hit(e.key)
			}
		}
	}
	ix.forget()
}

// forget drops the document, and what was found for it.
func (ix *Index[K]) forget() {
	for _, f := range ix.known {
		f.value = nil
	}
	clear(ix.found)
	clear(ix.whole)
	ix.known, ix.found, ix.whole = ix.known[:0], ix.found[:0], ix.whole[:0]
}

// nextRound makes all verdicts old.
func (ix *Index[K]) nextRound() {
	if ix.round++; ix.round != 0 {
		return
	}
	ix.round = 1 // after 2^32 documents the numbers begin again
	for _, e := range ix.entries {
		e.round = 0
		for _, s := range e.steps {
			if s.slot != nil {
				s.slot.round, s.slot.opened = 0, 0
			}
		}
		for _, f := range e.filings {
			f.slot.round, f.slot.opened = 0, 0
		}
	}
	for _, f := range ix.fields {
		f.read, f.looked = 0, 0
	}
}

// open looks at the filters under an access condition that holds.
func (ix *Index[K]) open(s *slot[K], d *Document, hit func(K)) {
	for i := range s.filed {
		switch f := &s.filed[i]; f.left {
		case leftOne:
			if ix.verdict(f.rest.slot, d) != f.rest.not {
				hit(f.key)
			}
		case leftNothing:
			if f.alone || ix.first(f.entry) {
				hit(f.key)
			}
		default:
			if f.alone || ix.first(f.entry) {
				ix.whole = append(ix.whole, f.entry)
			}
		}
	}
}

// first reports whether the document did not lead to an entry before.
func (ix *Index[K]) first(e *entry[K]) bool {
	before := e.round
	e.round = ix.round
	return before != ix.round
}

// verdict reports whether a leaf holds.
func (ix *Index[K]) verdict(s *slot[K], d *Document) bool {
	if s.round != ix.round {
		value, ok := ix.valueOf(s.field, d)
		s.round, s.held = ix.round, ok && s.condition.holds(value)
	}
	return s.held
}

func (ix *Index[K]) evaluate(steps []step[K], d *Document) bool {
	switch first := steps[0]; first.op {
	case opEverything:
		return true
	case opNothing:
		return false
	case opLeaf:
		return ix.verdict(first.slot, d) != first.not
	default:
		for parts := steps[1:first.size]; len(parts) > 0; parts = parts[parts[0].size:] {
			if ix.evaluate(parts, d) == (first.op == opOr) {
				return first.op == opOr
			}
		}
		return first.op == opAnd
	}
}
