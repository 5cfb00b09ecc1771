package core

import (
	"slices"

	"tidings/protocol"
)

// Frame takes one frame that a link brought. Frames of links that no longer, or do not yet, carry the session are
// dropped.
func (c *Client) Frame(link int, f *protocol.ServerFrame) {
	switch {
	case f.Type == protocol.TypeConnected && link == c.opening.link && link != 0:
		c.onConnected(f)
	case f.Type == protocol.TypeDisconnect && (link == c.opening.link || link == c.current.link):
		c.Lost(link)
		c.port.Disconnected(link, f)
	case link == c.current.link && link != 0 && protocol.Counted(f.Type):
		c.current.n++
		c.counted = c.current.n
		if c.current.n > c.received { // else this link repeats what an older one brought
			c.received = c.current.n
			c.onCounted(f)
		}
		if c.current.link == link && c.opening.link == 0 && c.counted-c.acked >= ackEvery {
			c.ping()
		}
	}
}

func (c *Client) onConnected(f *protocol.ServerFrame) {
	resumed := f.Resumed && f.Session == c.session
	c.current, c.opening = c.opening, linkState{}
	c.session, c.generation = f.Session, f.Generation
	unsubscribe := func(r *Request) bool { return r.Frame.Type == protocol.TypeUnsubscribe }
	var out []protocol.ClientFrame
	if !resumed {
		c.received, c.acked, c.current.n = 0, 0, 0
		c.requests = slices.DeleteFunc(c.requests, unsubscribe)
		c.subs = slices.DeleteFunc(c.subs, func(s *Subscription) bool { return s.over })
	}
	c.counted = c.current.n
	for _, r := range c.requests {
		if unsubscribe(r) {
			out = append(out, c.request(r))
		}
	}
	for _, s := range c.subs {
		if !resumed || !s.live && !s.over {
			out = append(out, c.subscribe(s))
		}
	}
	for _, r := range c.requests {
		if !unsubscribe(r) {
			out = append(out, c.request(r))
		}
	}
	link := c.current.link
	for chunk := range slices.Chunk(out, protocol.MaxFrames) {
		c.port.Send(link, chunk...)
	}
	c.port.Connected(link, resumed)
}

func (c *Client) onCounted(f *protocol.ServerFrame) {
	switch f.Type {
	case protocol.TypeMessage:
		c.onMessage(f)
	case protocol.TypeSubscribed:
		c.onSubscribed(f)
	case protocol.TypeGap:
		c.onGap(f)
	case protocol.TypePosition:
		for _, s := range c.settled(f) {
			before := s.cursor.Position()
			if !s.cursor.Skipped(f.Position) {
				c.again(s)
			} else if s.cursor.Position() != before {
				s.holes = 0
			}
		}
	case protocol.TypeUnsubscribed:
		for _, s := range c.settled(f) {
			c.end(s, &protocol.Error{Code: f.Code, Reason: f.Message, Hint: f.Hint})
		}
	case protocol.TypeReply, protocol.TypeError:
		c.onAnswer(f)
	case protocol.TypePresence, protocol.TypeJoined, protocol.TypeLeft:
		for _, s := range c.settled(f) {
			c.port.News(s, f)
		}
	default:
		c.port.Other(f)
	}
}

func (c *Client) onMessage(f *protocol.ServerFrame) {
	for _, s := range c.settled(f) {
		switch s.cursor.Check(f.Msg) {
		case Deliver:
			c.port.Message(s, f.Msg)
			s.moved(f.Msg)
		case Seen:
			s.moved(f.Msg)
		case Missing:
			c.again(s)
		}
	}
}

// moved puts the cursor on m, which is progress unless m is volatile.
func (s *Subscription) moved(m *protocol.Message) {
	s.cursor.Moved(m)
	if !m.Volatile {
		s.holes = 0
	}
}

// again subscribes from the cursor: the continuity check failed. At once the first time. If it fails at the same place
// again the replay brings what the path drops, and asking at once would be a loop without end.
func (c *Client) again(s *Subscription) {
	if s.holes++; s.holes == 1 {
		c.port.Send(c.current.link, c.subscribe(s))
		return
	}
	s.pending, s.told, s.retry, s.live = 0, false, true, false
	c.port.RetryLater()
	c.port.Stuck(s)
}

// Holes returns how often in a row continuity has failed at one place, of the subscription for which that is most.
func (c *Client) Holes() int {
	n := 0
	for _, s := range c.subs {
		n = max(n, s.holes)
	}
	return n
}

