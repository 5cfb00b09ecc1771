package actors

import (
	"tidings/actors/ground"
	"tidings/protocol"
)

// move has all members of one connection hear something else of the channel: the rules let them hear other messages
// than before. What waits of the channel for the connection is taken back, and each member is told a gap: what it heard
// so far may be somebody else's now, and what it did not hear its own.
type move struct {
	ground.Request
	members []moving
}

type moving struct {
	sub   *subscription
	hears *hearing
}

func (ch *channel) onMove(m move) {
	var again []*joining
	for _, one := range m.members {
		if one.sub.stage == memberInside { // else it was refused, as its connection is about to hear
			again = ch.regroup(again, one)
		}
	}
	one := m.members[0].sub
	ch.lane(one).Withdraw(one, nil)
	for _, j := range again {
		if j.Member.stage == memberInside {
			ch.admit(j)
		}
	}
}

// regroup takes a member out of what it hears, and adds to again how it comes in anew.
func (ch *channel) regroup(again []*joining, m moving) []*joining {
	sub, j := m.sub, ch.pending[m.sub]
	ch.exit(sub)
	ch.lane(sub).Leave(sub)
	if sub.live {
		sub.live = false
		ch.entry.counts(sub, -1)
	}
	ch.leaveGroup(sub)
	if fault := ch.joinGroup(sub, m.hears); fault != nil {
		ch.expel(sub, fault)
		return again
	}
	switch {
	case j == nil || j.entered && j.answered: // live, or recovering
		sub.incarnation = ch.incarnation
		return append(again, &joining{Join: sub.join(nil), answered: true, moved: true})
	case j.entered: // nothing was sent to it yet
		return append(again, &joining{Join: sub.join(j.Since), settle: j.settle})
	case j.answered: // it waits for the broker, as the next one does
		j.Join, j.moved = sub.join(nil), true
	default:
		j.Join = sub.join(j.Since)
	}
	return again
}

// expel ends the subscription of a member that cannot go on.
func (ch *channel) expel(sub *subscription, fault *protocol.Error) {
	if j := ch.pending[sub]; j != nil && !j.answered {
		ch.refuse(sub, fault)
		return
	}
	ch.lane(sub).Push(sub, protocol.UnsubscribedFrame(ch.entry.name, sub.room, fault))
	ch.drop(sub)
	sub.tell(refused{sub: sub, code: fault.Code})
}

// abandon ends the subscriptions of a move at which the actor failed, lest it fail at that for ever. None goes on with
// what it heard before.
func (ch *channel) abandon(m move) {
	one := m.members[0].sub
	ch.lane(one).Withdraw(one, nil)
	for _, m := range m.members {
		if m.sub.stage == memberInside {
			ch.lane(m.sub).Leave(m.sub)
			ch.expel(m.sub, protocol.Internal)
		}
	}
}
