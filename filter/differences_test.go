package filter

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// comparison is one filter, and one document if it is about matching, with what both sides make of it.
type comparison struct {
	filter   any // as plain reads it
	document *Document
	theirs   verdict
	ours     error
}

// difference is a row of the table of intended differences in docs/filters.md. Its predicate knows the pairs that it
// may explain; what no row explains fails the test.
type difference struct {
	name     string
	explains func(c comparison) bool
}

var differences = []difference{
	{"bounds are exact", func(c comparison) bool {
		return c.document != nil && c.any("range", func(v any) bool {
			field, limits := only(v)
			number, _ := c.document.get(field)
			for _, m := range limits.(*object).members {
				bound := m.value.(float64)
				if n, ok := number.(float64); ok && (n != bound && math.Abs(n-bound) <= 2e-10 || n == bound && math.Abs(bound) > 4e5) {
					return true
				}
			}
			return false
		})
	}},
	{"a negation is the opposite", func(c comparison) bool {
		if strings.Contains(c.theirs.Error, "this.storeOperand[cond.keyword] is not a function") {
			return c.any("not", always) || c.any("bool", always)
		}
		return c.document != nil && c.any("regexp", func(v any) bool {
			field, _ := only(v)
			value, there := c.document.get(field)
			_, isText := value.(string)
			return there && !isText
		})
	}},
	{"flags keep no state", func(c comparison) bool {
		return c.any("regexp", func(v any) bool {
			_, with := only(v)
			o, _ := with.(*object)
			if o == nil {
				return false
			}
			flags, _ := o.get("flags")
			s, _ := flags.(string)
			return strings.ContainsAny(s, "gy")
		})
	}},
	{"what is no point is in no shape", func(c comparison) bool {
		return c.document != nil && c.anyGeo(func(field string, _ any) bool {
			value, there := c.document.get(field)
			_, ok := pointOf(value)
			return there && !ok
		})
	}},
	{"conditions that can hold together do", func(c comparison) bool {
		return c.document != nil && c.sharesField()
	}},
	{"geo clauses may stand anywhere", func(c comparison) bool {
		fields := map[string]bool{}
		c.anyGeo(func(field string, _ any) bool { fields[field] = true; return false })
		return strings.Contains(c.theirs.Error, `geospatial": unknown keyword`) || len(fields) > 1
	}},
	{"a box may lie across the 180th meridian", func(c comparison) bool {
		return c.any("geoBoundingBox", func(v any) bool {
			_, corners := only(v)
			b, fault := sides(corners, "")
			return fault == nil && b.left > b.right
		})
	}},
	{"more is taken", func(c comparison) bool {
		if c.ours != nil && !strings.Contains(c.theirs.Error, "unable to parse distance value") { // both refuse it, we for what comes later
			place, isIn := strings.CutSuffix(c.theirs.Error, `must hold only values of type "string"`)
			if !isIn || strings.Contains(c.ours.Error(), place) {
				return false
			}
		}
		unitless := func(v any) bool {
			o, _ := v.(*object)
			for _, name := range []string{"distance", "from", "to"} {
				if v, ok := get(o, name).(string); ok && v != "" && strings.Trim(v, "0123456789., +-") == "" {
					return true
				}
			}
			return false
		}
		return c.any("in", func(v any) bool {
			_, list := only(v)
			values, _ := list.([]any)
			return slices.ContainsFunc(values, func(v any) bool { _, isText := v.(string); return !isText })
		}) || c.any("geoDistance", unitless) || c.any("geoDistanceRange", unitless)
	}},
	{"what means nothing is refused", func(c comparison) bool {
		if _, isObject := c.filter.(*object); !isObject && c.filter != nil {
			return true
		}
		for _, own := range []string{notOnEarth, "must be north of", "left and right must differ", "(it must be a string)", "`\\C`", "unable to parse distance value"} {
			if c.ours != nil && strings.Contains(c.ours.Error(), own) {
				return c.theirs.Error == "" || own != "unable to parse distance value"
			}
		}
		return c.ours != nil && strings.Contains(c.ours.Error(), "unrecognized") && c.listForCoordinate()
	}},
	{"a fault has a path and repeats no value", func(c comparison) bool {
		if c.ours == nil || c.theirs.Error == "" || c.theirs.Native {
			return c.theirs.Native && c.ours != nil
		}
		ours := strings.TrimPrefix(c.ours.Error(), "bad_filter: ")
		if distances := "unable to parse distance value"; strings.Contains(ours, distances) {
			return strings.HasPrefix(c.theirs.Error, distances)
		}
		for _, phrase := range []string{": cannot parse regexp expression", ": unrecognized point format", ": unrecognized geoBoundingBox format", ": must hold only "} {
			if path, _, ok := strings.Cut(ours, phrase); ok {
				return strings.HasPrefix(c.theirs.Error, path+phrase)
			}
		}
		return false
	}},
	{"a document has its own fields alone", func(c comparison) bool {
		inherited := func(v any) bool {
			name, _ := v.(string)
			return slices.Contains([]string{"toString", "valueOf", "constructor", "hasOwnProperty", "__proto__"}, head(name))
		}
		return c.any("missing", inherited) || c.any("exists", inherited)
	}},
}

