package main

import (
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// limitMemory tells the Go runtime the container's memory limit, so that it collects before the kernel kills. A set GOMEMLIMIT wins.
// (GOMAXPROCS follows the container by itself since Go 1.25.)
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

// containerLimit reads the limit of cgroup v2 or v1, zero where there is none.
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
