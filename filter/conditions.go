package filter

import (
	"math"
	"regexp"
)

// equals holds for a value of the same type and content: a string, number, boolean or null.
type equals struct{ want any }

func (c equals) holds(value any) bool { return value == c.want }

// exists holds for each field that is there, null included.
type exists struct{}

func (exists) holds(any) bool { return true }

// element holds for an array that has a value among its elements.
type element struct{ want any }

func (c element) holds(value any) bool {
	list, _ := value.([]any)
	for _, v := range list {
		if v == c.want {
			return true
		}
	}
	return false
}

// span holds for numbers between its bounds. A bound that is not there is infinite.
type span struct {
	low, high         float64
	lowOpen, highOpen bool // the bound itself is outside
}

func (c span) holds(value any) bool {
	v, ok := value.(float64)
	return ok && c.has(v)
}

func (c span) has(v float64) bool {
	return (v > c.low || v == c.low && !c.lowOpen) && (v < c.high || v == c.high && !c.highOpen)
}

func (c span) bounded() bool { return !math.IsInf(c.low, 0) && !math.IsInf(c.high, 0) }

// pattern holds for strings in which the expression is found within the first MaxSubjectBytes.
type pattern struct{ *regexp.Regexp }

func (c pattern) holds(value any) bool {
	s, ok := value.(string)
	return ok && c.MatchString(s[:min(len(s), MaxSubjectBytes)])
}

// partial holds for a value that has at least what it wants: of an object each member, of an array each element, each
// found at another place. Elements are looked for in their order, and each takes the first place that fits.
type partial struct{ want any }

func (c partial) holds(value any) bool { return covers(value, c.want) }

func covers(value, want any) bool {
	switch want := want.(type) {
	case *object:
		o, ok := value.(*object)
		if !ok {
			return false
		}
		for _, m := range want.members {
			if v, ok := o.get(m.name); !ok || !covers(v, m.value) {
				return false
			}
		}
		return true
	case []any:
		list, ok := value.([]any)
		return ok && coversList(list, want)
	}
	return value == want
}

func coversList(list, want []any) bool {
	if len(list) < len(want) {
		return false
	}
	taken := make([]bool, len(list))
next:
	for _, w := range want {
		for i, v := range list {
			if !taken[i] && covers(v, w) {
				taken[i] = true
				continue next
			}
		}
		return false
	}
	return true
}

// selected holds for an array whose element at an index matches a filter, in which the element is the field "value".
type selected struct {
	index float64 // an integer; negative counts from the end
	query *node
}

func (c selected) holds(value any) bool {
	list, _ := value.([]any)
	i := c.index
	if i < 0 {
		i += float64(len(list))
	}
	if i < 0 || i >= float64(len(list)) {
		return false
	}
	return c.query.match(&Document{root: &object{members: []member{{"value", list[int(i)]}}}})
}
