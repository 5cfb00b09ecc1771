package main

import (
	"time"
)

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
	if _, err := t.publish(load{channel: channelName(1), count: 1, conns: 1}); err != nil {
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