func (c *Client) onSubscribed(f *protocol.ServerFrame) {
	i := slices.IndexFunc(c.subs, func(s *Subscription) bool { return s.pending == f.ID && f.ID != 0 })
	if i < 0 {
		return // the answer to an older subscribe
	}
	s := c.subs[i]
	s.pending, s.Room = 0, f.Room
	if s.Room != "" && slices.ContainsFunc(c.requests, func(r *Request) bool {
		return r.Frame.Type == protocol.TypeUnsubscribe && r.Frame.Channel == s.Channel && r.Frame.Room == s.Room
	}) {
		c.port.Send(c.current.link, c.subscribe(s)) // its room was left for another filter's sake while this was on its way
		return
	}
	s.live = true
	if s.over {
		s.over = false
		c.Unsubscribe(s)
		return
	}
	if s.cursor.Position() != f.Position {
		s.holes = 0
	}
	g := s.cursor.Subscribed(f.Position, f.Recovered, s.told)
	if g != nil {
		c.port.Gap(s, *g)
	}
	s.ended, s.tries = nil, 0
	if s.Room != "" && c.usersOf(s) != s.asked { // another filter of the room had asked, or it was asked meanwhile
		c.hear(s)
	}
	c.port.Subscribed(s, f.Recovered)
}

func (c *Client) onGap(f *protocol.ServerFrame) {
	if f.From == nil {
		return
	}
	concerned := c.settled(f)
	if f.ID != 0 {
		concerned = nil
		if i := slices.IndexFunc(c.subs, func(s *Subscription) bool { return s.pending == f.ID }); i >= 0 {
			c.subs[i].told = true
			concerned = c.subs[i : i+1]
		}
	}
	for _, s := range slices.Clone(concerned) {
		if !s.over {
			s.holes = 0
			c.port.Gap(s, *s.cursor.Gapped(protocol.GapReason(f.Reason), *f.From))
		}
	}
}

func (c *Client) onAnswer(f *protocol.ServerFrame) {
	var fault *protocol.Error
	if f.Type == protocol.TypeError {
		fault = &protocol.Error{Code: f.Code, Reason: f.Message, Hint: f.Hint}
	}
	if i := slices.IndexFunc(c.subs, func(s *Subscription) bool { return s.pending == f.ID && f.ID != 0 }); i >= 0 && fault != nil {
		s := c.subs[i]
		if s.over {
			c.subs = slices.Delete(c.subs, i, i+1)
			return
		}
		if !f.Retry && f.Code != protocol.CodeSuperseded { // superseded: by another filter that means the same, and has the room
			c.end(s, fault)
			return
		}
		s.pending, s.retry = 0, true
		c.port.RetryLater()
		return
	}
	i := slices.IndexFunc(c.requests, func(r *Request) bool { return r.id == f.ID && f.ID != 0 })
	if i < 0 {
		if fault != nil && f.ID == 0 {
			c.port.Other(f)
		}
		return
	}
	r := c.requests[i]
	c.requests = slices.Delete(c.requests, i, i+1)
	if fault != nil {
		c.port.Answered(r, nil, fault)
		return
	}
	c.port.Answered(r, f, nil)
}

// Refused takes the failure of a request or subscribe that the server never got, by the id that it was sent with: it is
// answered with fault and not sent again. An id that is not, or no longer, waited for is ignored.
func (c *Client) Refused(id uint64, fault *protocol.Error) {
	c.onAnswer(&protocol.ServerFrame{Type: protocol.TypeError, ID: id, Code: fault.Code, Message: fault.Reason, Hint: fault.Hint})
}

// end forgets s. But rules that forbid what has a position, which they allowed before, may allow it again: then s is
// asked for at times, from its cursor, and the program hears once that it ended.
func (c *Client) end(s *Subscription, fault *protocol.Error) {
	again := s.ended != nil
	s.ended = nil
	if fault.Code == protocol.CodeForbidden && !s.cursor.Position().IsZero() {
		s.pending, s.live, s.ended = 0, false, fault
		c.port.AskLater(s.tries)
		s.tries++
		if again {
			return
		}
	} else {
		c.subs = slices.DeleteFunc(c.subs, func(t *Subscription) bool { return t == s })
	}
	c.port.Ended(s, fault)
}

// settled returns the subscriptions that a frame without id speaks of; none for one of which a newer subscribe waits or
// was refused. Filters that are equal and not written alike have one room, and are one subscription at the server.
func (c *Client) settled(f *protocol.ServerFrame) []*Subscription {
	var all []*Subscription
	for _, s := range c.subs {
		if s.live && s.Channel == f.Channel && s.Room == f.Room {
			if f.Room == "" { // the one without a filter: one with a filter is not live before its room is named
				return []*Subscription{s}
			}
			all = append(all, s)
		}
	}
	return all
}
