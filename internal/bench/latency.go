package main

import (
	"bytes"
	"slices"
	"strconv"
	"sync"
	"time"
)

// latencies collects the time from the publisher's clock reading to a sampled client's read.
type latencies struct {
	mu  sync.Mutex
	all []time.Duration
}

var stamp = []byte(`"t":`)

// sample finds the publisher's time in every message of a read.
func (l *latencies) sample(b []byte) {
	now := time.Now().UnixNano()
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		i := bytes.Index(b, stamp)
		if i < 0 {
			return
		}
		b = b[i+len(stamp):]
		end := bytes.IndexByte(b, ',')
		if end < 0 {
			return
		}
		if t, err := strconv.ParseInt(string(b[:end]), 10, 64); err == nil {
			l.all = append(l.all, time.Duration(now-t))
		}
	}
}

func (l *latencies) reset() {
	l.mu.Lock()
	l.all = nil
	l.mu.Unlock()
}

func (l *latencies) quantile(q float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return 0
	}
	slices.Sort(l.all)
	return l.all[int(q*float64(len(l.all)-1))]
}
