package filter

import (
	"bytes"
	"encoding/json"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// compiled keeps the filters that were parsed last: the tabs of an application all send the same ones.
var compiled = newCache(4096, 16<<20)

// cache keeps filters by their compact JSON, within a number of filters and an estimate of their bytes.
type cache struct {
	mu       sync.Mutex
	filters  *lru.Cache[string, *Filter] // guarded by mu, as bytes is
	bytes    int
	maxBytes int
}

func newCache(filters, maxBytes int) *cache {
	c := &cache{maxBytes: maxBytes}
	c.filters, _ = lru.NewWithEvict(filters, func(raw string, f *Filter) { c.bytes -= footprint(raw, f) }) // fails for no size above 0
	return c
}

func (c *cache) get(raw []byte) (*Filter, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.filters.Get(string(raw))
}

func (c *cache) put(raw []byte, f *Filter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.filters.Peek(string(raw)); there {
		return
	}
	c.bytes += footprint(string(raw), f)
	c.filters.Add(string(raw), f)
	for c.bytes > c.maxBytes {
		c.filters.RemoveOldest()
	}
}

// footprint estimates the memory of a filter in bytes. A condition takes a few hundred; one that a regular expression
// counts takes instructionsPerCondition instructions of 40 bytes.
func footprint(raw string, f *Filter) int {
	return 2*len(raw) + 2*len(f.root.key) + 700*f.conditions + 200
}

func compactJSON(raw []byte) ([]byte, error) {
	var b bytes.Buffer
	err := json.Compact(&b, raw)
	return b.Bytes(), err
}
