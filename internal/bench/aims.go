package main

import (
	"fmt"
	"io"
	"slices"
)

// aim is one line of what this server wants to reach. If raw is set, the figure is divided by the raw server's of the
// same run; beside names another scenario of the same run to divide by.
type aim struct {
	what     string
	scenario string
	figure   string
	raw      bool
	beside   string
	least    bool // limit is a minimum
	always   bool // the worst round counts, not the median
	limit    float64
}

const (
	cpuEach = "cpu_us_per_delivery"
	cpuConn = "cpu_us_per_connection"
	rateOf  = "deliveries_per_s"
	rss     = "rss_bytes_per_connection"
	perS    = "publishes_per_s"
)

var aims = []aim{
	{what: "CPU per delivery, 100 subscribers, to raw", scenario: "fanout-100-ws", figure: cpuEach, raw: true, limit: 1.15},
	{what: "p99 there, to that without collecting", scenario: "fanout-100-ws", figure: "p99_ms", beside: "fanout-100-ws-uncollected", limit: 1.3},
	{what: "CPU per delivery, 1,000 subscribers, to raw", scenario: "fanout-1000-ws", figure: cpuEach, raw: true, limit: 1.15},
	{what: "sleeps of the server's threads there, to raw", scenario: "fanout-1000-ws", figure: "sleeps_per_1000_delivery", raw: true, limit: 0.5},
	{what: "CPU per delivery, 5,000 subscribers, to raw", scenario: "fanout-5000-ws", figure: cpuEach, raw: true, limit: 1.15},
	{what: "highest rate, 1,000 subscribers", scenario: "highest-1000-ws", figure: rateOf, least: true, always: true, limit: 500_000},
	{what: "highest rate, 1,000 subscribers, to raw", scenario: "highest-1000-ws", figure: rateOf, raw: true, least: true, always: true, limit: 3},
	{what: "CPU per delivery there, to raw", scenario: "highest-1000-ws", figure: cpuEach, raw: true, limit: 0.3},
	{what: "rate of 8 publishers that wait, cold start", scenario: "closed-1000-ws", figure: rateOf, least: true, always: true, limit: 500_000},
	{what: "the same, to raw", scenario: "closed-1000-ws", figure: rateOf, raw: true, least: true, always: true, limit: 3},
	{what: "of 1.5 times raw's rate, cold start", scenario: "closed-1000-ws-1.5", figure: "of_offered", least: true, always: true, limit: 0.95},
	{what: "of 2 times raw's rate, cold start", scenario: "closed-1000-ws-2", figure: "of_offered", least: true, always: true, limit: 0.95},
	{what: "of 3 times raw's rate, cold start", scenario: "closed-1000-ws-3", figure: "of_offered", least: true, always: true, limit: 0.95},
	{what: "CPU per delivery, to that at the rate before", scenario: "sweep-1000-ws", figure: "cpu_rise", limit: 1.1},
	{what: "p99, to that of the rates beside", scenario: "sweep-1000-ws", figure: "p99_bump", limit: 2},
	{what: "CPU per delivery, 2,000 channels, to raw", scenario: "channels-2000-ws", figure: cpuEach, raw: true, limit: 1.15},
	{what: "CPU per delivery, SSE to WebSocket", scenario: "fanout-1000-sse", figure: cpuEach, beside: "fanout-1000-ws", limit: 1.15},
	{what: "CPU per long-poll, 2,000 a second, µs", scenario: "fanout-1000-poll", figure: cpuEach, limit: 25},
	{what: "p99 there, ms", scenario: "fanout-1000-poll", figure: "p99_ms", limit: 30},
	{what: "CPU per long-poll, 10,000 a second, µs", scenario: "fanout-1000-poll-10000", figure: cpuEach, limit: 25},
	{what: "p99 there, ms", scenario: "fanout-1000-poll-10000", figure: "p99_ms", limit: 30},
	{what: "CPU per long-poll, 20,000 a second, µs", scenario: "fanout-1000-poll-20000", figure: cpuEach, limit: 22},
	{what: "p99 there, ms", scenario: "fanout-1000-poll-20000", figure: "p99_ms", limit: 30},
	{what: "CPU to open a long-poll, µs", scenario: "storm-5000-poll", figure: cpuConn, limit: 80},
	{what: "memory of an idle WebSocket, bytes", scenario: "idle-5000-ws", figure: rss, limit: 6 << 10},
	{what: "memory of an idle SSE stream, bytes", scenario: "idle-5000-sse", figure: rss, limit: 4 << 10},
	{what: "memory of a held poll, bytes", scenario: "idle-5000-poll", figure: rss, limit: 6 << 10},
	{what: "memory of a session between polls, bytes", scenario: "between-5000-poll", figure: "rss_bytes_per_session", limit: 2.5 * (1 << 10)},
	{what: "publishes per second, 1 connection, to raw", scenario: "publish-1conn", figure: perS, raw: true, least: true, limit: 1},
	{what: "publishes per second, 8 connections, to raw", scenario: "publish-8conn", figure: perS, raw: true, least: true, limit: 1},
	{what: "the same, to raw made of gin", scenario: "publish-8conn-gin", figure: perS, raw: true, least: true, limit: 1},
	{what: "CPU per connect of 5,000, frames after the 101, µs", scenario: "storm-5000-ws-browser", figure: cpuConn, limit: 95},
	{what: "resume of 1,000 after 100 messages, s", scenario: "resume-1000-ws", figure: "seconds", limit: 0.17},
	{what: "CPU of it, s", scenario: "resume-1000-ws", figure: "cpu_seconds", limit: 0.15},
	{what: "p99 beside one that does not read, to without", scenario: "slow-reader-1000-ws", figure: "ratio", limit: 1.2},
}

// hasAim reports whether an aim looks at a scenario. If all scenarios run, one without runs in the first round alone,
// so that five rounds take 40 minutes.
func hasAim(scenario string) bool {
	return slices.ContainsFunc(aims, func(a aim) bool { return a.scenario == scenario || a.beside == scenario })
}

// verdict prints, for each aim whose scenarios ran, whether its figure meets it. It returns how many are missed.
func verdict(w io.Writer, all []*figures) (missed int) {
	by := map[string]*figures{}
	for _, f := range all {
		by[f.Scenario] = f
	}
	fmt.Fprintf(w, "\n%-54s %10s %12s\n", "aim", "figure", "wanted")
	for _, a := range aims {
		v, ok := a.value(by)
		if !ok {
			continue
		}
		sign, met, word := "<=", v <= a.limit, "met"
		if a.least {
			sign, met = ">=", v >= a.limit
		}
		if !met {
			word = "missed"
			missed++
		}
		fmt.Fprintf(w, "%-54s %10.2f %3s %8.2f  %s\n", a.what, v, sign, a.limit, word)
	}
	return missed
}

func (a aim) value(by map[string]*figures) (float64, bool) {
	f := by[a.scenario]
	if f == nil || len(f.Tidings[a.figure]) == 0 {
		return 0, false
	}
	v, divide := a.of(f.Tidings[a.figure]), []float64(nil)
	switch {
	case a.raw:
		divide = f.Raw[a.figure]
	case a.beside != "" && by[a.beside] != nil:
		divide = by[a.beside].Tidings[a.figure]
	case a.beside == "":
		return v, true
	}
	if len(divide) == 0 || median(divide) == 0 {
		return 0, false
	}
	return v / median(divide), true
}

// of returns the round that counts.
func (a aim) of(rounds []float64) float64 {
	switch {
	case a.always && a.least:
		return slices.Min(rounds)
	case a.always:
		return slices.Max(rounds)
	}
	return median(rounds)
}
