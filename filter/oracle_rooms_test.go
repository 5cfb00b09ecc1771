package filter

import (
	"maps"
	"slices"
	"testing"

	"tidings/protocol"
)

const testChannel protocol.Channel = "orders"

// TestOracleRooms puts IDs beside Koncorde's: filters that it takes for the same have the same ID here, and filters of
// the same ID match the same documents.
func TestOracleRooms(t *testing.T) {
	rounds := 400
	if testing.Short() {
		rounds = 60
	}
	o, g := startOracle(t), newGenerator(seedOf(t))
	g.rare = false
	same, ours := 0, 0
	for range rounds {
		documents := []obj{g.document()}
		for range 3 {
			documents = append(documents, g.sibling(documents[0]))
		}
		var filters []any
		for range 8 {
			f := g.filter(documents)
			filters = append(filters, f)
			for range 3 {
				f = g.respell(f)
				filters = append(filters, f)
			}
		}
		verdicts := o.judge(t, filters, documents)
		theirIDs, ourIDs := map[string]int{}, map[string]int{}
		for i, v := range verdicts {
			if v.Error != "" {
				continue
			}
			f, err := Parse(raw(filters[i]))
			if err != nil {
				t.Fatalf("filter %s: %v", raw(filters[i]), err)
			}
			id := f.ID(testChannel)
			if first, ok := theirIDs[v.ID]; ok {
				same++
				if other, _ := Parse(raw(filters[first])); other.ID(testChannel) != id && !multipliedOut(filters[first], filters[i]) {
					t.Errorf("one room for Koncorde, two here:\n%s\n  %s\n%s\n  %s", raw(filters[first]), other.JSON(), raw(filters[i]), f.JSON())
				}
			}
			theirIDs[v.ID] = i
			if first, ok := ourIDs[id]; ok {
				ours++
				checkSame(t, filters[first], filters[i], documents, verdicts[first], v)
			}
			ourIDs[id] = i
		}
	}
	t.Logf("%d pairs of filters are one room for Koncorde, %d here", same, ours)
	if same < 10*rounds || ours < same {
		t.Errorf("%d pairs are one room for Koncorde and %d here, want at least %d", same, ours, 10*rounds)
	}
}

// checkSame asserts that Koncorde has the same verdicts on two filters of one ID.
func checkSame(t *testing.T, a, b any, documents []obj, va, vb verdict) {
	for i, d := range documents {
		if va.Matches[i] == nil || vb.Matches[i] == nil || *va.Matches[i] == *vb.Matches[i] {
			continue
		}
		read, _ := Read(raw(d))
		_, known := explanation(comparison{filter: plain(a), document: read})
		if _, also := explanation(comparison{filter: plain(b), document: read}); !known && !also {
			t.Errorf("one ID, but Koncorde answers %v and %v on %s:\n%s\n%s", *va.Matches[i], *vb.Matches[i], raw(d), raw(a), raw(b))
		}
	}
}

// multipliedOut reports whether one of the filters has an "or" within an "and" or the other way about: Koncorde
// multiplies them out, so that it may find two of them the same, or drop a part that contradicts another. Here they
// keep their shape.
func multipliedOut(filters ...any) bool {
	for _, f := range filters {
		p, err := Parse(raw(f))
		if err == nil && slices.ContainsFunc(p.root.parts, func(n *node) bool { return n.op == opAnd || n.op == opOr }) {
			return true
		}
	}
	return false
}

// respell writes a filter in another way that Koncorde takes for the same.
func (g *generator) respell(f obj) obj {
	keyword := slices.Collect(maps.Keys(f))[0]
	switch keyword {
	case "missing":
		return obj{"not": obj{"exists": f[keyword]}}
	case "exists":
		if name, ok := f[keyword].(string); ok {
			return obj{keyword: obj{"field": name}}
		}
	case "regexp":
		for field, v := range f[keyword].(obj) {
			if s, ok := v.(string); ok {
				return obj{keyword: obj{field: obj{"value": s}}}
			}
		}
	case "ids":
		return obj{"in": obj{"_id": f[keyword].(obj)["values"]}}
	case "in":
		for field, list := range f[keyword].(obj) {
			parts := []any{}
			for _, v := range list.([]any) {
				parts = append(parts, obj{"equals": obj{field: v}})
			}
			return obj{"or": parts}
		}
	case "geoDistance":
		of := maps.Clone(f[keyword].(obj))
		for field, at := range of {
			if p, ok := pointOf(plain(at)); ok && field != "distance" {
				of[field] = g.format(p)
			}
		}
		return obj{keyword: of}
	case "or", "and":
		if g.chance(50) {
			flipped := map[string]string{"or": "and", "and": "or"}
			parts := []any{}
			for _, part := range f[keyword].([]any) {
				parts = append(parts, obj{"not": part})
			}
			return obj{"not": obj{flipped[keyword]: parts}}
		}
	}
	return pick(g, obj{"and": []any{f}}, obj{"not": obj{"not": f}}, obj{"bool": obj{"must": []any{f}}}, obj{"or": []any{f}})
}
