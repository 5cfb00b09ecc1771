package main

import "time"

// storm connects and subscribes everybody at once: processor time per connection.
func storm(clients int) func(*target) (map[string]float64, error) {
	return func(t *target) (map[string]float64, error) {
		before, start := t.server.counts(), time.Now()
		s, _, err := crowd(t, clients, channelName(1))
		if err != nil {
			return nil, err
		}
		defer s.close()
		took := time.Since(start) - 500*time.Millisecond // settle's silence
		got := t.server.counts().since(before, float64(clients), "connection")
		got["seconds"] = took.Seconds()
		return got, nil
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
