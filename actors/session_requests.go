package actors

import (
	"slices"

	"tidings/protocol"
)

// onFrame handles one frame of the client. Each request is answered once, here or by who takes it over.
func (s *session) onFrame(f *protocol.ClientFrame) {
	if !s.affords(f.Type) {
		s.refuse(errRate, f.ID)
		return
	}
	switch f.Type {
	case protocol.TypeSubscribe:
		s.onSubscribe(f)
	case protocol.TypeUnsubscribe:
		s.onUnsubscribe(f)
	case protocol.TypePublish, protocol.TypeHistory, protocol.TypePresence:
		s.onBrokerRequest(f)
	case protocol.TypeCall:
		s.onCall(f)
	case protocol.TypePing:
		s.onPing(f)
	case protocol.TypeDisconnect:
		s.finish(nil, "")
	case protocol.TypeConnect:
		s.refuse(&protocol.Error{Code: protocol.CodeAlreadyConnected, Reason: "this connection is connected", Hint: "Send connect once for each transport."}, f.ID)
	case protocol.TypeRefresh:
		s.onRefresh(f)
	default:
		s.refuse(&protocol.Error{Code: protocol.CodeBadRequest, Reason: "a frame that cannot be sent here", Hint: "SPEC.md section 6 lists the frames."}, f.ID)
	}
}

func unsupported(what string) *protocol.Error {
	return &protocol.Error{Code: protocol.CodeUnsupported, Reason: what + " is not offered by this server", Hint: "Leave it out."}
}

// affords takes a frame off the connection's rates.
func (s *session) affords(frameType string) bool {
	now := s.bus.clock()
	switch frameType {
	case protocol.TypeSubscribe:
		return s.subscribes.Take(1, subscribeRate, now)
	case protocol.TypePublish:
		return s.publishes.Take(1, publishRate, now)
	case protocol.TypeUnsubscribe, protocol.TypeDisconnect:
		return true
	}
	return s.commands.Take(1, commandRate, now)
}

func (s *session) onPing(f *protocol.ClientFrame) {
	if f.Received != nil {
		if err := s.conn.out.Ack(*f.Received); err != nil {
			s.refuse(protocol.AsError(err), f.ID)
			return
		}
	}
	s.push(pongFrame(f.ID))
}

func (s *session) onSubscribe(f *protocol.ClientFrame) {
	if err := s.subscribeFault(f); err != nil {
		s.note(Record{What: RecordRefused, Channel: f.Channel, Code: string(err.Code)})
		s.refuse(err, f.ID)
		return
	}
	if old := s.find(f.Channel); old >= 0 {
		if !s.subs[old].own && f.Since == nil {
			s.adopt(s.subs[old], f)
			return
		}
		s.leave(old, 0)
	}
	sub := &subscription{conn: s.conn, channel: f.Channel, id: f.ID, own: true, hears: audienceOf(f.Users)}
	s.subs = append(s.subs, sub)
	if s.bus.cfg.Hooks.Subscribe != nil && !s.put(sub.channel) {
		s.askLeave(sub, f.Since)
		return
	}
	s.start(sub, f.Since)
}

// start lets a subscription that may be join its channel: as soon as there is room, where it recovers.
func (s *session) start(sub *subscription, since *protocol.Position) {
	if since != nil {
		s.joins = append(s.joins, waitingJoin{sub, *since})
		s.admitNext()
		return
	}
	s.join(sub, nil)
}

func (s *session) subscribeFault(f *protocol.ClientFrame) *protocol.Error {
	switch {
	case f.Filter != nil:
		return unsupported("filter")
	case f.Scope != "":
		return unsupported("scope")
	case len(s.subs) >= protocol.MaxSubscriptions && s.find(f.Channel) < 0:
		return &protocol.Error{Code: protocol.CodeLimitExceeded, Reason: "a connection may have 128 subscriptions", Hint: "Unsubscribe from channels that are not needed, or put what belongs together in one channel."}
	case audienceOf(f.Users) != 0:
		if err := s.presenceFault(f.Channel); err != nil {
			return err
		}
	}
	return s.mayRead(f.Channel)
}

