package main

import (
	"context"
	"log/slog"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"tidings/actors"
)

// limitMemory sets the Go runtime's memory limit to the container's, so that it collects before the kernel kills. A set
// GOMEMLIMIT wins. (GOMAXPROCS follows the container by itself since Go 1.25.)
func limitMemory(log *slog.Logger) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limit := containerLimit(os.ReadFile)
	if limit == 0 {
		return
	}
	limit -= limit / 10 // for what the runtime does not count: stacks of the kernel, buffers of sockets
	debug.SetMemoryLimit(limit)
	log.Info("memory limit of the container", "GOMEMLIMIT", limit)
}

// How much of the memory limit may live: above tight, new connections are refused, above full, publishes. The rest is
// what the collector needs to work.
const (
	tight, full    = 0.70, 0.85
	pressurePeriod = 250 * time.Millisecond
	collectEvery   = 20 // periods under pressure
)

// watchMemory keeps the bus informed of how short of memory the process is, until ctx ends. Without a limit it is never
// short.
func watchMemory(ctx context.Context, bus *actors.Bus, log *slog.Logger) {
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		return
	}
	tick := time.NewTicker(pressurePeriod)
	defer tick.Stop()
	before := actors.Easy
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if before != actors.Easy && n%collectEvery == 0 {
			runtime.GC() // refused clients allocate little, so that nothing else would show what has become free
		}
		now := pressureOf(living(), limit)
		if now != before {
			log.Warn("memory", "pressure", int(now), "living", living(), "limit", limit)
		}
		bus.SetPressure(now)
		before = now
	}
}

func pressureOf(living uint64, limit int64) actors.Pressure {
	switch share := float64(living) / float64(limit); {
	case share > full:
		return actors.Full
	case share > tight:
		return actors.Tight
	}
	return actors.Easy
}

// living is what the last collection found in use, and the stacks.
func living() uint64 {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() + samples[1].Value.Uint64()
}

// containerLimit reads the limit of cgroup v2 or v1, zero if there is none.
func containerLimit(read func(string) ([]byte, error)) int64 {
	for _, name := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		raw, err := read(name)
		if err != nil {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64)
		if err == nil && n > 0 && n < 1<<50 { // v1 says "none" by a huge number, v2 by "max"
			return n
		}
	}
	return 0
}
