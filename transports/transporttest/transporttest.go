// Package transporttest is the suite that every transport passes, unchanged, over whatever bus: what a client sees of
// connect, subscribe, messages, resume, limits, errors and the end is the same on WebSocket, SSE and long-poll.
package transporttest

import (
	"context"
	"net"
	"testing"
	"testing/synctest"

	"tidings/protocol"
)

// Target is a running server. It must offer the defaults of SPEC.md sections 8 and 9, let anybody subscribe and publish
// without a token, and keep at least 1,000 messages of history.
type Target struct {
	URL     string // of the bus, such as http://tidings.test/bus
	Dial    func(ctx context.Context) (net.Conn, error)
	Publish func(channel, data string)
}

// Run runs the suite. Each case has a synctest bubble of its own, so start must return a server on a network without
// sockets (internal/memnet) and end it, with all its goroutines, in t.Cleanup.
func Run(t *testing.T, start func(t *testing.T) Target) {
	for _, kind := range []string{protocol.WebSocket, protocol.SSE, protocol.Poll} {
		t.Run(kind, func(t *testing.T) {
			for _, c := range cases {
				t.Run(c.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						c.play(&world{T: t, Target: start(t), kind: kind})
					})
				})
			}
		})
	}
}

// Case is a case's name and how many of them there are is len(Names()).
type testCase struct {
	name string
	play func(w *world)
}

// world is what a case plays in.
type world struct {
	*testing.T
	Target
	kind string
}

// open connects a client of the world's transport with these frames after connect.
func (w *world) open(frames ...string) *Client {
	w.Helper()
	return w.openAs(w.kind, frames...)
}

func (w *world) openAs(kind string, frames ...string) *Client {
	w.Helper()
	c := newClient(w, kind)
	if err := c.Open(`{"type":"connect"}`, frames...); err != nil {
		w.Fatalf("open %s: %v", kind, err)
	}
	return c
}
