package main

import (
	"fmt"
	"time"
)

// target is one server under one scenario.
type target struct {
	raw    bool
	server *server
	form   string // of the clients: "ws", "sse" or "poll"
}

// scenario measures one thing on one server; run returns figures by name.
type scenario struct {
	name string
	form string
	raw  bool // whether the raw server can do it too
	run  func(t *target) (map[string]float64, error)
}

var scenarios = []scenario{
	{"fanout-100-ws", "ws", true, steady(100, 1, 20_000)},
	{"fanout-1000-ws", "ws", true, steady(1000, 1, 20_000)},
	{"fanout-5000-ws", "ws", true, steady(5000, 1, 20_000)},
	{"fanout-1000-sse", "sse", true, steady(1000, 1, 20_000)},
	{"fanout-1000-poll", "poll", false, steady(1000, 1, 2_000)},
	{"channels-1000-ws", "ws", true, steady(1000, 1000, 2_000)},
	{"channels-1000-sse", "sse", true, steady(1000, 1000, 2_000)},
	{"channels-1000-poll", "poll", false, steady(1000, 1000, 1_000)},
	{"channels-2000-ws", "ws", true, steady(2000, 2000, 2_000)},
	{"highest-1000-ws", "ws", true, highest(1000)},
	{"highest-1000-sse", "sse", true, highest(1000)},
	{"idle-5000-ws", "ws", true, idle(5000)},
	{"idle-5000-sse", "sse", true, idle(5000)},
	{"idle-5000-poll", "poll", false, idle(5000)},
	{"between-5000-poll", "poll", false, between(5000)},
	{"idle-15000-ws", "ws", true, idle(15_000)},
	{"idle-15000-sse", "sse", true, idle(15_000)},
	{"idle-15000-poll", "poll", false, idle(15_000)},
	{"storm-5000-ws", "ws", true, storm(5000)},
	{"publish-1conn", "ws", true, publishes(0, 1)},
	{"publish-8conn", "ws", true, publishes(0, 8)},
	{"publish-1conn-1sub", "ws", true, publishes(1, 1)},
	{"publish-8conn-1sub", "ws", true, publishes(1, 8)},
	{"resume-1000-ws", "ws", false, resume(1000, 100)},
	{"beside-hot-1000-ws", "ws", true, besideHot(1000, 100)},
	{"slow-reader-1000-ws", "ws", false, slowReader(1000)},
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

// tidied is the time after many connects until a server has cleared away what they left: not what a steady rate is to
// show.
const tidied = 4 * time.Second

// steady delivers at a rate for three seconds: processor time per delivery, and latency.
func steady(clients, channels int, deliveries float64) func(*target) (map[string]float64, error) {
	return func(t *target) (map[string]float64, error) {
		s, base, err := crowd(t, clients, channelName(channels))
		if err != nil {
			return nil, err
		}
		defer s.close()
		time.Sleep(tidied)
		fan := clients / channels
		return deliver(t, s, base, channels, fan, deliveries, 3*time.Second)
	}
}

func deliver(t *target, s *swarm, base int64, channels, fan int, deliveries float64, d time.Duration) (map[string]float64, error) {
	s.latencies.reset()
	rate := deliveries / float64(fan)
	conns := 1 + int(rate/50) // one would wait for its answers, and be the limit
	before, start := t.server.cpu(), time.Now()
	n, err := publishFor(t, channelName(channels), rate, d, min(conns, 8))
	if err != nil {
		return nil, err
	}
	if err := s.wait(base+int64(n*fan), 20*time.Second); err != nil {
		return nil, err
	}
	took := time.Since(start)
	used := t.server.cpu() - before
	total := float64(n * fan)
	return map[string]float64{
		"cpu_us_per_delivery":  float64(used.Microseconds()) / total,
		"deliveries_per_cpu_s": total / used.Seconds(),
		"deliveries_per_s":     total / took.Seconds(),
		"p50_ms":               float64(s.latencies.quantile(0.5).Microseconds()) / 1000,
		"p99_ms":               float64(s.latencies.quantile(0.99).Microseconds()) / 1000,
	}, nil
}

// highest raises the rate by 1.4 until p99 passes 250 ms or the publisher falls behind, and returns the last good step.
func highest(clients int) func(*target) (map[string]float64, error) {
	return func(t *target) (map[string]float64, error) {
		s, base, err := crowd(t, clients, channelName(1))
		if err != nil {
			return nil, err
		}
		defer s.close()
		var best map[string]float64
		for rate := 50_000.0; rate < 8e6; rate *= 1.4 {
			got, err := deliver(t, s, base, 1, clients, rate, 2*time.Second)
			if err != nil {
				if best == nil {
					return nil, err
				}
				break
			}
			base = s.messages.Load()
			if got["p99_ms"] > 250 || got["deliveries_per_s"] < 0.85*rate {
				break
			}
			best = got
		}
		if best == nil {
			return nil, fmt.Errorf("not even 50,000 deliveries a second")
		}
		return best, nil
	}
}

// firstClients are connected before the memory of others is measured, and stay: what the first clients cost beside
// their connections (code that is read in, tables) is not counted.
const firstClients = 1000

// idle returns resident memory per connection, subscribed and silent, five seconds after the last connect.
func idle(clients int) func(*target) (map[string]float64, error) {
	return func(t *target) (map[string]float64, error) {
		first, before, err := quiet(t, firstClients)
		if err != nil {
			return nil, err
		}
		defer first.close()
		s, after, err := quiet(t, clients)
		if err != nil {
			return nil, err
		}
		defer s.close()
		return map[string]float64{"rss_bytes_per_connection": float64(after-before) / float64(clients)}, nil
	}
}

// quiet connects clients and returns the server's memory five seconds later.
func quiet(t *target, clients int) (*swarm, int64, error) {
	s, _, err := crowd(t, clients, channelName(1))
	if err != nil {
		return nil, 0, err
	}
	if !t.raw {
		s.ping()
	}
	time.Sleep(5 * time.Second)
	return s, t.server.rss(), nil
}

// between returns resident memory per client that has had the answer of a poll and not sent the next one: with its conn
// open, and with its conn closed, when the session alone is left.
func between(clients int) func(*target) (map[string]float64, error) {
	return func(t *target) (map[string]float64, error) {
		_, before, err := pause(t, firstClients)
		if err != nil {
			return nil, err
		}
		open, closed, err := pause(t, clients)
		if err != nil {
			return nil, err
		}
		return map[string]float64{
			"rss_bytes_per_connection": float64(open-before) / float64(clients),
			"rss_bytes_per_session":    float64(closed-before) / float64(clients),
		}, nil
	}
}

// pause waits until clients have polled once, answers them, and returns the server's memory while nobody polls again.
func pause(t *target, clients int) (open, closed int64, err error) {
	s, base, err := crowd(t, clients, channelName(1))
	if err != nil {
		return 0, 0, err
	}
	defer s.close()
	s.pausing.Store(true)
	if _, err := publishFor(t, channelName(1), 1000, time.Millisecond, 1); err != nil {
		return 0, 0, err
	}
	if err := s.wait(base+int64(clients), 20*time.Second); err != nil {
		return 0, 0, err
	}
	time.Sleep(5 * time.Second)
	open = t.server.rss()
	s.close()
	time.Sleep(5 * time.Second)
	return open, t.server.rss(), nil
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
		n, err := publishFor(t, channelName(1), 1e6, 20*time.Millisecond, conns)
		for err == nil && time.Since(start) < 3*time.Second {
			var more int
			more, err = publishFor(t, channelName(1), 1e6, 20*time.Millisecond, conns)
			n += more
		}
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

// slowReader compares the others' latency with and without one client that does not read.
func slowReader(clients int) func(*target) (map[string]float64, error) {
	return func(t *target) (map[string]float64, error) {
		s, base, err := crowd(t, clients, channelName(1))
		if err != nil {
			return nil, err
		}
		defer s.close()
		healthy, err := deliver(t, s, base, 1, clients, 100_000, 3*time.Second)
		if err != nil {
			return nil, err
		}
		deaf, err := newSwarm()
		if err != nil {
			return nil, err
		}
		if err := deaf.connect(t.server.addr, t.form, 1, channelName(1)); err != nil {
			return nil, err
		}
		deaf.members[0].deaf = true
		if err := deaf.run(); err != nil {
			return nil, err
		}
		defer deaf.close()
		beside, err := deliver(t, s, s.messages.Load(), 1, clients, 100_000, 3*time.Second)
		if err != nil {
			return nil, err
		}
		return map[string]float64{"p99_ms": beside["p99_ms"], "p99_ms_all_read": healthy["p99_ms"], "ratio": beside["p99_ms"] / max(healthy["p99_ms"], 0.001)}, nil
	}
}

// besideHot compares the latency in a quiet channel alone and beside a hot one.
func besideHot(hot, quiet int) func(*target) (map[string]float64, error) {
	return func(t *target) (map[string]float64, error) {
		crowded, base, err := crowd(t, hot, channelName(1))
		if err != nil {
			return nil, err
		}
		defer crowded.close()
		channel := func(int) string { return "bench/quiet" }
		few, _, err := crowd(t, quiet, channel)
		if err != nil {
			return nil, err
		}
		defer few.close()
		p99 := func() (float64, error) {
			few.latencies.reset()
			_, err := publishFor(t, channel, 50, 3*time.Second, 2)
			return float64(few.latencies.quantile(0.99).Microseconds()) / 1000, err
		}
		alone, err := p99()
		if err != nil {
			return nil, err
		}
		var loud map[string]float64
		failed := make(chan error, 1)
		go func() {
			var err error
			loud, err = deliver(t, crowded, base, 1, hot, 100_000, 3*time.Second)
			failed <- err
		}()
		beside, err := p99()
		if err := <-failed; err != nil {
			return nil, err
		}
		return map[string]float64{"p99_ms_alone": alone, "p99_ms": beside, "deliveries_per_s": loud["deliveries_per_s"]}, err
	}
}
