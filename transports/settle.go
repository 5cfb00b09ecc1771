package transports

import (
	"runtime"
	"runtime/debug"
	"time"
)

// settler gives memory back to the system after many connections came or went: signing clients in leaves garbage of several times
// what a connection costs then, and a process that is idle afterwards collects it late. It costs two garbage collections each time.
type settler struct {
	open  func() int64
	free  func() // debug.FreeOSMemory, which takes long
	last  int64  // at the last look
	freed int64  // when memory was given back last
	calm  int    // looks in a row that saw nearly the same number
}

const (
	settleEvery = time.Second
	settleCalm  = 2    // looks
	settleMoved = 1000 // connections
)

func newSettler(open func() int64) *settler {
	return &settler{open: open, free: func() {
		go func() {
			runtime.GC() // pools, which keep what they hold for one collection, fell into disuse
			debug.FreeOSMemory()
		}()
	}}
}

// due looks at the number of connections.
func (s *settler) due(now time.Time) time.Time {
	n := s.open()
	if distance(n, s.last) > n/100 {
		s.calm = 0
	} else {
		s.calm++
	}
	s.last = n
	if s.calm >= settleCalm && distance(n, s.freed) >= settleMoved {
		s.freed = n
		s.free()
	}
	return now.Add(settleEvery)
}

func distance(a, b int64) int64 { return max(a-b, b-a) }

// opened is the number of links.
func (h *Handler) opened() (n int64) {
	for i := range h.tallies {
		n += h.tallies[i].open.Load()
	}
	return n
}
