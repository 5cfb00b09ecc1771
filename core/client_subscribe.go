package core

import (
	"bytes"
	"cmp"
	"slices"

	"tidings/protocol"
)

// Interest is what a subscription asks for.
type Interest struct {
	Channel protocol.Channel
	Filter  []byte // raw JSON; nil for none
	Scope   string // a value of a subscribe's scope; "" for none
	Users   string // which changes of presence it hears: a value of a subscribe's users; "" for none
}

// same reports whether the server takes both for the same subscription.
func (i *Interest) same(other *Interest) bool {
	return i.Channel == other.Channel && i.Scope == other.Scope && bytes.Equal(i.Filter, other.Filter)
}

// named reports whether the server names a room for it.
func (i *Interest) named() bool { return i.Filter != nil || i.Scope != "" }

// Subscription is a client's subscription to one channel, with or without a filter.
type Subscription struct {
	Interest
	Room    string // named by the server if there is a filter or a scope
	cursor  Cursor
	asked   string          // Users of the last subscribe
	pending uint64          // id of the subscribe that has no answer yet; 0 for none
	pings   int             // since that subscribe
	told    bool            // a gap with that id came already
	retry   bool            // refused for the moment
	live    bool            // confirmed on this session
	holes   int             // times in a row that continuity failed at the cursor, with no progress between
	ended   *protocol.Error // by the server's rules: it is asked for again at times; nil for none
	tries   int             // refused since that
	over    bool            // unsubscribed before the server named its room; the unsubscribe frame follows then
}

// Cursor returns the subscription's position, to store or to resume from; zero before it was subscribed.
func (s *Subscription) Cursor() protocol.Position { return s.cursor.Position() }

// Live reports whether the server confirmed the subscription on this session.
func (s *Subscription) Live() bool { return s.live }

// Ended returns why the server's rules ended the subscription, which is asked for again at times; nil if they did not.
func (s *Subscription) Ended() *protocol.Error { return s.ended }

// Subscribe makes a subscription, from since if it is not zero. The caller makes at most one per channel and filter.
func (c *Client) Subscribe(ch protocol.Channel, filter []byte, since protocol.Position) *Subscription {
	return c.SubscribeTo(Interest{Channel: ch, Filter: filter}, since)
}

// SubscribeTo is Subscribe with a scope, and Watch, in one. The caller makes at most one per channel, filter and scope.
func (c *Client) SubscribeTo(what Interest, since protocol.Position) *Subscription {
	// The new subscription replaces the old one at the server: an unsubscribe that would be sent again would end it.
	c.requests = slices.DeleteFunc(c.requests, func(r *Request) bool {
		return r.Frame.Type == protocol.TypeUnsubscribe && r.Frame.Channel == what.Channel && !what.named() && r.Frame.Room == ""
	})
	c.subs = slices.DeleteFunc(c.subs, func(s *Subscription) bool {
		return s.over && s.same(&what)
	})
	s := &Subscription{Interest: what}
	s.cursor.pos, s.cursor.omit = since, c.Omit
	c.subs = append(c.subs, s)
	if c.current.link != 0 {
		c.port.Send(c.current.link, c.subscribe(s))
	}
	return s
}

// Watch sets which changes of presence s hears from now on: one of the values of a subscribe's users, "" for none.
func (c *Client) Watch(s *Subscription, users string) {
	if s.Users == users || !slices.Contains(c.subs, s) {
		return
	}
	s.Users = users
	if c.session != "" && s.ended == nil && !(s.named() && s.Room == "") {
		c.hear(s)
	}
}

// hear asks for the news of s, and, if it has a room, of all that share it.
func (c *Client) hear(s *Subscription) {
	c.Request(protocol.ClientFrame{Type: protocol.TypePresence, Channel: s.Channel, Room: s.Room, Users: cmp.Or(c.usersOf(s), protocol.UsersNone)})
}

// usersOf returns which changes of presence the subscriptions of s's room hear together: those that one of them asks
// for, all if they differ.
func (c *Client) usersOf(s *Subscription) string {
	users := s.Users
	for _, t := range c.subs {
		if s.Room == "" || t.Room != s.Room || t.Channel != s.Channel || t.over || t.Users == users {
			continue
		}
		if users != "" && t.Users != "" {
			return protocol.UsersAll
		}
		users = cmp.Or(users, t.Users)
	}
	return users
}

// subscribe makes the frame that subscribes s from its cursor, and marks s as waiting for the answer.
func (c *Client) subscribe(s *Subscription) protocol.ClientFrame {
	s.pending, s.pings, s.told, s.retry, s.live, s.asked = c.nextID(), 0, false, false, false, s.Users
	f := protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: s.pending, Channel: s.Channel, Filter: s.Filter, Scope: s.Scope, Users: s.Users}
	if at := s.cursor.Position(); !at.IsZero() {
		f.Since = &at
	}
	return f
}

func (c *Client) nextID() uint64 {
	c.lastID++
	return c.lastID
}

// Unsubscribe ends a subscription; nothing more is handed out for it.
func (c *Client) Unsubscribe(s *Subscription) {
	i := slices.Index(c.subs, s)
	if i < 0 || s.over {
		return
	}
	unnamed := s.named() && s.Room == ""
	if unnamed && s.pending != 0 {
		s.over = true
		return
	}
	c.subs = slices.Delete(c.subs, i, i+1)
	other := slices.IndexFunc(c.subs, func(t *Subscription) bool { return s.Room != "" && t.Channel == s.Channel && t.Room == s.Room })
	switch {
	case c.session == "" || unnamed:
	case other < 0:
		c.Request(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: s.Channel, Room: s.Room})
	case s.Users != "":
		c.hear(c.subs[other])
	}
}

// Retry subscribes again what the server refused for the moment.
func (c *Client) Retry() {
	if c.current.link == 0 {
		return
	}
	for _, s := range c.subs {
		if s.retry {
			c.port.Send(c.current.link, c.subscribe(s))
		}
	}
}

// Ask subscribes again what the server's rules ended.
func (c *Client) Ask() {
	if c.current.link == 0 {
		return // all of it is asked for when connected
	}
	for _, s := range c.subs {
		if s.ended != nil && s.pending == 0 && !s.retry {
			c.port.Send(c.current.link, c.subscribe(s))
		}
	}
}
