package actors

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"tidings/actors/ground"
	"tidings/internal/patience"
	"tidings/protocol"
)

// replayDue reports that the connection's recoveries may bring more.
type replayDue struct{ ground.Event }

// start makes a subscription that may be join its channel: as soon as there is space, if it recovers.
func (s *session) start(sub *subscription, since *protocol.Position) {
	if since != nil {
		s.waiting = append(s.waiting, waitingJoin{sub, *since})
		s.admitNext()
		return
	}
	s.join(sub, nil)
}

func (s *session) join(sub *subscription, since *protocol.Position) {
	sub.entry = s.bus.router.hold(sub.channel)
	sub.channel = sub.entry.name // one string for all
	sub.stand(s.state, s.kind, 1)
	s.bus.send(sub.entry.pid, join{sub: sub, hears: sub.hears, since: since, as: s.standing(sub.channel), audience: sub.wantsAudience})
}

// maxRecoveries bounds the recoveries of one connection that go on at once. Each has a page of
// protocol.RecoveryPageBytes under way, and starts if less than a page waits in the outbox: so all together leave a
// quarter of it to live messages.
const maxRecoveries = 2

// admitNext makes the next recovery begin as soon as the outbox has space for it.
func (s *session) admitNext() {
	if len(s.waiting) > 0 && s.recovering < maxRecoveries {
		s.awaitSpace()
	}
}

func (s *session) onSpaceFree() {
	s.awaitsSpace = false
	if s.state == sessionEnded {
		return
	}
	s.askBroker()
	s.nextDocumentCall()
	if len(s.waiting) == 0 || s.recovering >= maxRecoveries {
		return
	}
	if debt := s.replays.Charge(int(s.conn.replayed.Swap(0)), replayRate, s.bus.clock()); debt > 0 {
		s.awaitReplays(debt)
		return
	}
	j := s.waiting[0]
	s.waiting = slices.Delete(s.waiting, 0, 1)
	j.sub.gated = true
	s.recovering++
	s.join(j.sub, &j.since)
	s.admitNext()
}

// awaitReplays puts the next recovery off. Without that a client that finds the same hole again and again, and
// subscribes from the same position each time, is sent the same history without end.
func (s *session) awaitReplays(debt time.Duration) {
	s.awaitsSpace = true
	if s.replayWait == nil {
		s.replayWait = &ground.Alarm{To: s.self, Message: replayDue{}}
	}
	s.bus.alarms.Set(s.replayWait, debt)
}

// ungate makes way for other recoveries: sub is live, or left.
func (s *session) ungate(sub *subscription) {
	if sub.gated {
		sub.gated = false
		s.recovering--
		s.admitNext()
	}
}

// leave ends a subscription. If reply is not 0 the request of that id is answered when nothing more can come.
func (s *session) leave(i int, reply uint64) {
	sub := s.subs[i]
	s.subs = slices.Delete(s.subs, i, i+1)
	if sub.entry != nil {
		sub.stand(s.state, s.kind, -1)
		s.bus.send(sub.entry.pid, leave{sub: sub, reply: reply})
		s.ungate(sub)
		return
	}
	s.forgetJoin(sub)
	s.push(protocol.ErrorFrame(sub.id, errReplaced))
	if reply != 0 {
		s.push(protocol.ReplyFrame(reply))
	}
}

// forgetJoin forgets a recovery that has not begun.
func (s *session) forgetJoin(sub *subscription) {
	s.waiting = slices.DeleteFunc(s.waiting, func(j waitingJoin) bool { return j.sub == sub })
	s.askBroker() // a publish may have waited for it
}

// standing is as whom the connection counts in a channel that it hears. A plain poll, which lasts for a moment, is
// nobody.
func (s *session) standing(ch protocol.Channel) standing {
	switch {
	case !s.bus.keepsPresence(ch), s.conn.plain && s.conn.kind() == pollKind:
		return asNobody
	case s.identity().Anonymous():
		return asItself
	}
	return asItsUser
}

// wish finds out what the server puts the connection in.
func (s *session) wish() {
	var subjects []subject
	if s.mandate != nil {
		subjects = s.mandate.subjects
	}
	list, left := s.bus.policy.Load().Joins(s.identity())
	if left > 0 && left > s.mandated().left {
		more, level := uint64(left-s.mandate.left), slog.LevelDebug
		if s.bus.tally.joinsLeft.Add(more) == more {
			level = slog.LevelWarn // the first: with ids such as auth0|7 it is all users
		}
		s.bus.log.Log(context.Background(), level, "a client is not put in a channel of joins: what is in the place of a placeholder cannot be part of a channel's name, or there are too many",
			"connection", s.conn.id, "user", s.identity().User, "joins", left, "hint", "such users are reached by POST /api/send; later cases are logged at debug and counted by tidings_joins_left_out_total")
	}
	for _, ch := range s.bus.grants.of(s.conn, subjects) {
		if !slices.Contains(list, ch) {
			list = append(list, ch)
		}
	}
	if len(list) > 0 || s.mandate != nil {
		s.mandated().puts, s.mandate.left = list, left
	}
}

