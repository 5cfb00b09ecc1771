package redisbroker

import (
	"maps"
	"sync"
	"time"

	"tidings/broker"
	"tidings/broker/redisbroker/redis"
)

// timings is how long calls of each script took.
type timings struct {
	mu sync.Mutex
	by map[string]broker.Timing // guarded by mu
}

func (t *timings) init() {
	t.by = map[string]broker.Timing{}
	for _, name := range redis.Scripts() {
		t.by[name] = broker.Timing{}
	}
}

func (t *timings) add(script string, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.by[script]
	one.Add(took)
	t.by[script] = one
}

func (t *timings) all() map[string]broker.Timing {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.by)
}
