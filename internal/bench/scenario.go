package main

import "fmt"

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