// fill subscribes to what the server wants and the connection does not have. A plain client hears what it names, and
// nothing else.
func (s *session) fill() {
	m := s.mandate
	if m == nil || s.state == sessionEnded || s.conn.plain {
		return
	}
	full := false
	for _, ch := range m.puts {
		switch {
		case s.find(ch, "") >= 0:
		case len(s.subs) >= protocol.MaxSubscriptions:
			full = true
		default:
			hears := (*hearing)(nil).within(ch, s.rows(ch))
			sub := &subscription{conn: s.conn, channel: ch, hears: hears}
			s.subs = append(s.subs, sub)
			s.bus.tally.put.Add(1)
			s.join(sub, nil)
		}
	}
	if full && !m.full {
		s.bus.tally.putFull.Add(1)
	}
	m.full = full
}

// fillLater tries again what a channel has just refused.
func (s *session) fillLater() {
	m := s.mandated()
	if m.retry == nil {
		m.retry = &ground.Alarm{To: s.self, Message: grantsChanged{}}
	}
	s.bus.alarms.Set(m.retry, patience.Jittered(putRetry))
}

// putRetry is how long a channel that did not take a subscription of the server's is left alone.
const putRetry = 10 * time.Second

// adopt makes a subscription of the server's the client's own, without a pause in what it hears.
func (s *session) adopt(sub *subscription, f *protocol.ClientFrame) {
	sub.own, sub.wantsAudience = true, audienceOf(f.Users)
	s.bus.send(sub.entry.pid, adopt{sub: sub, id: f.ID, audience: sub.wantsAudience})
}

// disown makes the client's own subscription the server's, once the request reply is answered.
func (s *session) disown(sub *subscription, reply uint64) {
	sub.own, sub.wantsAudience = false, 0
	s.bus.send(sub.entry.pid, adopt{sub: sub, reply: reply})
}

// authorise ends the subscriptions that the client may not have any more, and those that the server alone wanted, has
// the others hear what the client may hear of their channels now, takes back what waits of channels that are forbidden
// or of which it may hear something else, and makes the subscriptions that the server wants.
func (s *session) authorise() {
	had := len(s.subs) > 0
	s.wish()
	forbidden := func(ch protocol.Channel) *protocol.Error {
		if fault := s.mayRead(ch); fault != nil && fault.Code == protocol.CodeForbidden {
			return fault
		}
		return nil
	}
	for i := len(s.subs) - 1; i >= 0; i-- {
		sub := s.subs[i]
		fault := forbidden(sub.channel)
		may := fault == nil
		if may && sub.wantsAudience != 0 {
			fault = s.presenceFault(sub.channel)
		}
		if !sub.own && !s.put(sub.channel) {
			fault = errRemoved
		}
		if fault != nil {
			s.revoke(i, fault, may)
		}
	}
	changed := s.sift()
	s.conn.withdraw(func(ch protocol.Channel) bool { return forbidden(ch) != nil || changed(ch) }) // also of channels that it left before
	if s.conn.plain && had && len(s.subs) == 0 {
		s.finish(protocol.DisconnectFrame(errForbidden, 0), errForbidden.Code)
	}
	s.fill()
}

// revoke ends a subscription because of err, of which its client is told when nothing more can come. If keep is set
// what waits for it may be written.
func (s *session) revoke(i int, fault *protocol.Error, keep bool) {
	sub := s.subs[i]
	s.subs = slices.Delete(s.subs, i, i+1)
	s.note(Record{What: RecordRevoked, Channel: sub.channel, Code: string(fault.Code)})
	if fault == errRemoved {
		s.bus.tally.removed.Add(1)
	} else {
		s.bus.tally.revoked.Add(1)
	}
	if sub.entry != nil {
		sub.stand(s.state, s.kind, -1)
		s.bus.send(sub.entry.pid, leave{sub: sub, revoked: fault, keep: keep})
		s.ungate(sub)
		return
	}
	s.forgetJoin(sub)
	s.push(protocol.ErrorFrame(sub.id, fault))
}

func (s *session) onRulesChanged() {
	if s.state != sessionEnded {
		s.authorise()
		s.stand()
		s.flush()
	}
}

func (s *session) onGrantsChanged() {
	if s.state == sessionFresh || s.state == sessionEnded {
		return
	}
	s.authorise()
	s.flush()
}

// stand sends the channels the member that the connection counts as now: it, or the rules, have changed.
func (s *session) stand() {
	for _, sub := range s.subs {
		if sub.entry != nil {
			s.bus.send(sub.entry.pid, attend{sub: sub, as: s.standing(sub.channel)})
		}
	}
}

// register changes the subjects under which grants find the connection.
func (s *session) register() {
	m := s.mandated()
	as := m.of(s.identity())
	s.bus.grants.enter(s.conn, without(as, m.subjects))
	s.bus.grants.leave(s.conn, without(m.subjects, as))
	m.subjects = as
}

var errForbidden = &protocol.Error{Code: protocol.CodeForbidden, Reason: "the rules do not allow any of the channels any more", Hint: "Ask the operator."}

var errRemoved = &protocol.Error{Code: protocol.CodeRemoved, Reason: "the server took away a subscription that it had made", Hint: "Subscribe to the channel yourself, where the rules allow it."}
