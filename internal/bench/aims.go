package main

import (
	"fmt"
	"io"
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
	limit    float64
}

var aims = []aim{
	{what: "CPU per delivery, 1,000 subscribers, to raw", scenario: "fanout-1000-ws", figure: "cpu_us_per_delivery", raw: true, limit: 1.15},
	{what: "CPU per delivery, 5,000 subscribers, to raw", scenario: "fanout-5000-ws", figure: "cpu_us_per_delivery", raw: true, limit: 1.15},
	{what: "highest rate, 1,000 subscribers, to raw", scenario: "highest-1000-ws", figure: "deliveries_per_s", raw: true, least: true, limit: 3},
	{what: "CPU per delivery there, to raw", scenario: "highest-1000-ws", figure: "cpu_us_per_delivery", raw: true, limit: 0.3},
	{what: "CPU per delivery, 2,000 channels, to raw", scenario: "channels-2000-ws", figure: "cpu_us_per_delivery", raw: true, limit: 1.3},
	{what: "CPU per delivery, SSE to WebSocket", scenario: "fanout-1000-sse", figure: "cpu_us_per_delivery", beside: "fanout-1000-ws", limit: 1.15},
	{what: "memory of an idle WebSocket, bytes", scenario: "idle-5000-ws", figure: "rss_bytes_per_connection", limit: 6 << 10},
	{what: "memory of an idle SSE stream, bytes", scenario: "idle-5000-sse", figure: "rss_bytes_per_connection", limit: 4 << 10},
	{what: "memory of a held poll, bytes", scenario: "idle-5000-poll", figure: "rss_bytes_per_connection", limit: 6 << 10},
	{what: "memory of a session between polls, bytes", scenario: "between-5000-poll", figure: "rss_bytes_per_session", limit: 2.5 * (1 << 10)},
	{what: "publishes per second, 1 connection, to raw", scenario: "publish-1conn", figure: "publishes_per_s", raw: true, least: true, limit: 0.8},
	{what: "publishes per second, 8 connections, to raw", scenario: "publish-8conn", figure: "publishes_per_s", raw: true, least: true, limit: 0.8},
	{what: "CPU per connect of 5,000, to raw", scenario: "storm-5000-ws", figure: "cpu_us_per_connection", raw: true, limit: 2},
	{what: "resume of 1,000 after 100 messages, to their connect", scenario: "resume-1000-ws", figure: "ratio", limit: 1.5},
	{what: "p99 beside one that does not read, to without", scenario: "slow-reader-1000-ws", figure: "ratio", limit: 1.2},
}

// verdict prints, for each aim whose scenarios ran, whether its median meets it.
func verdict(w io.Writer, all []*figures) {
	by := map[string]*figures{}
	for _, f := range all {
		by[f.Scenario] = f
	}
	fmt.Fprintf(w, "\n%-54s %10s %12s\n", "aim", "figure", "wanted")
	for _, a := range aims {
		if v, ok := a.value(by); ok {
			sign, met := "<=", v <= a.limit
			if a.least {
				sign, met = ">=", v >= a.limit
			}
			word := "missed"
			if met {
				word = "met"
			}
			fmt.Fprintf(w, "%-54s %10.2f %3s %8.2f  %s\n", a.what, v, sign, a.limit, word)
		}
	}
}

func (a aim) value(by map[string]*figures) (float64, bool) {
	f := by[a.scenario]
	if f == nil || len(f.Tidings[a.figure]) == 0 {
		return 0, false
	}
	v, divide := median(f.Tidings[a.figure]), []float64(nil)
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
