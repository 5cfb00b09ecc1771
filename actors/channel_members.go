package actors

import (
	"tidings/core"
	"tidings/protocol"
	"time"
)

func (ch *channel) onJoin(m Join) {
	m.Sub.incarnation, m.Sub.stage = ch.incarnation, inside
	if ch.members++; ch.members == 1 {
		ch.setAlarm()
		ch.tellOccupied()
	}
	ch.attend(m.Sub, m.As)
	m.Sub.audience = m.Audience
	ch.admit(&joining{Join: core.Join[*subscription]{Member: m.Sub, ID: m.Sub.id, Since: m.Since}})
}

func (ch *channel) onAdopt(m Adopt) {
	sub, j := m.Sub, ch.pending[m.Sub]
	unanswered := j != nil && !j.answered
	if unanswered {
		ch.fail(sub, errReplaced)
	}
	if m.Reply != 0 {
		ch.lane(sub).Push(sub, replyFrame(m.Reply))
	}
	sub.id = m.ID
	switch {
	case sub.stage != inside: // it was refused, as its connection is about to hear
		ch.fail(sub, errBroker)
	case !unanswered:
		at := ch.feed.Position()
		if j != nil {
			at = j.at
		}
		ch.lane(sub).Push(sub, subscribedFrame(sub, "", ch.entry.name, at, false))
	}
	ch.onHear(Hear{Sub: sub, Audience: m.Audience})
}

func (ch *channel) onSettle(m Settle) {
	if j := ch.pending[m.Sub]; j != nil && !j.answered {
		j.settle = true
		return
	}
	ch.bus.send(m.Sub.conn.pid, Settled{Sub: m.Sub})
}

func (ch *channel) onContinue(m Continue) {
	if m.Sub.stage == inside && m.Incarnation == ch.incarnation {
		ch.feed.Continue(m.Sub)
	}
}

func (ch *channel) onLeave(m Leave) {
	sub := m.Sub
	why, ended := errReplaced, (*protocol.Encoded)(nil)
	if m.Revoked != nil {
		why, ended = m.Revoked, unsubscribedFrame(ch.entry.name, m.Revoked)
	}
	if sub.stage == inside {
		j := ch.pending[sub]
		if j != nil && !j.answered {
			ch.fail(sub, why)
			ended = nil
		}
		if sub.incarnation == ch.incarnation && (j == nil || j.entered) {
			ch.feed.Leave(sub, "")
		}
		ch.drop(sub)
		ch.lane(sub).Leave(sub)
	}
	switch {
	case m.Revoked != nil && !m.Keep:
		ch.lane(sub).Withdraw(sub, ended)
	case ended != nil:
		ch.lane(sub).Push(sub, ended)
	}
	if m.Reply != 0 {
		ch.lane(sub).Push(sub, replyFrame(m.Reply))
	}
}

// drop forgets a member.
func (ch *channel) drop(sub *subscription) {
	sub.stage = gone
	ch.attend(sub, nobody)
	ch.endWatch(sub)
	if sub.live {
		sub.live = false
		ch.entry.live.Add(-1)
	}
	ch.settled(ch.pending[sub])
	delete(ch.pending, sub)
	ch.bus.router.release(ch.entry)
	if ch.members--; ch.members == 0 {
		ch.emptySince = time.Now()
		ch.setAlarm()
	}
}

// refuse answers a subscribe with an error and forgets the member.
func (ch *channel) refuse(sub *subscription, err *protocol.Error) {
	ch.fail(sub, err)
	ch.drop(sub)
	ch.bus.send(sub.conn.pid, Refused{Sub: sub})
}
