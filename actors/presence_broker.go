package actors

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"tidings/broker"
	"tidings/core"
	"tidings/internal/patience"
	"tidings/protocol"
)

// keeper is the broker as far as it keeps presence; nil where it does not.
func (b *Bus) keeper() broker.Presence {
	p, _ := b.cfg.Broker.(broker.Presence)
	return p
}

// keepsPresence tells whether it is kept who is in a channel: of a reply channel, which has one reader, never.
func (b *Bus) keepsPresence(ch protocol.Channel) bool {
	_, _, reply := ch.ReplyParts()
	return !reply && b.keeper() != nil && b.policy.Load().KeepsPresence(ch)
}

var (
	errNoPresence = &protocol.Error{Code: protocol.CodeUnsupported, Reason: "the broker of this server does not keep who is in a channel", Hint: "Leave presence and users out."}
	errNotKept    = &protocol.Error{Code: protocol.CodeForbidden, Reason: "the rules do not keep who is in this channel", Hint: "Allow it in the server's rules (presence)."}
)

// Presence counts those who are in a channel, on all nodes, and reads those after a member, at most limit of them: a user once, over however many connections,
// and each anonymous connection. It fails with CodeForbidden where the rules do not keep it, with CodeUnsupported where the broker cannot, and as
// History does.
func (b *Bus) Presence(ctx context.Context, ch protocol.Channel, after protocol.Member, limit int) (core.MembersPage, error) {
	switch {
	case b.keeper() == nil:
		return core.MembersPage{}, errNoPresence
	case !b.keepsPresence(ch):
		return core.MembersPage{}, errNotKept
	}
	var page core.MembersPage
	err := b.callWith(ctx, func(ctx context.Context) (err error) {
		page, err = b.keeper().Members(ctx, ch, after, limit)
		return err
	})
	if err != nil {
		return core.MembersPage{}, b.failure(err, errBroker)
	}
	return page, nil
}

// everybodyIn reads all members of a channel where they are few enough to be named, else their count.
func everybodyIn(ctx context.Context, b broker.Presence, ch protocol.Channel) (core.MembersPage, error) {
	page, err := b.Members(ctx, ch, protocol.Member{}, 0)
	if err != nil || page.Count > protocol.MaxPresenceMembers {
		return page, err
	}
	return b.Members(ctx, ch, protocol.Member{}, protocol.MaxPresenceMembers)
}

// answerPresence answers a client's presence.
func (b *Bus) answerPresence(c *Connection, f *protocol.ClientFrame) (*protocol.Encoded, error) {
	var page core.MembersPage
	err := b.call(func(ctx context.Context) (err error) {
		page, err = everybodyIn(ctx, b.keeper(), f.Channel)
		return err
	})
	if err != nil {
		return nil, b.failure(err, errBroker)
	}
	count := uint64(page.Count)
	reply := &protocol.ServerFrame{Type: protocol.TypeReply, ID: f.ID, Channel: f.Channel, Count: &count} // the channel is for withdraw alone
	if page.Count <= protocol.MaxPresenceMembers {
		reply.Members = append([]protocol.Member{}, page.Members...)
	}
	return protocol.Encode(reply), nil
}

// membersSink takes who comes and goes in one channel, on the broker's goroutine.
type membersSink struct {
	ending
	pid         *actor.PID
	pending     atomic.Int32 // changes on their way to the actor
	interrupted atomic.Bool  // the actor was told
}

// maxPendingChanges bounds the changes on their way to a channel's actor. More are left out, and what is true then is read.
const maxPendingChanges = 64

// Changed implements broker.MembersSink.
func (s *membersSink) Changed(c core.MembersChange) {
	if s.closed.Load() {
		return
	}
	if s.pending.Add(1) > maxPendingChanges {
		s.pending.Add(-1)
		s.Interrupted()
		return
	}
	s.bus.send(s.pid, MembersChanged{From: s, MembersChange: c})
}

// Interrupted implements broker.MembersSink.
func (s *membersSink) Interrupted() {
	if !s.closed.Load() && s.interrupted.CompareAndSwap(false, true) {
		s.bus.send(s.pid, MembersInterrupted{From: s})
	}
}

