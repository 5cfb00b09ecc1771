package main

import (
	"fmt"
	"time"
)

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
	rate := deliveries / float64(fan)
	conns := 1 + int(rate/50) // one would wait for its answers, and be the limit
	return t.delivered(s, base, fan, steadily(channelName(channels), rate, d, min(conns, 8)))
}

// delivered sends a load and waits until all of it has come: each publish to fan clients.
func (t *target) delivered(s *swarm, base int64, fan int, l load) (map[string]float64, error) {
	s.latencies.reset()
	before, start := t.server.counts(), time.Now()
	n, err := t.publish(l)
	if err != nil {
		return nil, err
	}
	if err := s.wait(base+int64(n*fan), 20*time.Second); err != nil {
		return nil, err
	}
	took := time.Since(start)
	total := float64(n * fan)
	got := t.server.counts().since(before, total, "delivery")
	got["deliveries_per_s"] = total / took.Seconds()
	got["p50_ms"] = float64(s.latencies.quantile(0.5).Microseconds()) / 1000
	got["p99_ms"] = float64(s.latencies.quantile(0.99).Microseconds()) / 1000
	return got, nil
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

// closed has eight publishers that wait for their answers offer a multiple of what the raw server delivers to such
// publishers, from a cold start: a server that must become slow to find that it ought to collect never finds it, since
// the publishers wait. With factor 0 they send as fast as the answers come.
func closed(clients int, factor float64) func(*target) (map[string]float64, error) {
	return func(t *target) (map[string]float64, error) {
		s, base, err := crowd(t, clients, channelName(1))
		if err != nil {
			return nil, err
		}
		defer s.close()
		time.Sleep(tidied)
		l := load{channel: channelName(1), lasting: 3 * time.Second, conns: 8}
		if !t.raw {
			l.rate = factor * t.beside["deliveries_per_s"] / float64(clients)
		}
		got, err := t.delivered(s, base, clients, l)
		if err == nil && l.rate > 0 {
			got["of_offered"] = got["deliveries_per_s"] / (l.rate * float64(clients))
		}
		return got, err
	}
}

// sweep delivers at rising rates to a crowd, so that no rate is hidden at which a server is worse than at those beside
// it. cpu_rise is the most that a delivery costs in terms of one at the rate before, p99_bump the highest p99 in terms
// of the higher one of the rates on both sides.
func sweep(clients int, rates ...float64) func(*target) (map[string]float64, error) {
	return func(t *target) (map[string]float64, error) {
		s, _, err := crowd(t, clients, channelName(1))
		if err != nil {
			return nil, err
		}
		defer s.close()
		time.Sleep(tidied)
		all, cpu, p99 := map[string]float64{}, []float64(nil), []float64(nil)
		for _, rate := range rates {
			got, err := deliver(t, s, s.messages.Load(), 1, clients, rate*float64(clients), 3*time.Second)
			if err != nil {
				return nil, err
			}
			for _, figure := range []string{"cpu_us_per_delivery", "p50_ms", "p99_ms", "deliveries_per_s"} {
				all[fmt.Sprintf("%s_%03.0f", figure, rate)] = got[figure]
			}
			cpu, p99 = append(cpu, got["cpu_us_per_delivery"]), append(p99, got["p99_ms"])
			time.Sleep(time.Second)
		}
		all["cpu_rise"], all["p99_bump"] = rise(cpu), bump(p99)
		return all, nil
	}
}

// rise returns the greatest ratio of a value to the one before it.
func rise(v []float64) (most float64) {
	for i := range v[1:] {
		most = max(most, v[i+1]/v[i])
	}
	return most
}

// bump returns the greatest ratio of a value to the greater of its two neighbours.
func bump(v []float64) (most float64) {
	for i := 1; i < len(v)-1; i++ {
		most = max(most, v[i]/max(v[i-1], v[i+1]))
	}
	return most
}
