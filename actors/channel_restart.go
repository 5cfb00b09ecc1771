package actors

import (
	"tidings/core"
	"tidings/protocol"
)

// A channel's actor that failed starts again with a new feed. Its members notice nothing but a pause: who was live joins again
// from the position up to which everything was handed on before the failure, and hears what it missed, or a gap; what
// it hears twice its cursor drops. Who was on its way in goes on from where it stood. Only the subscribe at which the actor
// failed is refused, lest it fail at that for ever.

// onRestarting is the last thing that a failed incarnation does.
func (ch *channel) onRestarting() {
	ch.onStopping()
	if j, ok := ch.handling.(Join); ok && j.Sub.stage == inside {
		ch.refuse(j.Sub, protocol.Internal)
	}
	for _, j := range ch.pending {
		if j.answered {
			at := j.at
			j.Since = &at
		}
		ch.displaced = append(ch.displaced, j)
	}
	for _, l := range ch.lanes {
		if l != nil {
			l.displace(ch.self, ch.at)
		}
	}
	ch.entry.waiting.Store(false)
}

// onDisplaced lets the members in again that were live in an earlier incarnation.
func (ch *channel) onDisplaced(m Displaced) {
	for _, sub := range m.Subs {
		if sub.stage != inside || ch.pending[sub] != nil {
			continue
		}
		at := m.At
		sub.incarnation = ch.incarnation
		ch.admit(&joining{Join: core.Join[*subscription]{Member: sub, ID: sub.id, Since: &at}, answered: true, at: at})
	}
}

// refuse answers a subscribe with an error and forgets the member.
func (ch *channel) refuse(sub *subscription, err *protocol.Error) {
	ch.fail(sub, err)
	ch.drop(sub)
	ch.bus.send(sub.conn.pid, Refused{Sub: sub})
}
