package filter

import (
	"fmt"
	"math"
	"regexp"
)

// mutant is a filter engine with one clause broken: by another condition at the leaves, or by another clause in the
// filter's JSON.
type mutant struct {
	name      string
	condition func(condition) condition
	clause    func(keyword string, v any) (string, any)
}

// holdsIf is a condition of a test.
type holdsIf func(value any) bool

func (h holdsIf) holds(value any) bool { return h(value) }

var mutants = []mutant{
	{name: "equals compares as text", condition: func(c condition) condition {
		e, ok := c.(equals)
		return orElse(ok, c, func(v any) bool { return fmt.Sprint(v) == fmt.Sprint(e.want) })
	}},
	{name: "in looks at the first value alone", clause: func(k string, v any) (string, any) {
		if field, list := only(v); k == "in" {
			return k, &object{members: []member{{field, list.([]any)[:1]}}}
		}
		return k, v
	}},
	{name: "ids looks at the first value alone", clause: func(k string, v any) (string, any) {
		if name, list := only(v); k == "ids" {
			return k, &object{members: []member{{name, list.([]any)[:1]}}}
		}
		return k, v
	}},
	{name: "range forgets that gt is open", condition: func(c condition) condition {
		s, ok := c.(span)
		s.lowOpen = false
		return orElse(ok, c, s.holds)
	}},
	{name: "range takes lte for lt", condition: func(c condition) condition {
		s, ok := c.(span)
		s.highOpen = true
		return orElse(ok, c, s.holds)
	}},
	{name: "exists takes null for missing", condition: func(c condition) condition {
		_, ok := c.(exists)
		return orElse(ok, c, func(v any) bool { return v != nil })
	}},
	{name: "exists finds elements by their text", condition: func(c condition) condition {
		e, ok := c.(element)
		return orElse(ok, c, func(v any) bool {
			list, _ := v.([]any)
			for _, v := range list {
				if scalarJSON(v) && fmt.Sprint(v) == fmt.Sprint(e.want) {
					return true
				}
			}
			return false
		})
	}},
	{name: "missing is exists", clause: rename("missing", "exists")},
	{name: "regexp must match the whole", condition: func(c condition) condition {
		p, ok := c.(pattern)
		if !ok {
			return c
		}
		return pattern{regexp.MustCompile("^(?:" + p.String() + ")$")}
	}},
	{name: "regexp ignores flags", clause: func(k string, v any) (string, any) {
		field, with := only(v)
		if o, ok := with.(*object); k == "regexp" && ok {
			value, _ := o.get("value")
			return k, &object{members: []member{{field, value}}}
		}
		return k, v
	}},
	{name: "match takes one element for two", condition: func(c condition) condition {
		p, ok := c.(partial)
		return orElse(ok, c, func(v any) bool {
			list, _ := v.([]any)
			want, isList := p.want.([]any)
			for _, w := range want {
				if !coversList(list, []any{w}) {
					return false
				}
			}
			return isList && list != nil || !isList && p.holds(v)
		})
	}},
	{name: "match wants the whole object", condition: func(c condition) condition {
		p, ok := c.(partial)
		return orElse(ok, c, func(v any) bool { return string(appendJSON(nil, v)) == string(appendJSON(nil, p.want)) })
	}},
	{name: "select counts from the start alone", condition: func(c condition) condition {
		s, ok := c.(selected)
		return orElse(ok, c, func(v any) bool { return s.index >= 0 && s.holds(v) })
	}},
	{name: "nothing is everything", clause: func(k string, v any) (string, any) {
		if k == "nothing" {
			return "or", plain([]any{obj{"exists": "a"}, obj{"missing": "a"}})
		}
		return k, v
	}},
	{name: "and is or", clause: rename("and", "or")},
	{name: "or is and", clause: rename("or", "and")},
	{name: "not does nothing", clause: rename("not", "and", func(v any) any { return []any{v} })},
	{name: "must_not is should_not", clause: renamePart("must_not", "should_not")},
	{name: "should_not is must_not", clause: renamePart("should_not", "must_not")},
	{name: "should is must", clause: renamePart("should", "must")},
	{name: "must is should", clause: renamePart("must", "should")},
	{name: "a box leaves out its border", condition: func(c condition) condition {
		b, ok := c.(box)
		tiny := 1e-9
		return orElse(ok, c, box{b.top - tiny, b.left + tiny, b.bottom + tiny, b.right - tiny}.holds)
	}},
	{name: "a circle is on a sphere", condition: func(c condition) condition {
		r, ok := c.(ring)
		return orElse(ok && r.inner == 0, c, func(v any) bool {
			p, ok := pointOf(v)
			return ok && r.around.covers(p) && haversine(r.centre, p) <= r.outer
		})
	}},
	{name: "a ring is a disk", condition: func(c condition) condition {
		r, ok := c.(ring)
		r.inner = 0
		return orElse(ok, c, r.holds)
	}},
	{name: "a polygon's edges are straight on the map", condition: func(c condition) condition {
		g, ok := c.(polygon)
		return orElse(ok, c, func(v any) bool { p, ok := pointOf(v); return ok && onFlatMap(corners(g), p) })
	}},
	{name: "a polygon leaves out its corners", condition: func(c condition) condition {
		g, ok := c.(polygon)
		return orElse(ok, c, func(v any) bool {
			p, ok := pointOf(v)
			for _, corner := range corners(g) {
				ok = ok && corner != p
			}
			return ok && g.covers(p)
		})
	}},
}

