package filter

import (
	"slices"

	"github.com/tidwall/rtree"
)

// field is what the index knows about one field: the access conditions on it.
type field[K comparable] struct {
	path     string
	escaped  string // as "exists" writes it
	equal    []byte // the key of an "equals" up to its value
	conds    int    // access conditions
	equals   int    // of them
	elements int    // of them
	there    *slot[K]
	spans    spans[K]
	shapes   *rtree.RTreeG[*slot[K]]
	round    uint32
}

// fieldOf returns the field of a slot, a new one if there is none.
func (ix *Index[K]) fieldOf(s *slot[K]) *field[K] {
	path := s.leaf.field
	f := ix.fields[path]
	if f == nil {
		f = &field[K]{path: path, escaped: escaped(path), equal: equalsKey(path)}
		ix.fields[path] = f
		ix.heads[head(path)] = append(ix.heads[head(path)], f)
	}
	return f
}

func (f *field[K]) add(s *slot[K]) {
	f.conds++
	switch c := s.condition.(type) {
	case equals:
		f.equals++
	case element:
		f.elements++
	case exists:
		f.there = s
	case span:
		f.spans.insert(s, c)
	case within:
		if f.shapes == nil {
			f.shapes = &rtree.RTreeG[*slot[K]]{}
		}
		for _, r := range rectsOf(c.box()) {
			f.shapes.Insert(r.low, r.high, s)
		}
	}
}

// leave takes away an access condition, and its field with the last one.
func (ix *Index[K]) leave(s *slot[K]) {
	f := ix.fieldOf(s)
	switch c := s.condition.(type) {
	case equals:
		f.equals--
	case element:
		f.elements--
	case exists:
		f.there = nil
	case span:
		f.spans.remove(s, c)
	case within:
		for _, r := range rectsOf(c.box()) {
			f.shapes.Delete(r.low, r.high, s)
		}
		if f.shapes.Len() == 0 {
			f.shapes = nil
		}
	}
	if f.conds--; f.conds > 0 {
		return
	}
	delete(ix.fields, f.path)
	name := head(f.path)
	others := slices.DeleteFunc(ix.heads[name], func(other *field[K]) bool { return other == f })
	if ix.heads[name] = others; len(others) == 0 {
		delete(ix.heads, name)
	}
}

// look finds the access conditions on a field that hold for its value.
func (ix *Index[K]) look(f *field[K], value any, d *Document, hit func(K)) {
	if f.there != nil {
		ix.holds(f.there, d, hit)
	}
	if f.equals > 0 && isShortScalar(value) {
		ix.scratch = append(appendJSON(append(ix.scratch[:0], f.equal...), value), "}}"...)
		ix.lookUp(d, hit)
	}
	switch v := value.(type) {
	case float64:
		f.spans.each(v, func(s *slot[K]) { ix.holds(s, d, hit) })
	case []any:
		for _, v := range v {
			if f.elements == 0 {
				break
			}
			if isShortScalar(v) {
				ix.scratch = appendElementKey(ix.scratch[:0], f.escaped, v)
				ix.lookUp(d, hit)
			}
		}
	}
	if f.shapes == nil {
		return
	}
	if p, ok := pointOf(value); ok {
		at := [2]float64{p.lon, p.lat}
		f.shapes.Search(at, at, func(_, _ [2]float64, s *slot[K]) bool {
			if s.condition.(within).covers(p) {
				ix.holds(s, d, hit)
			}
			return true
		})
	}
}

// lookUp finds the access condition whose key is in the scratch.
func (ix *Index[K]) lookUp(d *Document, hit func(K)) {
	if s := ix.slots[string(ix.scratch)]; s != nil && len(s.filed) > 0 {
		ix.holds(s, d, hit)
	}
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
