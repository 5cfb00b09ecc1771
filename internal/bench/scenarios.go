package main

import (
	"fmt"
	"time"
)

// target is one server under one scenario.
type target struct {
	raw     bool
	server  *server
	form    string // of the clients: "ws", "sse" or "poll"
	opening opening
	beside  map[string]float64 // figures of the raw server in this round, if it is in the scenario
}

// opening is how a WebSocket client begins.
type opening uint8

const (
	together   opening = iota // its frames leave with the handshake, as no browser can send them
	afterwards                // its frames leave after the 101
	pingFirst                 // a ping leaves after the 101, and its frames after the pong: the client of this repository
)

// scenario measures one thing on one server; run returns figures by name.
type scenario struct {
	name    string
	form    string
	raw     string // the kind of raw server to stand beside, "" if there is none that can do it
	run     func(t *target) (map[string]float64, error)
	opening opening
	args    []string // more for tidings serve
}

var uncollected = []string{"--collect-window", "0"}

var scenarios = []scenario{
	{name: "fanout-100-ws", form: "ws", raw: plainHTTP, run: steady(100, 1, 20_000)},
	{name: "fanout-100-ws-uncollected", form: "ws", run: steady(100, 1, 20_000), args: uncollected},
	{name: "fanout-1000-ws", form: "ws", raw: plainHTTP, run: steady(1000, 1, 20_000)},
	{name: "fanout-5000-ws", form: "ws", raw: plainHTTP, run: steady(5000, 1, 20_000)},
	{name: "fanout-1000-sse", form: "sse", raw: plainHTTP, run: steady(1000, 1, 20_000)},
	{name: "fanout-1000-poll", form: "poll", run: steady(1000, 1, 2_000)},
	{name: "fanout-1000-poll-10000", form: "poll", run: steady(1000, 1, 10_000)},
	{name: "fanout-1000-poll-20000", form: "poll", run: steady(1000, 1, 20_000)},
	{name: "channels-1000-ws", form: "ws", raw: plainHTTP, run: steady(1000, 1000, 2_000)},
	{name: "channels-1000-sse", form: "sse", raw: plainHTTP, run: steady(1000, 1000, 2_000)},
	{name: "channels-1000-poll", form: "poll", run: steady(1000, 1000, 1_000)},
	{name: "channels-2000-ws", form: "ws", raw: plainHTTP, run: steady(2000, 2000, 2_000)},
	{name: "highest-1000-ws", form: "ws", raw: plainHTTP, run: highest(1000)},
	{name: "highest-1000-sse", form: "sse", raw: plainHTTP, run: highest(1000)},
	{name: "closed-1000-ws", form: "ws", raw: plainHTTP, run: closed(1000, 0)},
	{name: "closed-1000-ws-1.5", form: "ws", raw: plainHTTP, run: closed(1000, 1.5)},
	{name: "closed-1000-ws-2", form: "ws", raw: plainHTTP, run: closed(1000, 2)},
	{name: "closed-1000-ws-3", form: "ws", raw: plainHTTP, run: closed(1000, 3)},
	{name: "sweep-1000-ws", form: "ws", run: sweep(1000, 20, 50, 100, 150, 200, 300, 500, 700)},
	{name: "idle-5000-ws", form: "ws", raw: plainHTTP, run: idle(5000)},
	{name: "idle-5000-sse", form: "sse", raw: plainHTTP, run: idle(5000)},
	{name: "idle-5000-poll", form: "poll", run: idle(5000)},
	{name: "between-5000-poll", form: "poll", run: between(5000)},
	{name: "idle-15000-ws", form: "ws", raw: plainHTTP, run: idle(15_000)},
	{name: "idle-15000-sse", form: "sse", raw: plainHTTP, run: idle(15_000)},
	{name: "idle-15000-poll", form: "poll", run: idle(15_000)},
	{name: "storm-5000-ws", form: "ws", raw: plainHTTP, run: storm(5000)},
	{name: "storm-5000-ws-browser", form: "ws", raw: plainHTTP, run: storm(5000), opening: afterwards},
	{name: "storm-5000-ws-ping", form: "ws", run: storm(5000), opening: pingFirst},
	{name: "storm-5000-poll", form: "poll", run: storm(5000)},
	{name: "publish-1conn", form: "ws", raw: plainHTTP, run: publishes(0, 1)},
	{name: "publish-8conn", form: "ws", raw: plainHTTP, run: publishes(0, 8)},
	{name: "publish-8conn-gin", form: "ws", raw: ginHTTP, run: publishes(0, 8)},
	{name: "publish-1conn-1sub", form: "ws", raw: plainHTTP, run: publishes(1, 1)},
	{name: "publish-8conn-1sub", form: "ws", raw: plainHTTP, run: publishes(1, 8)},
	{name: "resume-1000-ws", form: "ws", run: resume(1000, 100)},
	{name: "beside-hot-1000-ws", form: "ws", raw: plainHTTP, run: besideHot(1000, 100)},
	{name: "slow-reader-1000-ws", form: "ws", run: slowReader(1000)},
}

func channelName(channels int) func(i int) string {
	return func(i int) string { return fmt.Sprintf("bench/%d", i%channels) }
}

// crowd connects n clients, each to its channel, and waits until they are there.
func crowd(t *target, n int, channel func(i int) string) (*swarm, int64, error) {
	s, err := newSwarm()
	if err != nil {
		return nil, 0, err
	}
	s.opening = t.opening
	if t.opening != together {
		s.start() // so that the answers are read, and answered, while others connect
	}
	if err := s.connect(t.server.addr, t.form, n, channel); err != nil {
		return nil, 0, err
	}
	if err := s.run(); err != nil {
		return nil, 0, err
	}
	base, err := s.settle(t.raw)
	if err != nil {
		s.close()
		return nil, 0, err
	}
	return s, base, nil
}

// storm connects and subscribes everybody at once: processor time per connection.
func storm(clients int) func(*target) (map[string]float64, error) {
	return func(t *target) (map[string]float64, error) {
		before, start := t.server.cpu(), time.Now()
		s, _, err := crowd(t, clients, channelName(1))
		if err != nil {
			return nil, err
		}
		defer s.close()
		took := time.Since(start) - 500*time.Millisecond // settle's silence
		return map[string]float64{
			"cpu_us_per_connection": float64((t.server.cpu() - before).Microseconds()) / float64(clients),
			"seconds":               took.Seconds(),
		}, nil
	}
}

// publishes sends as fast as the answers come for three seconds.
func publishes(subscribers, conns int) func(*target) (map[string]float64, error) {
	return func(t *target) (map[string]float64, error) {
		if subscribers > 0 {
			s, _, err := crowd(t, subscribers, channelName(1))
			if err != nil {
				return nil, err
			}
			defer s.close()
		}
		before, start := t.server.cpu(), time.Now()
		n, err := t.publish(load{channel: channelName(1), lasting: 3 * time.Second, conns: conns})
		if err != nil {
			return nil, err
		}
		used := t.server.cpu() - before
		return map[string]float64{
			"publishes_per_s":     float64(n) / time.Since(start).Seconds(),
			"publishes_per_cpu_s": float64(n) / used.Seconds(),
		}, nil
	}
}