// find gives the index of the subscription to a channel, or -1.
func (s *session) find(ch protocol.Channel) int {
	return slices.IndexFunc(s.subs, func(sub *subscription) bool { return sub.channel == ch })
}

func (s *session) join(sub *subscription, since *protocol.Position) {
	sub.entry = s.bus.router.hold(sub.channel)
	sub.channel = sub.entry.name // one string for all
	sub.entry.stand(s.state, s.kind, 1)
	s.bus.send(sub.entry.pid, Join{Sub: sub, Since: since, As: s.standing(sub.channel), News: sub.hears})
}

// maxRecoveries bounds the recoveries of one connection that go on at once. Each has a page of protocol.RecoveryPageBytes under way, and
// starts where less than a page waits in the outbox: so all together leave a quarter of it to live messages.
const maxRecoveries = 2

// admitNext lets the next recovery begin as soon as the outbox has room for it.
func (s *session) admitNext() {
	if !s.awaiting && len(s.joins) > 0 && s.recovering < maxRecoveries {
		s.awaiting = true
		s.conn.whenRoomy(s.self, Roomed{})
	}
}

func (s *session) onRoomed() {
	s.awaiting = false
	if s.state == ended || len(s.joins) == 0 {
		return
	}
	j := s.joins[0]
	s.joins = slices.Delete(s.joins, 0, 1)
	j.sub.gated = true
	s.recovering++
	s.join(j.sub, &j.since)
	s.admitNext()
}

// ungate lets others recover: sub is live, or left.
func (s *session) ungate(sub *subscription) {
	if sub.gated {
		sub.gated = false
		s.recovering--
		s.admitNext()
	}
}

func (s *session) onRefused(m Refused) {
	if i := slices.Index(s.subs, m.Sub); i >= 0 {
		s.subs = slices.Delete(s.subs, i, i+1)
		m.Sub.entry.stand(s.state, s.kind, -1)
		s.note(Record{What: RecordRefused, Channel: m.Sub.channel, Code: string(protocol.CodeBrokerUnavailable)})
		if s.put(m.Sub.channel) {
			s.fillLater()
		}
	}
	s.ungate(m.Sub)
}

func (s *session) onUnsubscribe(f *protocol.ClientFrame) {
	i := s.find(f.Channel)
	if i < 0 || f.Room != "" || !s.subs[i].own {
		s.refuse(&protocol.Error{Code: protocol.CodeNotSubscribed, Reason: "there is no such subscription", Hint: "Unsubscribe once, with the room that subscribed named."}, f.ID)
		return
	}
	if sub := s.subs[i]; sub.entry != nil && s.put(f.Channel) {
		s.disown(sub, f.ID)
		return
	}
	s.note(Record{What: RecordUnsubscribed, Channel: f.Channel})
	s.leave(i, f.ID)
	s.fill()
}

// leave ends a subscription. Where reply is not 0 the request of that id is answered when nothing more can come.
func (s *session) leave(i int, reply uint64) {
	sub := s.subs[i]
	s.subs = slices.Delete(s.subs, i, i+1)
	if sub.entry != nil {
		sub.entry.stand(s.state, s.kind, -1)
		s.bus.send(sub.entry.pid, Leave{Sub: sub, Reply: reply})
		s.ungate(sub)
		return
	}
	s.forgetJoin(sub)
	s.push(errorFrame(sub.id, errReplaced))
	if reply != 0 {
		s.push(replyFrame(reply))
	}
}

// forgetJoin forgets a recovery that has not begun.
func (s *session) forgetJoin(sub *subscription) {
	s.joins = slices.DeleteFunc(s.joins, func(j waitingJoin) bool { return j.sub == sub })
	s.askBroker() // a publish may have waited for it
}
