package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// counts is what a server and the load used so far. Other programs on the machine change the times; how often a thread
// went to sleep and was woken is nearly the same beside them, so it shows what a time alone does not.
type counts struct {
	cpu          time.Duration // of the server
	user, system time.Duration // its parts, in steps of a clock tick
	sleeps       int64         // of the server's threads
	loadSleeps   int64         // of the load's threads
}

const clockTick = 10 * time.Millisecond // of /proc/PID/stat, on each Linux that Go runs on

func (s *server) counts() counts {
	c := counts{cpu: s.cpu(), sleeps: sleeps(s.cmd.Process.Pid)}
	c.user, c.system = times(s.cmd.Process.Pid)
	var own syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &own) == nil {
		c.loadSleeps = own.Nvcsw
	}
	return c
}

// since returns the figures of what was used since before, for each of n deliveries or clients.
func (c counts) since(before counts, n float64, each string) map[string]float64 {
	return map[string]float64{
		"cpu_us_per_" + each:           float64((c.cpu - before.cpu).Microseconds()) / n,
		"cpu_user_us_per_" + each:      float64((c.user - before.user).Microseconds()) / n,
		"cpu_system_us_per_" + each:    float64((c.system - before.system).Microseconds()) / n,
		"sleeps_per_1000_" + each:      float64(c.sleeps-before.sleeps) / n * 1000,
		"load_sleeps_per_1000_" + each: float64(c.loadSleeps-before.loadSleeps) / n * 1000,
	}
}

// sleeps returns how often the threads of a process gave up their processor because they had to wait.
func sleeps(pid int) (n int64) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, name := range files {
		b, _ := os.ReadFile(name)
		_, rest, _ := strings.Cut(string(b), "\nvoluntary_ctxt_switches:")
		number, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
		k, _ := strconv.ParseInt(number, 10, 64)
		n += k
	}
	return n
}

// times returns the processor time of a process, in user and system mode.
func times(pid int) (user, system time.Duration) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(fields) < 13 {
		return 0, 0
	}
	u, _ := strconv.ParseInt(fields[11], 10, 64)
	v, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(u) * clockTick, time.Duration(v) * clockTick
}
