package storetest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tidings/filter"
	"tidings/store"
)

// testMatch compares what random filters find with what filter.Match decides of each document.
func testMatch(t *testing.T, m Maker, rounds int) {
	w := open(t, m)
	rnd := rand.New(rand.NewPCG(16, 4))
	var ops []store.Op
	for n := range 40 {
		content, _ := json.Marshal(randomContent(rnd))
		ops = append(ops, store.Op{Action: store.Put, ID: fmt.Sprintf("d%03d", n), Content: content})
	}
	ops = append(ops, store.Op{Action: store.Put, ID: "odd", Content: []byte(`{"num":9007199254740993,"deep":{"x":1},"deep.x":2,"data":"\ud800","str":"a\u0000b","1":{"2":"3"}}`)})
	for _, r := range w.write(store.Write{Ops: ops, Silent: true}) {
		if r.Fault != nil {
			t.Fatal(r.Fault)
		}
	}
	documents := map[string]*filter.Document{}
	for q := (store.Query{Limit: store.MaxLimit}); ; {
		page := w.search(q)
		for _, d := range page.Documents {
			read, err := filter.Read(d.JSON)
			if err != nil {
				t.Fatal(err)
			}
			documents[d.ID] = read
		}
		if q.After = page.Next; page.Next == "" {
			break
		}
	}
	matched, some := 0, 0
	for range rounds {
		raw, _ := json.Marshal(randomFilter(rnd, 3))
		f, err := filter.Parse(raw)
		if err != nil {
			continue
		}
		var want []string
		for id, d := range documents {
			if f.Match(d) {
				want = append(want, id)
			}
		}
		slices.Sort(want)
		page := w.search(store.Query{Filter: f, Limit: store.MaxLimit})
		if got := ids(page); !slices.Equal(got, want) {
			t.Fatalf("%s finds %q, and %q match", raw, got, want)
		}
		if len(want) > 0 && len(want) < len(documents) {
			some++
		}
		matched += len(want)
	}
	t.Logf("%d filters: %d found some and not all, %d documents together", rounds, some, matched)
	if some < rounds/4 {
		t.Errorf("only %d of %d filters found some documents and not all: the generator is too weak", some, rounds)
	}
}

var (
	randomNumbers = []any{0, 1, -1, 2.5, 1e15, 9007199254740993, json.RawMessage("9007199254740992.0"), json.RawMessage("1e300"), json.RawMessage("0.1"), json.RawMessage("-0"), json.RawMessage("1E2"), 100}
	randomTexts   = []any{"", "a", "b", "ä", "1", "true", "🚕", "a b", "a\x00b", "\ufffd", `"`, "null"}
	randomFields  = []string{"num", "str", "bool", "deep.x", "deep.y.z", "data", "list", "missing", "1.2"}
)

func pick[T any](rnd *rand.Rand, list []T) T { return list[rnd.IntN(len(list))] }

func randomScalar(rnd *rand.Rand) any {
	switch rnd.IntN(6) {
	case 0, 1:
		return pick(rnd, randomNumbers)
	case 2, 3:
		return pick(rnd, randomTexts)
	case 4:
		return rnd.IntN(2) == 0
	}
	return nil
}

func randomContent(rnd *rand.Rand) map[string]any {
	m := map[string]any{}
	for _, name := range []string{"num", "str", "bool", "data", "deep.x", "1.2"} {
		if rnd.IntN(3) > 0 {
			m[name] = randomScalar(rnd)
		}
	}
	switch rnd.IntN(4) {
	case 0:
		m["deep"] = map[string]any{"x": randomScalar(rnd), "y": map[string]any{"z": randomScalar(rnd)}}
	case 1:
		m["deep"] = map[string]any{"y.z": randomScalar(rnd)}
	case 2:
		m["deep"] = randomScalar(rnd)
	}
	if rnd.IntN(2) == 0 {
		m["list"] = []any{randomScalar(rnd), randomScalar(rnd)}
	}
	if rnd.IntN(4) == 0 {
		delete(m, "deep.x")
	}
	return m
}

func randomFilter(rnd *rand.Rand, depth int) any {
	field := pick(rnd, randomFields)
	switch n := rnd.IntN(12); {
	case n < 2 && depth > 0:
		return map[string]any{pick(rnd, []string{"and", "or"}): []any{randomFilter(rnd, depth-1), randomFilter(rnd, depth-1)}}
	case n < 3 && depth > 0:
		return map[string]any{"not": randomFilter(rnd, depth-1)}
	case n < 4:
		return map[string]any{"exists": field}
	case n < 5:
		return map[string]any{"missing": field}
	case n < 6:
		return map[string]any{"ids": map[string]any{"values": []any{fmt.Sprintf("d%03d", rnd.IntN(44)), "odd"}}}
	case n < 7:
		return map[string]any{"in": map[string]any{field: []any{randomScalar(rnd), pick(rnd, randomTexts)}}}
	case n < 9:
		limits := map[string]any{}
		if rnd.IntN(2) == 0 {
			limits[pick(rnd, []string{"gt", "gte"})] = pick(rnd, randomNumbers)
		}
		if rnd.IntN(2) == 0 || len(limits) == 0 {
			limits[pick(rnd, []string{"lt", "lte"})] = pick(rnd, randomNumbers)
		}
		return map[string]any{"range": map[string]any{pick(rnd, []string{field, "_version", "num"}): limits}}
	case n < 10:
		return map[string]any{"regexp": map[string]any{field: pick(rnd, []string{"^a", "b$", ".", "1"})}}
	}
	return map[string]any{"equals": map[string]any{field: randomScalar(rnd)}}
}
