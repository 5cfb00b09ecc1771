package actors

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"tidings/access"
	"tidings/protocol"
)

// churner is a client that comes and goes.
type churner struct {
	conn *Connection
	gen  uint64
	id   uint64
	in   bool
}

// open opens n clients, which throw away what they hear.
func (w *world) openMany(b *testing.B, n int) []*churner {
	list := make([]*churner, n)
	for i := range list {
		d := &drain{total: new(atomic.Int64)}
		c, gen, err := w.bus.Open(context.Background(), protocol.Peer{Transport: protocol.WebSocket}, nil, d)
		if err != nil {
			b.Fatal(err)
		}
		d.buf = make([]*protocol.Encoded, 0, 64)
		d.out, d.gen = c.Outbox(), gen
		d.Wake()
		list[i] = &churner{conn: c, gen: gen}
	}
	return list
}

// named counts what comes: each time as somebody else, so that no return takes back a departure.
var named atomic.Int64

// move lets a client come, as a user who was never there, or go.
func (c *churner) move(users string) {
	if !c.in {
		c.conn.identity.Store(&access.Identity{User: fmt.Sprint("user-", named.Add(1))})
	}
	f := protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: "room", Users: users}
	if c.in {
		f = protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "room"}
	}
	c.in = !c.in
	c.id++
	f.ID = c.id
	c.conn.Receive(c.gen, []protocol.ClientFrame{f})
	if sent := c.conn.Outbox().Sent(); sent > 0 {
		c.conn.Outbox().Ack(sent)
	}
}

// Up to 10,000 comings and goings a second in one channel, as real subscribes and unsubscribes of 500 clients: what one
// costs, without presence, with it, and with some who watch. Use -benchtime=30000x: 3 s each, 15 s with fewer a second.
func BenchmarkPresence(b *testing.B) {
	const restless = 500
	for _, row := range []struct {
		kept              bool
		members, watchers int
		perSecond         int
	}{
		{false, 500, 0, 2000}, {true, 500, 0, 2000}, {true, 500, 100, 2000}, // few enough to be named
		{false, 5000, 0, 10_000}, {true, 5000, 0, 10_000}, {true, 5000, 100, 10_000}, {true, 5000, 1000, 10_000},
	} {
		b.Run(fmt.Sprintf("kept=%v/members=%d/watchers=%d", row.kept, row.members, row.watchers), func(b *testing.B) {
			w := inTheOpen(b, func(c *Config) {
				if row.kept {
					withPresence(c)
				}
			})
			watching := w.openMany(b, row.watchers)
			for _, c := range watching {
				c.move(protocol.UsersAll)
			}
			for _, c := range w.openMany(b, row.members-row.watchers-restless/2) {
				c.move("")
			}
			list := w.openMany(b, restless)
			for _, c := range list[:restless/2] {
				c.move("")
			}
			for w.bus.Stats().Subscriptions < row.members {
				time.Sleep(time.Millisecond)
			}
			time.Sleep(time.Second) // until all is told
			before := w.bus.Stats()
			start, busy := time.Now(), cpu()
			i := 0
			for ; b.Loop(); i++ {
				if i%50 == 0 {
					time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / time.Duration(row.perSecond))))
					for _, c := range watching {
						if sent := c.conn.Outbox().Sent(); i%2000 == 0 && sent > 0 {
							c.conn.Outbox().Ack(sent)
						}
					}
				}
				list[i%restless].move("")
			}
			spent, took := cpu()-busy, time.Since(start)
			s := w.bus.Stats()
			if s.SlowConsumers > 0 || s.ActorFailures > 0 || s.PresenceFailed > 0 || s.PresenceLost > 0 {
				b.Fatalf("%d slow, %d failures, %d failed, %d lost", s.SlowConsumers, s.ActorFailures, s.PresenceFailed, s.PresenceLost)
			}
			if changes := s.Joined + s.Left - before.Joined - before.Left; row.kept && changes < uint64(i)*7/10 { // who comes and goes within 50 ms is not told
				b.Fatalf("%d changes of %d were told to the broker", changes, i)
			}
			frames := 0.0
			for kind, n := range s.News {
				frames += float64(n - before.News[kind])
			}
			b.ReportMetric(float64(s.Members), "members")
			b.ReportMetric(float64(spent)/float64(i), "cpu-ns/change")
			b.ReportMetric(float64(i)/took.Seconds(), "changes/s")
			b.ReportMetric(frames/took.Seconds(), "frames/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}
