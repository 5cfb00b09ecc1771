package filter

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
)

// A document leads to about as many filters as match it, however many there are: the law of which TestSpeed measures
// the time.
func TestCandidates(t *testing.T) {
	sizes := []int{1_000, 20_000}
	for _, w := range workloads {
		for _, n := range sizes {
			g := newGenerator(15)
			ix, matches, candidates := indexOf(t, g, w, n), 0, 0
			const documents = 40
			for range documents {
				d, _ := Read(raw(w.document(g, n)))
				ix.Match(d, func(int) { matches++ })
				for _, e := range ix.entries {
					if slices.ContainsFunc(e.filings, func(f filing[int]) bool { return f.slot.opened == ix.round }) {
						candidates++
					}
				}
			}
			t.Logf("%s, %d filters: %.1f candidates and %.1f matches a document", w.name, n, float64(candidates)/documents, float64(matches)/documents)
			if matches < documents*matchesHeld/2 || candidates > matches+8*documents { // 4 are filed under what all have in common
				t.Errorf("%s, %d filters: %d candidates for %d matches in %d documents", w.name, n, candidates, matches, documents)
			}
		}
	}
}

func indexOf(t testing.TB, g *generator, w workload, n int) *Index[int] {
	ix := NewIndex[int]()
	for i := range n {
		f, err := Parse(raw(w.filter(g, n, i)))
		if err != nil {
			t.Fatal(err)
		}
		ix.Add(i, f)
	}
	return ix
}

// A filter of two conditions, which it shares with no other, takes at most 1 KB in an index of many.
func TestIndexMemory(t *testing.T) {
	const n = 20_000
	before := heap()
	ix := indexOf(t, newGenerator(15), workload{filter: func(_ *generator, _, i int) obj {
		return obj{"and": []any{obj{"equals": obj{"driver": fmt.Sprint("driver-", i)}}, obj{"range": obj{"price": obj{"gte": i, "lt": i + 10}}}}}
	}}, n)
	each := (heap() - before) / n
	t.Logf("%d bytes per filter, with %d filters", each, ix.Len())
	if each > 1024 {
		t.Errorf("%d bytes per filter, want at most 1024", each)
	}
	runtime.KeepAlive(ix)
}

func heap() int64 {
	compiled.mu.Lock()
	compiled.filters.Purge()
	compiled.mu.Unlock()
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestSpeed measures the index beside Koncorde, in one run. It takes minutes, so that it runs only if
// TIDINGS_FILTER_SPEED names a workload, or all; its figures stand in docs/PERFORMANCE.md.
func TestSpeed(t *testing.T) {
	if os.Getenv("TIDINGS_FILTER_SPEED") == "" {
		t.Log("TIDINGS_FILTER_SPEED is not set; TestCandidates shows the law")
		return
	}
	o := startOracle(t)
	for _, w := range workloads {
		if only := os.Getenv("TIDINGS_FILTER_SPEED"); only != "all" && only != w.name {
			continue
		}
		ours, koncordes := map[int]int64{}, map[int]int64{}
		for _, n := range []int{10, 1_000, 10_000, 100_000} {
			before := heap()
			ix := indexOf(t, newGenerator(15), w, n)
			bytes := (heap() - before) / int64(n)
			g := newGenerator(16)
			documents, contents := make([]obj, 500), make([][]byte, 500)
			for i := range documents {
				documents[i] = w.document(g, n)
				contents[i] = raw(documents[i])
			}
			read, matched, matches := timed(ix, contents)
			theirs := int64(0)
			if n <= 10_000 {
				theirs = koncordeTime(t, o, w, n, documents[:100])
			}
			t.Logf("%-10s %7d filters: read %6d ns, match %7d ns, %.1f matches, %4d bytes a filter; Koncorde %9d ns",
				w.name, n, read, matched, float64(matches)/float64(len(documents)), bytes, theirs)
			ours[n], koncordes[n] = read+matched, theirs
		}
		if w.name != "negations" && ours[100_000] > 2*ours[1_000] {
			t.Errorf("%s: %d ns a document with 100,000 filters, %d with 1,000, want at most twice that", w.name, ours[100_000], ours[1_000])
		}
		if w.name != "geo" && 10*ours[10_000] > koncordes[10_000] { // whose shapes lie in an R-tree, too
			t.Errorf("%s: %d ns a document with 10,000 filters, Koncorde takes %d, want ten times that", w.name, ours[10_000], koncordes[10_000])
		}
	}
}

// timed returns the nanoseconds of CPU that reading and matching one document take, in the best of some rounds.
func timed(ix *Index[int], contents [][]byte) (read, matched int64, matches int) {
	documents := make([]*Document, len(contents))
	read = best(len(contents), func() {
		for i, content := range contents {
			documents[i], _ = Read(content)
		}
	})
	matched = best(len(contents), func() {
		matches = 0
		for _, d := range documents {
			ix.Match(d, func(int) { matches++ })
		}
	})
	return read, matched, matches
}

func best(n int, f func()) int64 {
	least := int64(math.MaxInt64)
	for range 100 { // many, for those in which no other program had the processor's caches
		start := cpuTime()
		f()
		least = min(least, cpuTime()-start)
	}
	return least / int64(n)
}

// cpuTime returns the nanoseconds of CPU that this process has had.
func cpuTime() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

func koncordeTime(t *testing.T, o *oracle, w workload, n int, documents []obj) int64 {
	filters := make([]obj, n)
	g := newGenerator(15)
	for i := range filters {
		filters[i] = w.filter(g, n, i)
	}
	var reply struct {
		Nanoseconds float64
		Matches     int
	}
	o.ask(t, obj{"bench": obj{"filters": filters, "documents": documents, "rounds": min(20, max(3, 20_000/n))}}, &reply)
	return int64(reply.Nanoseconds)
}
