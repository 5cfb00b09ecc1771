package filter

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// obj is a JSON object of a test.
type obj = map[string]any

// generator makes filters and documents of a small world, so that they meet often: few fields, few values, bounds that
// values lie exactly on, points in one region.
type generator struct {
	*rand.Rand
	// rare makes now and then what Koncorde is known to do otherwise.
	rare bool
}

func newGenerator(seed uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 15)), rare: true}
}

func pick[T any](g *generator, of ...T) T { return of[g.IntN(len(of))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

// seldom is for what is in the table of differences, of which at most one pair in a hundred may be.
func (g *generator) seldom() bool { return g.rare && g.IntN(500) == 0 }

func (g *generator) scalar() any {
	return pick[any](g, "taxi", "bus", "", "1", "true", "null", 1, 2, 0, -1.5, 1e6, true, false, nil)
}

func (g *generator) number() float64 { return pick(g, -1e6, -2, -1.5, -1, 0, 0.5, 1, 2, 3, 10, 1e5) }

func (g *generator) word() string {
	return pick(g, "taxi", "bus", "Taxi", "taxi 17", "", "a.b", "été", "bus\nbus", "17", strings.Repeat("ab", 40))
}

func (g *generator) list(element func() any, most int) []any {
	list := make([]any, g.IntN(most+1))
	for i := range list {
		list[i] = element()
	}
	return list
}

// document makes a document in which each field is missing now and then.
func (g *generator) document() obj {
	d := obj{}
	put := func(name string, percent int, value func() any) {
		if g.chance(percent) {
			d[name] = value()
		}
	}
	put("_id", 90, func() any { return pick(g, "d1", "d2", "d3") })
	put("a", 80, g.scalar)
	put("b", 80, func() any { return pick(g, g.scalar(), any(obj{"c": g.scalar(), "d": obj{"e": g.scalar()}})) })
	put("n", 90, func() any {
		if g.chance(5) {
			return pick[any](g, "1", nil, true, []any{1})
		}
		if g.seldom() {
			return g.number() + 5e-11
		}
		return g.number()
	})
	put("m", 60, func() any { return g.number() })
	put("s", 90, func() any { return g.word() })
	put("t", 70, func() any { return g.word() })
	put("l", 90, func() any { return g.list(g.scalar, 6) })
	put("k", 80, func() any { return g.list(g.item, 4) })
	put("o", 90, func() any { return g.item() })
	put("x.y", 50, g.scalar)
	put("x", 30, func() any { return obj{"z": g.scalar()} })
	put("p", 95, g.place)
	put("q", 60, g.place)
	if g.seldom() {
		d["p"] = pick[any](g, "Nowhere", "Paris, France", []any{1}, 5)
	}
	if g.seldom() {
		d["s"] = g.scalar()
	}
	return d
}

// sibling makes a document that has many fields of another.
func (g *generator) sibling(d obj) obj {
	other := g.document()
	for _, name := range slices.Sorted(keysOf(d)) {
		if g.chance(60) {
			other[name] = d[name]
		}
	}
	return other
}

// item is a small object with lists and objects in it.
func (g *generator) item() any {
	o := obj{"u": g.scalar(), "v": g.scalar()}
	if g.chance(60) {
		o["w"] = obj{"u": g.scalar(), "r": g.list(g.scalar, 4)}
	}
	if g.chance(60) {
		o["r"] = g.list(func() any {
			return pick[any](g, obj{"u": g.scalar()}, g.scalar(), obj{"u": g.scalar(), "v": g.scalar()})
		}, 4)
	}
	return o
}

// part takes things away from a value, so that the value still has at least what is left.
func (g *generator) part(v any) any {
	switch v := v.(type) {
	case obj:
		o := obj{}
		for _, name := range slices.Sorted(keysOf(v)) {
			if g.chance(60) {
				o[name] = g.part(v[name])
			}
		}
		return o
	case []any:
		var list = []any{}
		for _, element := range v {
			if g.chance(60) {
				list = append(list, g.part(element))
			}
		}
		if len(list) > 0 && g.chance(15) {
			list = append(list, list[0])
		}
		g.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		return list
	}
	if g.chance(4) {
		return g.scalar()
	}
	return v
}

func keysOf[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

var leafKeywords = []string{"equals", "in", "ids", "range", "exists", "missing", "regexp", "match", "select", "nothing", "geoBoundingBox", "geoDistance", "geoDistanceRange", "geoPolygon"}

// filter makes a filter for one of the documents. About half are one clause alone.
func (g *generator) filter(documents []obj) obj {
	if g.chance(50) {
		return g.leaf(pick(g, append(leafKeywords, "select", "geoBoundingBox")...), pick(g, documents...))
	}
	return g.tree(pick(g, documents...), 3)
}

func (g *generator) tree(d obj, depth int) obj {
	if depth == 0 || g.chance(40) {
		keyword := pick(g, leafKeywords[:9]...)
		if depth == 3 { // alone in its tree Koncorde can read it
			keyword = pick(g, leafKeywords...)
		}
		if keyword == "select" && !g.seldom() { // below a "not" Koncorde cannot hold it
			keyword = "equals"
		}
		return g.leaf(keyword, d)
	}
	below := func() any { return g.tree(d, depth-1) }
	some := func() []any { return append(g.list(below, 1), below()) }
	switch pick(g, "and", "and", "or", "or", "not", "bool", "geo") {
	case "and":
		return obj{"and": some()}
	case "or":
		return obj{"or": some()}
	case "not":
		return obj{"not": below()}
	case "geo":
		if depth == 3 || g.seldom() { // within others Koncorde cannot read it
			return g.treeOfGeo(d)
		}
		return obj{"not": g.leaf(pick(g, leafKeywords[:8]...), d)}
	}
	b := obj{}
	for _, name := range boolParts {
		if g.chance(40) {
			b[name] = some()
		}
	}
	if len(b) == 0 {
		b["must"] = some()
	}
	return obj{"bool": b}
}

// treeOfGeo makes an "and" or "or" of leaves with geo clauses of one field, or the negation of one.
func (g *generator) treeOfGeo(d obj) obj {
	var parts []any
	field := pick(g, "p", "p", "q")
	for range 1 + g.IntN(3) {
		if g.seldom() {
			field = "q"
		}
		leaf := g.geo(pick(g, leafKeywords[10:]...), field, d)
		if g.chance(20) {
			leaf = obj{"not": leaf}
		}
		parts = append(parts, leaf)
	}
	if len(parts) == 1 && g.chance(30) {
		return obj{"not": parts[0]}
	}
	for range g.IntN(3) {
		parts = append(parts, g.leaf(pick(g, "equals", "range", "exists", "missing", "regexp"), d))
	}
	return obj{pick(g, "and", "or"): parts}
}

// leaf makes a clause of a keyword that often holds for d.
func (g *generator) leaf(keyword string, d obj) obj {
	field := pick(g, "a", "a", "b", "b.c", "b.d.e", "x.y", "x.z", "n", "s")
	switch keyword {
	case "equals":
		if v, ok := at(d, field); ok && scalarJSON(v) && g.chance(60) {
			return obj{"equals": obj{field: v}}
		}
		return obj{"equals": obj{field: g.scalar()}}
	case "in":
		words := []any{}
		for range 1 + g.IntN(4) {
			words = append(words, g.word())
		}
		if s, ok := d["s"].(string); ok && g.chance(50) {
			words = append(words, s)
		}
		if g.seldom() {
			words = append(words, g.scalar())
		}
		return obj{"in": obj{pick(g, "s", "s", "t", "a"): words}}
	case "ids":
		return obj{"ids": obj{"values": pick(g, []any{"d1"}, []any{"d2", "d1"}, []any{"d9"})}}
	case "range":
		return g.span()
	case "exists", "missing":
		return g.exists(keyword, d)
	case "regexp":
		return g.regexp()
	case "match":
		return g.match(d)
	case "select":
		return g.selected(d)
	case "nothing":
		return obj{"nothing": pick[any](g, true, nil, 5)}
	}
	return g.geo(keyword, pick(g, "p", "p", "p", "q"), d)
}

func (g *generator) span() obj {
	field := pick(g, "n", "n", "m", "a")
	low, high := g.number(), g.number()
	if low > high {
		low, high = high, low
	}
	if low == high {
		high++
	}
	limits := obj{pick(g, "gt", "gte"): low, pick(g, "lt", "lte"): high}
	if g.chance(50) {
		limits = pick(g, obj{"gt": low}, obj{"gte": low}, obj{"lt": high}, obj{"lte": high})
	}
	if g.seldom() {
		limits = obj{"gt": 1e6}
	}
	return obj{"range": obj{field: limits}}
}

func (g *generator) exists(keyword string, d obj) obj {
	field := pick(g, "a", "b", "b.c", "x", "x.y", "t", "q", "m", "none", "s[", `o.r\[`)
	if g.chance(40) {
		v := g.scalar()
		if list, _ := d["l"].([]any); len(list) > 0 && g.chance(70) {
			v = pick(g, list...)
		}
		raw, _ := json.Marshal(v)
		field = pick(g, "l", "l", "k", "s") + "[" + string(raw) + "]"
	}
	if g.chance(20) {
		return obj{keyword: obj{"field": field}}
	}
	return obj{keyword: field}
}

func (g *generator) regexp() obj {
	value := pick(g, "^taxi", "taxi$", "TAXI", "[ab]", "^.?[tTb]", "a", "a.b", `a\.b`, `^\d+$`, "bus.bus", "^bus$", "(ab){3,}$", "[éè]t", "", "x*", `\btaxi\b`, "^(taxi|bus)$", `\u0074axi`, "(?i)TAXI", `[^a-z]`, `\s\d`, `été`)
	if g.chance(60) {
		return obj{"regexp": obj{pick(g, "s", "t"): value}}
	}
	with := obj{"value": value}
	if g.chance(80) {
		with["flags"] = pick(g, "i", "m", "s", "im", "ims", "u", "mi")
	}
	if g.seldom() {
		with["flags"] = "g"
	}
	return obj{"regexp": obj{pick(g, "s", "t"): with}}
}

func (g *generator) match(d obj) obj {
	m := obj{}
	for range 1 + g.IntN(2) {
		field := pick(g, "o", "o", "k", "l", "a", "b", "b.c", "o.w")
		if v, ok := at(d, field); ok && g.chance(90) {
			m[field] = g.part(v)
		} else {
			m[field] = pick[any](g, g.scalar(), obj{}, []any{})
		}
	}
	return obj{"match": m}
}

func (g *generator) selected(d obj) obj {
	field := pick(g, "l", "k", "l", "k", "l", "k", "l", "k", "s")
	index := g.IntN(5) - 2
	var query obj
	list, _ := d[field].([]any)
	at := index
	if at < 0 {
		at += len(list)
	}
	switch {
	case at >= 0 && at < len(list) && g.chance(80):
		if v, ok := list[at].(obj); ok {
			query = pick(g, obj{"match": obj{"value": g.part(v)}}, obj{"equals": obj{"value.u": v["u"]}})
		} else {
			query = obj{"equals": obj{"value": list[at]}}
		}
	default:
		query = pick(g, obj{"exists": "value"}, obj{"exists": "value.w"}, obj{"range": obj{"value": obj{"gt": 0}}}, obj{"or": []any{obj{"equals": obj{"value": "taxi"}}, obj{"missing": "value.u"}}})
	}
	return obj{"select": obj{"field": field, "index": index, "query": query}}
}

// at returns the field of a document at a path.
func at(d obj, path string) (any, bool) {
	if v, ok := d[path]; ok {
		return v, true
	}
	for i := range path {
		if path[i] == '.' {
			if inner, ok := d[path[:i]].(obj); ok {
				return at(inner, path[i+1:])
			}
		}
	}
	return nil, false
}

func scalarJSON(v any) bool {
	switch v.(type) {
	case obj, []any:
		return false
	}
	return true
}

func raw(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprint("a test's value is no JSON: ", err))
	}
	return b
}
