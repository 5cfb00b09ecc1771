package actors

import (
	"context"
	"sync"
	"sync/atomic"

	"tidings/actors/fanout"
	"tidings/core"
	"tidings/internal/patience"
	"tidings/protocol"

	"github.com/asynkron/protoactor-go/actor"
)

// listen asks the broker for the channel's messages. listened answers.
func (ch *channel) listen() {
	if ch.listening || ch.asking {
		return
	}
	ch.asking = true
	s := &sink{ending: ending{bus: ch.bus}, entry: ch.entry, pid: ch.self}
	ch.sink = s
	b, self, incarnation := ch.bus, ch.self, ch.incarnation
	b.reads.Run(func() {
		err := b.call(func(ctx context.Context) error {
			stop, err := b.broker.Subscribe(ctx, s.entry.name, s)
			if err == nil {
				s.opened(stop)
			}
			return err
		})
		b.send(self, listened{incarnation: incarnation, err: err})
	})
}

func (ch *channel) onListened(m listened) {
	if m.incarnation != ch.incarnation {
		return
	}
	ch.asking = false
	unconfirmed := ch.unconfirmed
	ch.unconfirmed = nil
	if m.err != nil {
		ch.sink.close()
		ch.bus.log.Warn("the broker did not take a subscription", "error", m.err)
		for _, j := range unconfirmed {
			ch.turnAway(j)
		}
		ch.bus.alarms.Set(&ch.alarm, patience.Jittered(retryDelay))
		return
	}
	ch.listening = true
	ch.feed.Start()
	for _, j := range unconfirmed {
		ch.enter(j)
	}
}

// turnAway refuses a member because of the broker; one that was answered before waits for the broker instead.
func (ch *channel) turnAway(j *joining) {
	switch {
	case j.Member.stage != memberInside:
	case j.answered:
		j.entered = false
		ch.unconfirmed = append(ch.unconfirmed, j)
	default:
		ch.refuse(j.Member, errBroker)
	}
}

// read asks the broker for history as soon as little is on its way through the lanes: before, this would only add to
// it.
func (ch *channel) read(ticket uint64, after protocol.Position) {
	ch.delayed = append(ch.delayed, delayedRead{ticket, after})
	ch.takeUp()
}

// takeUp asks for what was put off, unless much is on its way: then drained will come. There is no look at the traffic
// but the one after the Await, so that no read is forgotten if the lanes drain meanwhile.
func (ch *channel) takeUp() {
	if !ch.entry.traffic.Await() {
		return
	}
	ch.entry.traffic.Forget()
	delayed := ch.delayed
	ch.delayed = nil
	for _, d := range delayed {
		ch.ask(d)
	}
}

func (ch *channel) ask(d delayedRead) {
	ch.reads++
	b, self, incarnation, name := ch.bus, ch.self, ch.incarnation, ch.entry.name
	b.reads.Run(func() {
		var page core.Page
		err := b.call(func(ctx context.Context) (err error) {
			page, err = b.broker.History(ctx, name, d.after, protocol.RecoveryPageFrames)
			return err
		})
		b.send(self, historyRead{incarnation: incarnation, ticket: d.ticket, page: page, err: err})
	})
}

func (ch *channel) onHistoryRead(m historyRead) {
	if m.incarnation != ch.incarnation {
		return
	}
	ch.reads--
	if m.err == nil {
		ch.feed.HistoryRead(m.ticket, m.page)
		return
	}
	ch.bus.log.Warn("the broker did not give history", "error", m.err)
	ch.feed.ReadFailed(m.ticket)
	ch.sinceCheck = 1 // the next alarm checks
	ch.bus.alarms.Set(&ch.alarm, patience.Jittered(retryDelay))
}

// admit hands a member to the feed as soon as the broker has confirmed: registered for live messages first, read after.
func (ch *channel) admit(j *joining) {
	ch.pending[j.Member] = j
	if !ch.listening {
		ch.unconfirmed = append(ch.unconfirmed, j)
		ch.listen()
		return
	}
	ch.enter(j)
}

func (ch *channel) enter(j *joining) {
	if j.Member.stage == memberInside {
		j.entered = true
		ch.feed.Join(j.Join)
	}
}

// sink takes what the broker brings for one incarnation of a channel, on the broker's goroutine.
type sink struct {
	ending
	entry *entry
	pid   *actor.PID
}

// Message implements broker.Sink.
func (s *sink) Message(m *protocol.Message) {
	if s.closed.Load() {
		return
	}
	if !s.entry.traffic.Try(fanout.MaxInFlight) {
		s.bus.tally.skipped.Add(1)
		if s.entry.skipped.CompareAndSwap(false, true) {
			s.bus.send(s.pid, skipped{})
		}
		return
	}
	s.bus.send(s.pid, arrived{m})
}

// interrupted implements broker.Sink.
func (s *sink) Interrupted() {
	if !s.closed.Load() {
		s.bus.send(s.pid, interrupted{})
	}
}

// ending ends a subscription at the broker.
type ending struct {
	bus    *Bus
	closed atomic.Bool

	mu   sync.Mutex // guards stop
	stop func()
}

// opened keeps what ends the subscription, or ends it if the sink was closed meanwhile.
func (s *ending) opened(stop func()) {
	s.mu.Lock()
	s.stop = stop
	s.mu.Unlock()
	if s.closed.Load() {
		s.end()
	}
}

// close takes nothing more, and ends the subscription without waiting for it.
func (s *ending) close() {
	s.closed.Store(true)
	s.bus.reads.Run(s.end)
}

func (s *ending) end() {
	s.mu.Lock()
	stop := s.stop
	s.stop = nil
	s.mu.Unlock()
	if stop != nil {
		stop()
	}
}
