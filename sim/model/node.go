package model

import (
	"fmt"
	"time"

	"tidings/protocol"
)

// node is a server process: a shell around core.Feed, core.Outbox and core.Inbox, as actors is. What it does in one
// step an actor does in one message.
type node struct {
	process
	id       int
	rng      *rng
	stream   stream
	feeds    map[protocol.Channel]*feed
	sessions map[string]*session
	made     int
	draining bool
	keys     map[string]*answer // of mutant 13 only
}

// Times of a model run, shorter than a server's so that a run of half a minute meets each of them often.
const (
	checkEvery   = 2 * time.Second
	tickEvery    = time.Second
	heartbeat    = 3 * time.Second
	pongDeadline = time.Second
	deafAfter    = (heartbeat + pongDeadline) * 11 / 10
	pollHold     = 2 * time.Second
	rpcTimeout   = time.Second
	sequenceHold = time.Second
)

func (w *World) newNode(id int) *node {
	n := &node{process: process{w: w}, id: id, rng: newRNG(w.plan.Seed, 2, uint64(id))}
	n.boot()
	return n
}

func (n *node) boot() {
	n.up = true
	n.feeds, n.sessions, n.keys = map[protocol.Channel]*feed{}, map[string]*session{}, map[string]*answer{}
	n.draining = false
	n.stream = stream{n: n}
	n.after(0, n.tick)
}

func (n *node) tick() {
	for _, ch := range n.w.channels {
		if f := n.feeds[ch]; f != nil && f.confirmed {
			f.step(f.core.Tick)
		}
	}
	n.after(n.rng.around(tickEvery), n.tick)
}

func (n *node) crash(down time.Duration) {
	n.die()
	n.stream.close()
	for _, l := range n.w.links(func(l *link) bool { return l.n == n }) {
		l.serverDied()
	}
	n.w.after(down, func() {
		if !n.up {
			n.boot()
		}
	})
}

func (n *node) pause(d time.Duration) { n.frozen = max(n.frozen, n.w.now+d) }

// drain asks all clients to come back, to another node if there is one.
func (n *node) drain(d time.Duration) {
	n.draining = true
	for _, id := range sortedKeys(n.sessions) {
		n.sessions[id].end(protocol.CodeShuttingDown)
	}
	n.after(d, func() { n.draining = false })
}

// call is a request to the broker and its answer: two legs, each of which may fail.
func (n *node) call(ask func(*broker) (any, bool), answered func(any, bool)) {
	life, done := n.life, false
	finish := func(a any, ok bool) {
		n.deliver(life, func() {
			if !done {
				done = true
				answered(a, ok)
			}
		})
	}
	n.w.after(rpcTimeout, func() { finish(nil, false) })
	if n.stream.lost() {
		return
	}
	b := n.w.broker
	n.w.after(n.rpcDelay(), func() {
		if !b.up {
			return
		}
		a, ok := ask(b)
		if n.stream.lost() {
			return
		}
		n.w.after(n.rpcDelay(), func() { finish(a, ok) })
	})
}

func (n *node) rpcDelay() time.Duration {
	if n.rng.chance(3) {
		return n.rng.between(0, 400*time.Millisecond)
	}
	return n.rng.between(200*time.Microsecond, 15*time.Millisecond)
}

func (n *node) newSessionID() string {
	n.made++
	return fmt.Sprintf("s%d.%d.%d", n.id, n.life, n.made)
}
