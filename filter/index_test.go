package filter

import (
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"
)

// The index finds what Match finds, filter by filter, while filters come and go. TIDINGS_FILTER_DOCUMENTS sets the
// number of documents.
func TestIndexAgrees(t *testing.T) {
	checks := 25_000
	if s := os.Getenv("TIDINGS_FILTER_DOCUMENTS"); s != "" {
		checks, _ = strconv.Atoi(s)
	} else if testing.Short() {
		checks = 10_000
	}
	g := newGenerator(seedOf(t))
	sources := make([]obj, 2000)
	documents := make([]*Document, len(sources))
	for i := range sources {
		sources[i] = g.document()
		documents[i], _ = Read(raw(sources[i]))
	}
	var filters []*Filter
	for len(filters) < 4000 {
		if f, err := Parse(raw(g.filter(sources[:50]))); err == nil {
			filters = append(filters, f)
		}
	}
	w := &indexWorld{t: t, index: NewIndex[int](), live: map[int]*Filter{}}
	matches := 0
	for i := range checks {
		for range g.IntN(4) {
			w.set(g.IntN(60), pick(g, filters...))
		}
		for range g.IntN(4) {
			w.remove(g.IntN(60))
		}
		matches += w.check(documents[g.IntN(len(documents))])
		if i%1000 == 0 {
			w.checkParts()
		}
	}
	t.Logf("%d documents, %.1f matches each", checks, float64(matches)/float64(checks))
	if matches < checks {
		t.Errorf("only %d matches in %d documents", matches, checks)
	}
	for key := range maps.Clone(w.live) {
		w.remove(key)
	}
	w.checkEmpty()
}

// indexWorld is an index beside the filters that are in it.
type indexWorld struct {
	t     testing.TB
	index *Index[int]
	live  map[int]*Filter
}

func (w *indexWorld) set(key int, f *Filter) {
	w.index.Add(key, f)
	w.live[key] = f
}

func (w *indexWorld) remove(key int) {
	w.index.Remove(key)
	delete(w.live, key)
}

