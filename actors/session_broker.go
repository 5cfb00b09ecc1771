package actors

import (
	"context"
	"slices"
	"tidings/core"
	"tidings/filter"
	"tidings/protocol"
)

// maxJobs bounds the requests of one connection that wait for the broker. They go to it one at a time, so that the
// publishes of one client keep their order.
const maxJobs = protocol.MaxFrames

func (s *session) onBrokerRequest(f *protocol.ClientFrame) {
	if fault := s.brokerFault(f); fault != nil {
		s.refuse(fault, f.ID)
		return
	}
	if f.Type == protocol.TypePresence && (f.Users != "" || f.Room != "") && !s.hear(f) {
		return
	}
	s.enqueue(f)
}

// enqueue has the broker asked when it is this request's turn.
func (s *session) enqueue(f *protocol.ClientFrame) {
	if len(s.jobs) >= maxJobs {
		s.refuse(errBusy, f.ID)
		return
	}
	s.jobs = append(s.jobs, *f)
	s.askBroker()
}

func (s *session) askBroker() {
	if s.busy || len(s.jobs) == 0 {
		return
	}
	f := s.jobs[0]
	if s.awaitsPermission(&f) {
		return
	}
	if f.Type == protocol.TypeHistory && s.crowded() {
		s.awaitSpace()
		return
	}
	s.busy = true
	if sub := s.unsettled(&f); sub != nil {
		s.bus.send(sub.entry.pid, settle{sub: sub})
		return
	}
	if s.jobs = s.jobs[1:]; len(s.jobs) == 0 {
		s.jobs = nil
	}
	b, c, self, name, rows := s.bus, s.conn, s.self, s.lastingName(), s.rows(f.Channel)
	pool := b.publishes
	asks := b.hooks.concern(f.Type) && (f.Type == protocol.TypePublish || !s.put(f.Channel))
	if asks {
		pool = b.asking
	}
	pool.Run(func() {
		ask := func(c *Connection, f *protocol.ClientFrame) (*protocol.Encoded, error) {
			return b.answerPublish(c, f, name)
		}
		switch f.Type {
		case protocol.TypeHistory:
			ask = func(c *Connection, f *protocol.ClientFrame) (*protocol.Encoded, error) {
				return b.answerHistory(c, f, rows)
			}
		case protocol.TypeCall:
			ask = b.openReply
		case protocol.TypePresence:
			ask = b.answerPresence
		}
		if asks && f.Type != protocol.TypePublish {
			if fault := b.mayHear(c.caller(), f.Channel); fault != nil {
				b.send(self, answered{id: f.ID, fault: fault})
				return
			}
		}
		frame, err := ask(c, &f)
		if err != nil {
			b.send(self, answered{id: f.ID, fault: protocol.AsError(err)})
			return
		}
		done := answered{id: f.ID, frame: frame}
		switch f.Type {
		case protocol.TypePresence:
			done.shows, done.members = f.Channel, true
		case protocol.TypeHistory:
			done.shows, done.asked, done.rows = f.Channel, &f, keyOfRows(rows)
		}
		b.send(self, done)
	})
}

// crowded reports whether so much waits to be read by the client that what it asks for next waits, too: a page of
// history is made for a client that reads.
func (s *session) crowded() bool {
	_, bytes := s.conn.out.Waiting()
	return bytes >= protocol.RecoveryPageBytes
}

// unsettled returns the earlier, still unanswered subscription to the same channel that a publish must wait for. A
// subscription that recovers need not be waited for: recovery will include the publish.
func (s *session) unsettled(f *protocol.ClientFrame) *subscription {
	if f.Type != protocol.TypePublish {
		return nil
	}
	for _, sub := range s.subs {
		if sub.channel == f.Channel && sub.entry != nil && sub.permission != joinAnswered {
			return sub
		}
	}
	return nil
}

// awaitsLeave reports whether a publish has to wait for the application, which has not yet said whether the
// subscription that was asked for before may be.
func (s *session) awaitsPermission(f *protocol.ClientFrame) bool {
	if f.Type != protocol.TypePublish {
		return false
	}
	return slices.ContainsFunc(s.subs, func(sub *subscription) bool {
		return sub.channel == f.Channel && sub.permission == permissionAsked
	})
}

func (s *session) onSettled(m settled) {
	m.sub.permission = joinAnswered
	s.busy = false
	if s.state != sessionEnded {
		s.askBroker()
	}
}

