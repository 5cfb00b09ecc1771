package actors

import (
	"slices"
	"tidings/access"
	"tidings/actors/ground"
	"tidings/protocol"
)

// A mandate is what the server puts a connection in: joins, because of the identity of its client, and grants. A connection that wants a
// channel itself has one subscription to it, its own; the server's follows when that ends.

// mandate is what the server wants of a connection.
type mandate struct {
	page     access.Page        // by a signed id; zero for none
	subjects []subject          // under which grants find the connection
	puts     []protocol.Channel // that the server wants it in
	left     int                // joins that were left out
	full     bool               // there is no room for all of puts
	retry    *ground.Alarm      // for those that a channel refused; made with the first
}

// mandated returns the connection's mandate, made if there is none.
func (s *session) mandated() *mandate {
	if s.mandate == nil {
		s.mandate = &mandate{}
	}
	return s.mandate
}

// mandateOf returns the mandate of a connection that begins; nil if nothing but its own name says under whom grants find it.
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

// of returns the subjects under which grants find the connection.
func (m *mandate) of(id access.Identity) (as []subject) {
	if !id.Anonymous() {
		as = append(as, subject{ofUser, id.User})
	}
	if m.page.ID != "" {
		as = append(as, subject{ofPage, m.page.ID}, subject{ofSession, m.page.Session})
	}
	return as
}

func without(list, others []subject) []subject {
	return slices.DeleteFunc(slices.Clone(list), func(who subject) bool { return slices.Contains(others, who) })
}