func orElse(mutate bool, c condition, broken holdsIf) condition {
	if mutate {
		return broken
	}
	return c
}

func rename(from, to string, change ...func(any) any) func(string, any) (string, any) {
	return func(k string, v any) (string, any) {
		if k != from {
			return k, v
		}
		for _, c := range change {
			v = c(v)
		}
		return to, v
	}
}

func renamePart(from, to string) func(string, any) (string, any) {
	return func(k string, v any) (string, any) {
		if k != from {
			return k, v
		}
		return to, v
	}
}

// parse reads a filter as the mutant does.
func (m mutant) parse(text []byte) (*Filter, error) {
	v, _ := readJSON(text)
	if m.clause != nil {
		v = m.rewrite(v)
	}
	p := &parser{}
	root, fault := p.clause(v, "", 0)
	if fault != nil {
		return nil, fault
	}
	if m.condition != nil {
		root = m.broken(root)
	}
	return &Filter{root: root}, nil
}

func (m mutant) rewrite(v any) any {
	switch v := v.(type) {
	case *object:
		o := &object{}
		for _, member := range v.members {
			name, value := m.clause(member.name, member.value)
			o.set(name, m.rewrite(value))
		}
		return o
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			list[i] = m.rewrite(element)
		}
		return list
	}
	return v
}

func (m mutant) broken(n *node) *node {
	changed := *n
	if n.op == opLeaf {
		l := *n.leaf
		l.condition = m.condition(l.condition)
		changed.leaf = &l
	}
	changed.parts = nil
	for _, part := range n.parts {
		changed.parts = append(changed.parts, m.broken(part))
	}
	return &changed
}

func haversine(a, b point) float64 {
	s1, s2 := math.Sin(radians(b.lat-a.lat)/2), math.Sin(radians(b.lon-a.lon)/2)
	return 2 * 6371008.8 * math.Asin(math.Sqrt(s1*s1+math.Cos(radians(a.lat))*math.Cos(radians(b.lat))*s2*s2))
}

func corners(g polygon) []point {
	points := make([]point, len(g.edges))
	for i, e := range g.edges {
		points[i] = e.from
	}
	return points
}

// onFlatMap reports whether p is within the points or on their border, by winding, with straight edges.
func onFlatMap(points []point, p point) bool {
	rounds := 0
	for i, a := range points {
		b := points[(i+1)%len(points)]
		cross := (b.lon-a.lon)*(p.lat-a.lat) - (p.lon-a.lon)*(b.lat-a.lat)
		if p == a || p == b {
			return true
		}
		if a.lat <= p.lat && b.lat > p.lat && cross > 0 {
			rounds++
		} else if a.lat > p.lat && b.lat <= p.lat && cross < 0 {
			rounds--
		}
	}
	return rounds != 0
}