// check compares the index with Match on one document.
func (w *indexWorld) check(d *Document) int {
	w.t.Helper()
	var got, want []int
	w.index.Match(d, func(key int) { got = append(got, key) })
	for key, f := range w.live {
		if f.Match(d) {
			want = append(want, key)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.t.Fatalf("document %s: got %v, want %v; the first that differs is %s", appendJSON(nil, d.root), got, want, w.firstOther(got, want))
	}
	return len(got)
}

func (w *indexWorld) firstOther(got, want []int) string {
	for key := range w.live {
		if slices.Contains(got, key) != slices.Contains(want, key) {
			return w.live[key].JSON()
		}
	}
	return "one that is there twice, or not any more"
}

// checkParts asserts what must hold between the parts of the index.
func (w *indexWorld) checkParts() {
	w.t.Helper()
	if w.index.Len() != len(w.live) {
		w.t.Fatalf("%d filters, want %d", w.index.Len(), len(w.live))
	}
	for path, f := range w.index.fields {
		if slots := len(f.equal) + len(f.element) + len(f.others); f.slots != slots || slots == 0 || f.entered > slots {
			w.t.Fatalf("field %q counts %d leaves and has %d, %d of them access conditions", path, f.slots, slots, f.entered)
		}
		depthOf(w.t, f.spans.root)
	}
}

// depthOf asserts the order of a tree of ranges, and returns its depth.
func depthOf[K comparable](t testing.TB, n spanNode[K]) int {
	t.Helper()
	depth := 0
	for i, p := range n {
		if i > 0 && !p.after(n[i-1]) {
			t.Fatalf("the range from %v stands after that from %v", p.low, n[i-1].low)
		}
		if p.below == nil {
			continue
		}
		if want := p.below.whole(); p != want {
			t.Fatalf("a node is known as %+v, want %+v", p, want)
		}
		if d := depthOf(t, *p.below); i > 0 && d != depth {
			t.Fatalf("some ranges are %d deep, others %d", depth, d)
		} else {
			depth = d
		}
	}
	return 1 + depth
}

// checkEmpty asserts that an index without filters holds on to nothing.
func (w *indexWorld) checkEmpty() {
	w.t.Helper()
	ix := w.index
	if len(ix.entries)+len(ix.fields)+len(ix.heads)+len(ix.always)+len(ix.known) != 0 {
		w.t.Errorf("an empty index has %d entries, %d fields, %d heads, %d always, %d known values", len(ix.entries), len(ix.fields), len(ix.heads), len(ix.always), len(ix.known))
	}
}

// Where a filter is filed, so that few documents lead to it.
func TestAccess(t *testing.T) {
	for _, c := range []struct {
		filter string
		want   []string // keys of the access conditions; nil: always looked at
	}{
		{`{"and":[{"equals":{"a":1}},{"range":{"n":{"gt":1}}},{"exists":"x"}]}`, []string{`{"equals":{"a":1}}`}},
		{`{"and":[{"equals":{"a":"common"}},{"equals":{"b":17}}]}`, []string{`{"equals":{"b":17}}`}},
		{`{"and":[{"range":{"n":{"gt":1}}},{"range":{"m":{"gt":1,"lt":2}}}]}`, []string{`{"range":{"m":{"gt":1,"lt":2}}}`}},
		{`{"or":[{"equals":{"a":1}},{"and":[{"equals":{"b":1}},{"missing":"c"}]}]}`, []string{`{"equals":{"a":1}}`, `{"equals":{"b":1}}`}},
		{`{"regexp":{"s":"x"}}`, []string{`{"exists":"s"}`}},
		{`{"and":[{"match":{"o":{"x":1}}},{"exists":"l[1]"}]}`, []string{`{"exists":"l[1]"}`}},
		{`{"and":[{"equals":{"a":"crowded"}},{"geoDistance":{"p":[1,2],"distance":"1m"}}]}`, []string{`{"geoDistance":{"p":{"lat":1,"lon":2},"distance":"1m"}}`}},
		{`{"not":{"equals":{"a":1}}}`, nil},
		{`{"or":[{"equals":{"a":1}},{"missing":"b"}]}`, nil},
		{`{}`, nil},
	} {
		ix := NewIndex[string]()
		for i := range 5 {
			common, _ := Parse([]byte(`{"equals":{"a":"common"}}`))
			ix.Add(strconv.Itoa(i), common)
		}
		for i := range 20 {
			crowded, _ := Parse([]byte(`{"equals":{"a":"crowded"}}`))
			ix.Add("crowded "+strconv.Itoa(i), crowded)
		}
		f, err := Parse([]byte(c.filter))
		if err != nil {
			t.Fatal(err)
		}
		ix.Add("it", f)
		var got []string
		for _, filing := range ix.entries["it"].filings {
			got = append(got, filing.slot.key)
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) || ix.Always() != map[bool]int{true: 1, false: 0}[c.want == nil] {
			t.Errorf("%s: filed under %q, %d always; want %q", c.filter, got, ix.Always(), c.want)
		}
	}
}

// After 2^32 documents the numbers of rounds begin again, and no verdict of long ago counts.
func TestIndexRounds(t *testing.T) {
	w := &indexWorld{t: t, index: NewIndex[int](), live: map[int]*Filter{}}
	for i, s := range []string{`{"equals":{"a":1}}`, `{"not":{"equals":{"a":1}}}`, `{"range":{"a":{"gte":1}}}`} {
		f, _ := Parse([]byte(s))
		w.set(i, f)
	}
	one, _ := Read([]byte(`{"a":1}`))
	two, _ := Read([]byte(`{"a":2}`))
	w.check(one) // round 1
	w.index.round = math.MaxUint32
	w.check(two) // round 1 again
	w.check(one)
}

// Many ranges stay in a shallow tree, if they come in order, and after most are gone.
func TestSpansStayShallow(t *testing.T) {
	const n = 20_000
	ix := NewIndex[int]()
	for i := range n {
		c := span{low: float64(i), high: float64(i + 3)}
		ix.Add(i, &Filter{root: leafNode("n", spanKey("n", &c), c)})
	}
	if depth := depthOf(t, ix.fields["n"].spans.root); depth > 5 {
		t.Errorf("depth %d with %d ranges in order", depth, n)
	}
	for i := range n - 10 {
		ix.Remove(i)
	}
	if depth := depthOf(t, ix.fields["n"].spans.root); depth > 5 {
		t.Errorf("depth %d with 10 ranges", depth)
	}
}

// A tree of ranges finds those that a number is in, while they come and go; on their bounds too.
func TestSpansFind(t *testing.T) {
	g := newGenerator(seedOf(t))
	bounds := []float64{math.Inf(-1), -math.MaxFloat64, -1, 0, 5e-324, 0.5, 1, 2, 3, math.MaxFloat64, math.Inf(1)}
	tree, live, found := spans[int]{}, map[*slot[int]]span{}, 0
	for i := range 4_000 {
		c := span{low: pick(g, bounds...), high: pick(g, bounds...), lowOpen: g.chance(50), highOpen: g.chance(50)}
		if g.chance(70) {
			c.low, c.high = g.Float64()*3, g.Float64()*3
		}
		s := &slot[int]{condition: c, key: strconv.Itoa(i)}
		live[s] = c
		tree.insert(s, c)
		if i%3 > 0 {
			continue
		}
		for s, c := range live { // any
			tree.remove(s, c)
			delete(live, s)
			break
		}
		v := pick(g, bounds...)
		got := map[*slot[int]]bool{}
		tree.root.each(v, func(s *slot[int]) { got[s] = true })
		for s, c := range live {
			if got[s] != c.has(v) {
				t.Fatalf("%v in %+v: got %v", v, c, got[s])
			}
		}
		found += len(got)
	}
	if depth := depthOf(t, tree.root); depth < 3 || found < 100_000 {
		t.Errorf("depth %d, %d found: too little is tested", depth, found)
	}
	for s, c := range live {
		tree.remove(s, c)
	}
	if len(tree.root) > 0 {
		t.Errorf("an empty tree has %d parts", len(tree.root))
	}
}
