package actors

import (
	"tidings/core"
	"tidings/protocol"
	"time"
)

func (ch *channel) onJoin(m join) {
	m.sub.incarnation, m.sub.stage = ch.incarnation, memberInside
	if ch.members++; ch.members == 1 {
		ch.setAlarm()
		ch.tellOccupied()
	}
	ch.attend(m.sub, m.as)
	m.sub.audience = m.audience
	ch.admit(&joining{Join: core.Join[*subscription]{Member: m.sub, ID: m.sub.id, Since: m.since}})
}

func (ch *channel) onAdopt(m adopt) {
	sub, j := m.sub, ch.pending[m.sub]
	unanswered := j != nil && !j.answered
	if unanswered {
		ch.fail(sub, errReplaced)
	}
	if m.reply != 0 {
		ch.lane(sub).Push(sub, replyFrame(m.reply))
	}
	sub.id = m.id
	switch {
	case sub.stage != memberInside: // it was refused, as its connection is about to hear
		ch.fail(sub, errBroker)
	case !unanswered:
		at := ch.feed.Position()
		if j != nil {
			at = j.at
		}
		ch.lane(sub).Push(sub, subscribedFrame(sub, "", ch.entry.name, at, false))
	}
	ch.onHear(hear{sub: sub, audience: m.audience})
}

func (ch *channel) onSettle(m settle) {
	if j := ch.pending[m.sub]; j != nil && !j.answered {
		j.settle = true
		return
	}
	ch.bus.send(m.sub.conn.pid, settled{sub: m.sub})
}

func (ch *channel) onNextPage(m nextPage) {
	if m.sub.stage == memberInside && m.incarnation == ch.incarnation {
		ch.feed.Continue(m.sub)
	}
}

func (ch *channel) onLeave(m leave) {
	sub := m.sub
	why, ended := errReplaced, (*protocol.Encoded)(nil)
	if m.revoked != nil {
		why, ended = m.revoked, unsubscribedFrame(ch.entry.name, m.revoked)
	}
	if sub.stage == memberInside {
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
	case m.revoked != nil && !m.keep:
		ch.lane(sub).Withdraw(sub, ended)
	case ended != nil:
		ch.lane(sub).Push(sub, ended)
	}
	if m.reply != 0 {
		ch.lane(sub).Push(sub, replyFrame(m.reply))
	}
}

// drop forgets a member.
func (ch *channel) drop(sub *subscription) {
	sub.stage = memberGone
	ch.attend(sub, asNobody)
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
func (ch *channel) refuse(sub *subscription, fault *protocol.Error) {
	ch.fail(sub, fault)
	ch.drop(sub)
	ch.bus.send(sub.conn.pid, refused{sub: sub})
}
