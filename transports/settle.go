package transports

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// settler hands memory back to the system once a process has become quiet. Signing clients in, or answering many polls,
// leaves garbage of several times what a connection costs, and a process that is idle afterwards collects it late. Each
// time costs two garbage collections.
type settler struct {
	read  func() usage
	free  func() // takes long
	last  uint64 // allocated, at the last look
	links int    // at the time when memory was last given back
	calm  int    // looks in a row between which little was allocated
}

// usage is what the process uses; the heap in bytes.
type usage struct {
	links     int
	allocated uint64 // since the start
	live      uint64 // after the last collection
	taken     uint64 // of the system's memory: objects, dead ones too, and what is free
}

const (
	settleEvery = time.Second
	settleCalm  = 2       // looks
	settleRate  = 1 << 20 // bytes between two looks: less is quiet
	settleLeast = 8 << 20 // bytes that are worth it; and half of what is live
	settleMoved = 1000    // links that came or went: their memory may not have been collected yet
)

func newSettler(links func() int) *settler {
	read := func() usage {
		u := readUsage()
		u.links = links()
		return u
	}
	return &settler{read: read, free: func() {
		go func() {
			runtime.GC() // the first collection does not free what is in a sync.Pool
			debug.FreeOSMemory()
		}()
	}}
}

// due looks at the heap.
func (s *settler) due(now time.Time) time.Time {
	u := s.read()
	if u.allocated-s.last > settleRate {
		s.calm = 0
	} else {
		s.calm++
	}
	s.last = u.allocated
	worth := u.taken > u.live+max(settleLeast, u.live/2) || max(u.links-s.links, s.links-u.links) >= settleMoved
	if s.calm >= settleCalm && worth {
		s.calm, s.links = 0, u.links
		s.free()
	}
	return now.Add(settleEvery)
}

func readUsage() usage {
	s := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(s)
	return usage{allocated: s[0].Value.Uint64(), live: s[1].Value.Uint64(), taken: s[2].Value.Uint64() + s[3].Value.Uint64()}
}
