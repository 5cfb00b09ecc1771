package filter

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"tidings/protocol"
)

// TestOracleFaults puts errors beside Koncorde's: the same filters are refused, with the same text, or a row of the
// table of intended differences.
func TestOracleFaults(t *testing.T) {
	wanted := 20_000
	if testing.Short() {
		wanted = 2_000
	}
	o, g := startOracle(t), newGenerator(seedOf(t))
	faulty, asked, verdicts, texts, explained := 0, 0, 0, map[string]int{}, map[string]int{}
	for faulty < wanted {
		var filters []any
		for len(filters) < 100 {
			f := g.faulty()
			// What is in the table by itself comes seldom, so that the rest is asked more often.
			if name, known := explanation(comparison{filter: plain(f)}); known && name != "geo clauses may stand anywhere" && !g.chance(5) {
				continue
			}
			filters = append(filters, f)
		}
		for i, v := range o.judge(t, filters, nil) {
			asked++
			_, err := Parse(raw(filters[i]))
			if err != nil || v.Error != "" {
				faulty++
			}
			fault := reasonOf(t, filters[i], err)
			if fault == v.Error {
				texts[kindOf(fault)]++
				continue
			}
			c := comparison{filter: plain(filters[i]), theirs: v, ours: err}
			name, ok := explanation(c)
			if ok && err != nil && v.Error != "" {
				name = "in the text alone, since " + name
			} else {
				verdicts++
			}
			explained[name]++
			if !ok && explained[name] <= 5 {
				t.Errorf("filter %s\nKoncorde: %q\nours:     %q", raw(filters[i]), v.Error, fault)
			}
		}
	}
	t.Logf("%d filters, %d of them refused, with these texts in common:", asked, faulty)
	for kind, n := range texts {
		t.Logf("  %6d %s", n, kind)
	}
	for name, n := range explained {
		t.Logf("  differs since %s: %d", name, n)
	}
	if testing.Short() { // too few to count
		return
	}
	if verdicts > asked/100 {
		t.Errorf("%d of %d filters are taken by one alone, want at most 1 %%", verdicts, asked)
	}
	if len(texts) < 25 {
		t.Errorf("%d kinds of texts were seen, want 25", len(texts))
	}
}

// reasonOf returns the text of a fault, which must be whole.
func reasonOf(t *testing.T, filter any, err error) string {
	if err == nil {
		return ""
	}
	var fault *protocol.Error
	if !errors.As(err, &fault) || fault.Hint == "" || fault.Code != protocol.CodeBadFilter && fault.Code != protocol.CodeFilterTooComplex {
		t.Errorf("filter %s: got %#v, want a code of filters with a hint", raw(filter), err)
		return ""
	}
	return fault.Reason
}

// kindOf returns what of a reason does not depend on names.
func kindOf(reason string) string {
	if _, after, ok := strings.Cut(reason, `": `); ok {
		reason = after
	}
	before, _, _ := strings.Cut(reason, `"`)
	return before
}

// faulty makes a filter with something wrong in it, mostly.
func (g *generator) faulty() any {
	var v any
	if err := json.Unmarshal(raw(g.leafOrSmall()), &v); err != nil {
		panic(err)
	}
	for range 1 + g.IntN(2) {
		v = g.spoil(v)
	}
	return v
}

func (g *generator) leafOrSmall() any {
	d := g.document()
	leaf := func() any { return g.leaf(pick(g, leafKeywords...), d) }
	switch g.IntN(8) {
	case 0:
		return obj{"and": []any{leaf(), leaf()}}
	case 1:
		return obj{"or": []any{leaf()}}
	case 2:
		return obj{"not": leaf()}
	case 3:
		return obj{"bool": obj{pick(g, boolParts...): []any{leaf()}}}
	}
	return leaf()
}

// spoil changes one place of v, further down with each step.
func (g *generator) spoil(v any) any {
	if g.chance(70) {
		switch v := v.(type) {
		case obj:
			if names := slices.Sorted(keysOf(v)); len(names) > 0 {
				name := pick(g, names...)
				v[name] = g.spoil(v[name])
				return v
			}
		case []any:
			if len(v) > 0 {
				i := g.IntN(len(v))
				v[i] = g.spoil(v[i])
				return v
			}
		}
	}
	switch v := v.(type) {
	case obj:
		names := slices.Sorted(keysOf(v))
		switch g.IntN(4) {
		case 0:
			if len(names) > 0 {
				delete(v, pick(g, names...))
				return v
			}
		case 1:
			v[pick(g, "more", "equals", "field", "value", "gt", "lte", "points", "flags", "must", "distance", "to", "lat")] = g.wrong()
			return v
		case 2:
			if len(names) > 0 {
				name := pick(g, names...)
				v[pick(g, "other", "or", "index", "values", "lt")] = v[name]
				delete(v, name)
				return v
			}
		}
	case []any:
		if g.chance(50) && len(v) > 0 {
			return v[:len(v)-1]
		}
		return append(v, g.wrong())
	}
	return g.wrong()
}

func (g *generator) wrong() any {
	if g.chance(1) {
		return pick[any](g, `a\C`, "1000", obj{"lat": 91, "lon": 0}, obj{"lat": 1, "lon": 541})
	}
	return pick[any](g, nil, "", "text", 0, 1, 1.5, -7, true, false, []any{}, []any{1}, []any{"a"}, []any{"a", nil}, obj{}, obj{"a": 1}, obj{"equals": obj{"a": 1}}, []any{obj{}}, "(", "12 parsecs", math.MaxInt32, "a[b]", `a["b"]`)
}
