// Package brokertest is the suite that every broker passes: what package broker promises, as checks.
package brokertest

import (
	"testing"
	"time"

	"tidings/broker"
	"tidings/core"
)

// Options say what broker a check needs.
type Options struct {
	Stream core.StreamConfig // bounds of every channel
}

// Fixture is a fresh broker, with an empty memory, and what the suite can do to it beside its interface.
type Fixture struct {
	Broker broker.Broker
	// Wait passes a time for the broker: a step of its fake clock, or a sleep. The suite asks for 1.5 s, or Lease and
	// half a second.
	Wait func(d time.Duration)
	// Restart ends the broker's process and gives the one that runs after it, its memory lost.
	Restart func() broker.Broker
	// Peer returns the broker of another node, over the same channels. Nil if a broker serves a single node, in which
	// case it must not be a broker.Cluster.
	Peer func() broker.Broker
	// Kill ends the process of a node that Peer returned, without a word. Its reports hold for Lease, a few seconds at most.
	Kill  func(b broker.Broker)
	Lease time.Duration
	// NoPresence means that the broker is no broker.Presence.
	NoPresence bool
	// Holes means that offsets rise, but not by one: messages are chained by Prev.
	Holes bool
}

// Factory starts a broker and has t end it.
type Factory func(t testing.TB, o Options) Fixture

// patience is how long a check waits for what must come.
const patience = 20 * time.Second
