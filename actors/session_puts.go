package actors

import (
	"slices"
	"time"

	"tidings/access"
	"tidings/actors/ground"
	"tidings/internal/patience"
	"tidings/protocol"
)

// What the server puts a connection in: joins, because of who its client is, and grants. A connection that wants a channel itself has one
// subscription to it, its own; the server's follows when that ends.

// mandate is what the server wants of a connection.
type mandate struct {
	page     access.Page        // by a signed id; zero for none
	subjects []subject          // under which grants find the connection
	puts     []protocol.Channel // that the server wants it in
	left     int                // joins that were left out
	full     bool               // there is no room for all of puts
	retry    *ground.Alarm      // for those that a channel refused; made with the first
}

// putRetry is how long a channel that did not take a subscription of the server's is left alone.
const putRetry = 10 * time.Second

var errRemoved = &protocol.Error{Code: protocol.CodeRemoved, Reason: "the server took away a subscription that it had made", Hint: "Subscribe to the channel yourself, where the rules allow it."}

// mandated gives the connection's mandate, made where there is none.
func (s *session) mandated() *mandate {
	if s.mandate == nil {
		s.mandate = &mandate{}
	}
	return s.mandate
}

// mandateOf gives the mandate of a connection that begins; nil where nothing but its own name says under whom grants find it.
func mandateOf(id access.Identity, page *access.Page) *mandate {
	if id.Anonymous() && page == nil {
		return nil
	}
	m := &mandate{}
	if page != nil {
		m.page = *page
	}
	m.subjects = m.of(id)
	return m
}

// of gives the subjects under which grants find the connection.
func (m *mandate) of(id access.Identity) (as []subject) {
	if !id.Anonymous() {
		as = append(as, subject{ofUser, id.User})
	}
	if m.page.ID != "" {
		as = append(as, subject{ofPage, m.page.ID}, subject{ofSession, m.page.Session})
	}
	return as
}

// register says under whom grants find the connection from now on.
func (s *session) register() {
	m := s.mandated()
	as := m.of(s.conn.Identity())
	s.bus.grants.enter(s.conn, without(as, m.subjects))
	s.bus.grants.leave(s.conn, without(m.subjects, as))
	m.subjects = as
}

func without(list, others []subject) []subject {
	return slices.DeleteFunc(slices.Clone(list), func(who subject) bool { return slices.Contains(others, who) })
}

// unregister says that the connection has ended.
func (s *session) unregister() {
	gone := []subject{{ofConnection, s.conn.id}}
	if m := s.mandate; m != nil {
		s.bus.alarms.Cancel(m.retry)
		gone = append(gone, m.subjects...)
		m.puts = nil
	}
	s.bus.grants.leave(s.conn, gone)
}

// wish finds out what the server puts the connection in.
func (s *session) wish() {
	var subjects []subject
	if s.mandate != nil {
		subjects = s.mandate.subjects
	}
	list, left := s.bus.policy.Load().Joins(s.conn.Identity())
	if left > 0 && left > s.mandated().left {
		s.bus.tally.joinsLeft.Add(uint64(left - s.mandate.left))
		s.bus.log.Debug("joins of a connection were left out", "connection", s.conn.id, "user", s.conn.Identity().User, "joins", left)
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

// put tells whether the server wants the connection in a channel.
func (s *session) put(ch protocol.Channel) bool {
	return s.mandate != nil && slices.Contains(s.mandate.puts, ch)
}

// mayRead tells why the client may not hear a channel; nil where it may.
func (s *session) mayRead(ch protocol.Channel) *protocol.Error {
	if s.put(ch) {
		return nil
	}
	return s.bus.mayRead(s.conn.Identity(), ch)
}

// fill subscribes to what the server wants and the connection does not have. A plain client hears what it names, and nothing else.
func (s *session) fill() {
	m := s.mandate
	if m == nil || s.state == ended || s.conn.plain {
		return
	}
	full := false
	for _, ch := range m.puts {
		switch {
		case s.find(ch) >= 0:
		case len(s.subs) >= protocol.MaxSubscriptions:
			full = true
		default:
			sub := &subscription{conn: s.conn, channel: ch}
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

func (s *session) onGrantsChanged() {
	if s.state == fresh || s.state == ended {
		return
	}
	s.authorise()
	s.conn.out.Flush()
}

// fillLater tries again what a channel has just refused.
func (s *session) fillLater() {
	m := s.mandated()
	if m.retry == nil {
		m.retry = &ground.Alarm{To: s.self, Message: GrantsChanged{}}
	}
	s.bus.alarms.Set(m.retry, patience.Jittered(putRetry))
}

// adopt makes a subscription of the server's the client's own, without a pause in what it hears.
func (s *session) adopt(sub *subscription, f *protocol.ClientFrame) {
	sub.own, sub.hears = true, audienceOf(f.Users)
	s.bus.send(sub.entry.pid, Adopt{Sub: sub, ID: f.ID, News: sub.hears})
}

// disown makes the client's own subscription the server's, once the request reply is answered.
func (s *session) disown(sub *subscription, reply uint64) {
	sub.own, sub.hears = false, 0
	s.bus.send(sub.entry.pid, Adopt{Sub: sub, Reply: reply})
}