func (s *session) onAnswered(m answered) {
	s.busy = false
	if s.state == sessionEnded {
		return
	}
	switch { // it may have become forbidden meanwhile
	case m.shows == "" || m.fault != nil:
	case m.members:
		m.fault = s.presenceFault(m.shows)
	default:
		m.fault = s.mayRead(m.shows)
	}
	switch {
	case m.fault != nil:
		s.refuse(m.fault, m.id)
	case m.asked != nil && m.rows != keyOfRows(s.rows(m.shows)): // it may hear other messages now
		s.jobs = slices.Insert(s.jobs, 0, *m.asked)
	default:
		s.push(m.frame)
	}
	s.flush()
	s.askBroker()
}

// lastingName is the connection's page's own id, which the page's next connection has too, or else its public name.
func (s *session) lastingName() string {
	if s.mandate != nil && s.mandate.page.ID != "" {
		return s.mandate.page.ID
	}
	return s.conn.id
}

// hear makes a subscription hear other news than before, if the client asks for that. It reports false if there is no
// such subscription, which it tells the client. Who is in a room is shown to those who are in it.
func (s *session) hear(f *protocol.ClientFrame) bool {
	i := s.find(f.Channel, f.Room)
	if i < 0 {
		s.refuse(&protocol.Error{Code: protocol.CodeNotSubscribed, Reason: "there is no subscription that could hear who comes and goes", Hint: "Subscribe to the channel first, or leave users out."}, f.ID)
		return false
	}
	if f.Users == "" {
		return true
	}
	sub := s.subs[i]
	sub.wantsAudience = audienceOf(f.Users)
	if sub.entry != nil {
		s.bus.send(sub.entry.pid, hear{sub: sub, audience: sub.wantsAudience})
	}
	return true
}

// answerPublish publishes for a client; name is what it is called if it excludes itself.
func (b *Bus) answerPublish(c *Connection, f *protocol.ClientFrame, name string) (*protocol.Encoded, error) {
	what := Publish{
		Channel: f.Channel, Data: f.Data, Event: f.Event, SpreadMS: f.SpreadMS, Trace: f.Trace, IdempotencyKey: f.IdempotencyKey, Principal: c.principal(),
		Exclude: protocol.Exclude{Tab: f.ExcludeTab}, Extra: protocol.MetaOnly(f.Meta),
	}
	if f.Origin != nil {
		what.Extra = &protocol.Extra{Meta: f.Meta, Origin: f.Origin}
	}
	if f.ExcludeSelf {
		what.Exclude.Connection = name
	}
	if fault := b.revise(c.caller(), &what); fault != nil {
		return nil, fault
	}
	if fault := b.claim(what.Channel, c.owner()); fault != nil {
		return nil, fault
	}
	p, err := b.publish(context.Background(), what, clientPatience)
	if err != nil {
		return nil, err
	}
	return protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeReply, ID: f.ID, Position: p.Position}), nil
}

// answerHistory returns the answer to a client's history, as far as the client may read it. It reads on until there is
// as much as was asked for, or all was looked at.
func (b *Bus) answerHistory(c *Connection, f *protocol.ClientFrame, rows *filter.Filter) (*protocol.Encoded, error) {
	var since protocol.Position
	if f.Since != nil {
		since = *f.Since
	}
	limit := f.Limit
	if limit == 0 {
		limit = protocol.MaxHistoryLimit
	}
	if fault := b.claim(f.Channel, c.owner()); fault != nil {
		return nil, fault
	}
	page, whole, err := b.historyWithin(f.Channel, since, limit, rows)
	if err != nil {
		return nil, err
	}
	return protocol.Encode(&protocol.ServerFrame{
		Type: protocol.TypeReply, ID: f.ID, Position: page.Top,
		Messages: append([]*protocol.Message{}, page.Messages...), Complete: whole,
	}), nil
}

// answerPresence returns the answer to a client's presence.
func (b *Bus) answerPresence(c *Connection, f *protocol.ClientFrame) (*protocol.Encoded, error) {
	var page core.MembersPage
	err := b.call(func(ctx context.Context) (err error) {
		page, err = everybodyIn(ctx, b.keeper(), partyOf(f.Channel, f.Room))
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

// answerCall makes a reply channel, so that it has an epoch.
func (b *Bus) openReply(_ *Connection, f *protocol.ClientFrame) (*protocol.Encoded, error) {
	page, err := b.History(context.Background(), f.Channel, protocol.Position{}, 1)
	if err != nil {
		return nil, err
	}
	b.tally.repliesOpened.Add(1)
	return protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeReply, ID: f.ID, Position: page.Top, Data: f.Data}), nil
}
