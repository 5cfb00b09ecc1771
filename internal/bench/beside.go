package main

import (
	"time"
)

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
			_, err := t.publish(steadily(channel, 50, 3*time.Second, 2))
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
