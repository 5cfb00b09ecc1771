package filter

import (
	"slices"

	"github.com/tidwall/rtree"
)

// field is what the index knows about one field.
type field[K comparable] struct {
	path    string
	slots   int // of the field, with or without filters under them
	entered int // access conditions
	equal   map[any]*slot[K]
	element map[any]*slot[K]
	others  map[string]*slot[K] // by the key of their leaf
	there   *slot[K]            // access condition
	spans   spans[K]            // access conditions
	shapes  *rtree.RTreeG[*slot[K]]

	looked uint32 // round in which its access conditions were looked at
	read   uint32 // round of the value
	value  any
	has    bool // the document has it
}

// find returns the slot of a leaf, or nil.
func (ix *Index[K]) find(l *leaf) *slot[K] {
	f := ix.fields[l.field]
	if f == nil {
		return nil
	}
	switch c := l.condition.(type) {
	case equals:
		return f.equal[c.want]
	case element:
		return f.element[c.want]
	}
	return f.others[l.key]
}

// use returns the slot of a leaf, for one use more.
func (ix *Index[K]) use(l *leaf) *slot[K] {
	s := ix.find(l)
	if s == nil {
		f := ix.fields[l.field]
		if f == nil {
			f = &field[K]{path: l.field, equal: map[any]*slot[K]{}, element: map[any]*slot[K]{}, others: map[string]*slot[K]{}}
			ix.fields[l.field] = f
		}
		s = &slot[K]{condition: l.condition, field: f, key: l.key}
		s.filed = s.one[:0]
		f.slots++
		switch c := l.condition.(type) {
		case equals:
			f.equal[c.want] = s
		case element:
			f.element[c.want] = s
		default:
			f.others[l.key] = s
		}
	}
	s.uses++
	return s
}

// unuse takes away a use of a slot, the slot with its last use, and its field with its last slot.
func (ix *Index[K]) unuse(s *slot[K]) {
	if s.uses--; s.uses > 0 {
		return
	}
	f := s.field
	switch c := s.condition.(type) {
	case equals:
		delete(f.equal, c.want)
	case element:
		delete(f.element, c.want)
	default:
		delete(f.others, s.key)
	}
	if f.slots--; f.slots == 0 {
		delete(ix.fields, f.path)
	}
}

// enter makes a slot an access condition.
func (ix *Index[K]) enter(s *slot[K]) {
	f := s.field
	if f.entered++; f.entered == 1 {
		ix.heads[head(f.path)] = append(ix.heads[head(f.path)], f)
	}
	switch c := s.condition.(type) {
	case exists:
		f.there = s
	case span:
		f.spans.insert(s, c)
	case shape:
		if f.shapes == nil {
			f.shapes = &rtree.RTreeG[*slot[K]]{}
		}
		for _, r := range rectsOf(c.box()) {
			f.shapes.Insert(r.low, r.high, s)
		}
	}
}

// leave ends what enter began.
func (ix *Index[K]) leave(s *slot[K]) {
	f := s.field
	switch c := s.condition.(type) {
	case exists:
		f.there = nil
	case span:
		f.spans.remove(s, c)
	case shape:
		for _, r := range rectsOf(c.box()) {
			f.shapes.Delete(r.low, r.high, s)
		}
		if f.shapes.Len() == 0 {
			f.shapes = nil
		}
	}
	if f.entered--; f.entered > 0 {
		return
	}
	name := head(f.path)
	others := slices.DeleteFunc(ix.heads[name], func(other *field[K]) bool { return other == f })
	if ix.heads[name] = others; len(others) == 0 {
		delete(ix.heads, name)
	}
}

// valueOf returns the value of a field in the document of this round, and whether it is there.
func (ix *Index[K]) valueOf(f *field[K], d *Document) (any, bool) {
	if f.read != ix.round {
		f.read = ix.round
		f.value, f.has = d.get(f.path)
		ix.known = append(ix.known, f)
	}
	return f.value, f.has
}

// look finds the access conditions on a field that hold for its value.
func (ix *Index[K]) look(f *field[K], value any) {
	found := func(s *slot[K]) {
		if s != nil {
			ix.found = append(ix.found, s)
		}
	}
	found(f.there)
	if isShortScalar(value) {
		found(f.equal[value])
	}
	switch v := value.(type) {
	case float64:
		f.spans.root.each(v, found)
	case []any:
		for _, v := range v {
			if len(f.element) > 0 && isShortScalar(v) {
				found(f.element[v])
			}
		}
	}
	if f.shapes == nil {
		return
	}
	if p, ok := pointOf(value); ok {
		ix.lookAround(f.shapes, p)
	}
}

// lookAround finds the shapes that cover a point. First all that may are known by their boxes, for which little is
// computed: so the processor waits for the memory of several of them at a time.
func (ix *Index[K]) lookAround(shapes *rtree.RTreeG[*slot[K]], p point) {
	at := [2]float64{p.lon, p.lat}
	shapes.Search(at, at, func(_, _ [2]float64, s *slot[K]) bool {
		ix.near = append(ix.near, s)
		return true
	})
	boxed := ix.near[:0]
	for _, s := range ix.near {
		if s.condition.(shape).box().covers(p) {
			boxed = append(boxed, s)
		}
	}
	for _, s := range boxed {
		if s.condition.(shape).covers(p) {
			ix.found = append(ix.found, s)
		}
	}
	clear(ix.near)
	ix.near = ix.near[:0]
}

// isShortScalar reports whether a filter can name the value.
func isShortScalar(v any) bool {
	s, isText := v.(string)
	return isScalar(v) && (!isText || len(s) <= MaxBytes)
}

// rect is a rectangle of longitudes and latitudes, as the R-tree has it.
type rect struct{ low, high [2]float64 }

// rectsOf returns one or two rectangles between the longitudes -180 and 180 that have a box in them. They are a hair
// larger, for what is rounded; and both the 180th meridian's names lie in each that touches it.
func rectsOf(b box) []rect {
	const hair = 1e-9
	low, high := b.bottom-hair, b.top+hair
	if b.right-b.left >= 360-2*hair {
		return []rect{{[2]float64{-180, low}, [2]float64{180, high}}}
	}
	left, right := b.left-hair, b.right+hair
	switch {
	case left <= -180:
		left, right = left+360, right+360
	case right < 180:
		return []rect{{[2]float64{left, low}, [2]float64{right, high}}}
	}
	return []rect{{[2]float64{left, low}, [2]float64{180, high}}, {[2]float64{-180, low}, [2]float64{right - 360, high}}}
}