func always(any) bool { return true }

// explanation returns the name of the row that explains c, if there is one.
func explanation(c comparison) (string, bool) {
	for _, d := range differences {
		if d.explains(c) {
			return d.name, true
		}
	}
	return "", false
}

// only returns the only member of an object; an empty one if v is not such an object.
func only(v any) (string, any) {
	if o, ok := v.(*object); ok && len(o.members) > 0 {
		return o.members[0].name, o.members[0].value
	}
	return "", &object{}
}

func get(o *object, name string) any {
	if o == nil {
		return nil
	}
	v, _ := o.get(name)
	return v
}

// visit calls see with each clause in a filter, and whatever looks like one.
func visit(v any, see func(keyword string, value any)) {
	switch v := v.(type) {
	case *object:
		for _, m := range v.members {
			see(m.name, m.value)
			visit(m.value, see)
		}
	case []any:
		for _, element := range v {
			visit(element, see)
		}
	}
}

// any reports whether f holds for a clause of the keyword.
func (c comparison) any(keyword string, f func(value any) bool) bool {
	found := false
	visit(c.filter, func(k string, v any) { found = found || k == keyword && f(v) })
	return found
}

// anyGeo reports whether f holds for the field of a geo clause.
func (c comparison) anyGeo(f func(field string, value any) bool) bool {
	found := false
	visit(c.filter, func(k string, v any) {
		o, ok := v.(*object)
		if !strings.HasPrefix(k, "geo") || !ok {
			return
		}
		for _, m := range o.members {
			isRadius := k == "geoDistance" && m.name == "distance" || k == "geoDistanceRange" && (m.name == "from" || m.name == "to")
			if !isRadius && f(m.name, m.value) {
				found = true
			}
		}
	})
	return found
}

// listForCoordinate reports whether a list stands where a coordinate should, which JavaScript reads as its first
// element.
func (c comparison) listForCoordinate() bool {
	found := false
	isList := func(v any) bool { _, ok := v.([]any); return ok }
	visit(c.filter, func(keyword string, v any) {
		list, _ := v.([]any)
		found = found || slices.Contains([]string{"lat", "lon"}, keyword) && isList(v) || slices.ContainsFunc(list, isList)
		for _, inner := range list {
			pair, _ := inner.([]any)
			found = found || slices.ContainsFunc(pair, isList)
		}
	})
	return found
}

// sharesField reports whether two clauses are about one field in a way that Koncorde takes for a contradiction: one is
// about an element of the field and another about the field, or they want values of different types that look alike.
func (c comparison) sharesField() bool {
	about, elements, values := map[string]int{}, map[string]bool{}, map[string]any{}
	alike := false
	visit(c.filter, func(keyword string, v any) {
		field, inner := only(v)
		switch keyword {
		case "exists", "missing":
			if field != "" {
				v = inner
			}
			name, _ := v.(string)
			field, _, isElement := cutElement(name)
			about[field]++
			elements[field] = elements[field] || isElement
		case "equals", "in", "range":
			about[field]++
			list, isList := inner.([]any)
			if !isList {
				list = []any{inner}
			}
			for _, v := range list {
				key := field + " " + fmt.Sprint(v)
				if v == nil {
					key = field + " null"
				}
				other, there := values[key]
				alike = alike || there && scalarJSON(v) && isScalar(v) && other != v
				values[key] = v
			}
		}
	})
	for field := range elements {
		alike = alike || elements[field] && about[field] > 1
	}
	return alike
}
