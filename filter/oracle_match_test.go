package filter

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// corpus is a list of questions to Koncorde, with its replies.
type corpus struct {
	rounds []round
	pairs  int
}

type round struct {
	filters   []any
	documents []obj
	verdicts  []verdict
}

const (
	documentsPerRound = 5
	filtersPerRound   = 20
)

// gather asks Koncorde about at least so many pairs of a filter and a document.
func gather(t testing.TB, o *oracle, g *generator, pairs int) *corpus {
	c := &corpus{}
	for c.pairs < pairs {
		var r round
		r.documents = []obj{g.document()}
		for range documentsPerRound - 1 {
			r.documents = append(r.documents, g.sibling(r.documents[0]))
		}
		for range filtersPerRound {
			r.filters = append(r.filters, g.filter(r.documents))
		}
		r.verdicts = o.judge(t, r.filters, r.documents)
		c.rounds = append(c.rounds, r)
		c.pairs += len(r.filters) * len(r.documents)
	}
	return c
}

// each calls see with each pair, the filter as parse reads it.
func (c *corpus) each(parse func(raw []byte) (*Filter, error), see func(filter any, document obj, d *Document, f *Filter, err error, v verdict, theirs *bool)) {
	for _, r := range c.rounds {
		documents := make([]*Document, len(r.documents))
		for i, d := range r.documents {
			documents[i], _ = Read(raw(d))
		}
		for i, filter := range r.filters {
			f, err := parse(raw(filter))
			for j, d := range documents {
				var theirs *bool
				if r.verdicts[i].Error == "" {
					theirs = r.verdicts[i].Matches[j]
				}
				see(filter, r.documents[j], d, f, err, r.verdicts[i], theirs)
			}
		}
	}
}

// tally counts what a corpus holds, so that a generator that asks nothing hard is found out.
type tally struct {
	hits, misses map[string]int // by the outermost clause
	edges        map[string]int // pairs in which a value lies exactly on a bound
	explained    map[string]int // by row of the table
	matched      int
}

// TestOracle puts Match beside Koncorde: the same verdict for each pair, or a row of the table of intended differences.
func TestOracle(t *testing.T) {
	pairs := 120_000
	if testing.Short() {
		pairs = 10_000
	}
	o := startOracle(t)
	c := gather(t, o, newGenerator(seedOf(t)), pairs)
	n := tally{map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}, 0}
	unexplained := 0
	c.each(Parse, func(filter any, document obj, d *Document, f *Filter, err error, v verdict, theirs *bool) {
		n.add(filter, d, theirs)
		if err == nil && theirs != nil && f.Match(d) == *theirs {
			return
		}
		name, ok := explanation(comparison{filter: plain(filter), document: d, theirs: v, ours: err})
		n.explained[name]++
		if !ok {
			if unexplained++; unexplained <= 5 {
				t.Errorf("filter %s\ndocument %s\nKoncorde: %s\nours: %s", raw(filter), raw(document), said(v.Error, theirs), saidOurs(f, err, d))
			}
		}
	})
	if !testing.Short() { // too few, to count how often each clause comes
		n.check(t, c.pairs)
	}
}

func said(fault string, matches *bool) string {
	switch {
	case fault != "":
		return fault
	case matches == nil:
		return "throws"
	}
	return map[bool]string{true: "matches", false: "does not match"}[*matches]
}

func saidOurs(f *Filter, err error, d *Document) string {
	if err != nil {
		return err.Error()
	}
	matches := f.Match(d)
	return said("", &matches)
}

func (n *tally) add(filter any, d *Document, theirs *bool) {
	keyword, value := only(plain(filter))
	if theirs != nil && *theirs {
		n.matched++
		n.hits[keyword]++
	} else {
		n.misses[keyword]++
	}
	switch keyword {
	case "range":
		field, limits := only(value)
		number, _ := d.get(field)
		for _, m := range limits.(*object).members {
			if number == m.value {
				n.edges["range "+m.name]++
			}
		}
	case "geoBoundingBox":
		field, corners := only(value)
		at, _ := d.get(field)
		if p, ok := pointOf(at); ok {
			b, _ := sides(corners, "")
			if p.lat == b.top || p.lat == b.bottom || p.lon == b.left || p.lon == b.right {
				n.edges["side of a box"]++
			}
		}
	case "geoPolygon":
		field, with := only(value)
		at, _ := d.get(field)
		p, ok := pointOf(at)
		_, points := only(with)
		for _, v := range points.([]any) {
			if corner, _ := pointOf(v); ok && corner == p {
				n.edges["corner of a polygon"]++
			}
		}
	}
}

// check asserts that the corpus was worth asking.
func (n *tally) check(t *testing.T, asked int) {
	share := 100 * n.matched / asked
	t.Logf("%d pairs, %d %% match; by clause hits and misses:", asked, share)
	if share < 30 {
		t.Errorf("%d %% of the pairs match, want 30", share)
	}
	for _, keyword := range slices.Sorted(maps.Keys(n.misses)) {
		t.Logf("  %-17s %6d %6d", keyword, n.hits[keyword], n.misses[keyword])
		if few := 1000; n.misses[keyword] < few || n.hits[keyword] < few && keyword != "nothing" {
			t.Errorf("%q: %d hits and %d misses, want %d of each", keyword, n.hits[keyword], n.misses[keyword], few)
		}
	}
	for keyword := range clauses {
		if n.misses[keyword] == 0 {
			t.Errorf("no filter is %q", keyword)
		}
	}
	for _, edge := range []string{"range gt", "range gte", "range lt", "range lte", "side of a box", "corner of a polygon"} {
		t.Logf("  on the %s: %d", edge, n.edges[edge])
		if n.edges[edge] < 12 {
			t.Errorf("%d values lie on the %s, want 12", n.edges[edge], edge)
		}
	}
	all := 0
	for name, count := range n.explained {
		t.Logf("  differs since %s: %d", name, count)
		all += count
	}
	if all > asked/100 {
		t.Errorf("%d of %d pairs differ, want at most 1 %%", all, asked)
	}
}

// TestOracleFindsMutants breaks one clause after another. The corpus must notice each.
func TestOracleFindsMutants(t *testing.T) {
	c := gather(t, startOracle(t), newGenerator(seedOf(t)), 30_000)
	for _, m := range mutants {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			noticed := 0
			c.each(m.parse, func(filter any, _ obj, d *Document, f *Filter, err error, v verdict, theirs *bool) {
				if err == nil && theirs != nil && f.Match(d) != *theirs {
					if _, ok := explanation(comparison{filter: plain(filter), document: d, theirs: v}); !ok {
						noticed++
					}
				}
			})
			if noticed == 0 {
				t.Errorf("nobody notices that %s", m.name)
			}
		})
	}
}