// ask begins the call of the broker that comes first: to watch, to say who is here, to read who is there, in this order, so that who comes
// first finds itself in what it is told.
func (p *presence) ask(now time.Duration) {
	if p.herald != nil && p.sink == nil {
		p.watch()
		return
	}
	if at, any := p.ch.attendance.Due(); any && at <= now && now >= p.saidAt+sayEvery {
		if joined, left := p.ch.attendance.Take(now); len(joined)+len(left) > 0 {
			p.saidAt = now
			p.say(joined, left)
			return
		}
	}
	switch {
	case p.herald == nil || !p.listed:
	case p.herald.MustRead():
		p.read()
	case now >= p.checkAt:
		p.check()
	}
}

func (p *presence) watch() {
	b, name := p.ch.bus, p.ch.entry.name
	s := &membersSink{ending: ending{bus: b}, pid: p.ch.self}
	p.sink = s
	p.call(func(ctx context.Context, keeper broker.Presence) (core.MembersPage, error) {
		stop, err := keeper.Watch(ctx, name, s)
		if err == nil {
			s.opened(stop)
		}
		return core.MembersPage{}, err
	}, func(m PresenceDone) {
		switch {
		case p.sink != s: // nobody watches any more, or others do
		case m.Err != nil:
			s.close()
			p.sink = nil
		default:
			p.listed = true
		}
	})
}

func (p *presence) say(joined, left []protocol.Member) {
	attendance, name, t := p.ch.attendance, p.ch.entry.name, &p.ch.bus.tally
	p.call(func(ctx context.Context, keeper broker.Presence) (core.MembersPage, error) {
		return core.MembersPage{}, keeper.Attend(ctx, name, joined, left)
	}, func(m PresenceDone) {
		if m.Err != nil {
			attendance.Failed(joined, left)
			return
		}
		t.joined.Add(uint64(len(joined)))
		t.left.Add(uint64(len(left)))
	})
}

func (p *presence) read() {
	herald, name := p.herald, p.ch.entry.name
	p.call(func(ctx context.Context, keeper broker.Presence) (core.MembersPage, error) {
		return everybodyIn(ctx, keeper, name)
	}, func(m PresenceDone) {
		if m.Err == nil {
			herald.Read(m.Page)
			p.checkAt = p.ch.bus.clock() + patience.Jittered(p.ch.bus.cfg.CheckInterval)
		}
	})
}

// check asks what the newest version is.
func (p *presence) check() {
	herald, name := p.herald, p.ch.entry.name
	p.checkAt = p.ch.bus.clock() + patience.Jittered(p.ch.bus.cfg.CheckInterval)
	p.call(func(ctx context.Context, keeper broker.Presence) (core.MembersPage, error) {
		return keeper.Members(ctx, name, protocol.Member{}, 0)
	}, func(m PresenceDone) {
		if m.Err == nil {
			herald.Check(m.Page.Version)
		}
	})
}

// call calls the broker off the actor. PresenceDone answers.
func (p *presence) call(fn func(context.Context, broker.Presence) (core.MembersPage, error), answer func(PresenceDone)) {
	p.ch.answer = answer
	b, self := p.ch.bus, p.ch.self
	b.reads.Run(func() {
		var page core.MembersPage
		err := b.call(func(ctx context.Context) (err error) {
			page, err = fn(ctx, b.keeper())
			return err
		})
		b.send(self, PresenceDone{Page: page, Err: err})
	})
}

func (ch *channel) onPresenceDone(m PresenceDone) {
	answer := ch.answer
	ch.answer = nil
	p := ch.presence()
	if m.Err != nil {
		p.notNow = ch.bus.clock() + patience.Jittered(retryDelay)
		if ch.bus.ctx.Err() == nil {
			ch.bus.tally.presenceFailed.Add(1)
			ch.bus.log.Warn("the broker did not keep presence", "error", m.Err)
		}
	}
	answer(m)
	p.step()
}
