package actors

import (
	"container/list"
	"slices"
	"sync"
	"tidings/protocol"
	"time"
)

// Grants are the channels that the application's backend has put clients in, now and in the future: all connections of
// a user, all pages of a session of the application, one page, or one connection. They are remembered while somebody is
// connected, and for some time before and after.
const (
	grantBefore = time.Minute    // kept so long for a client that has never connected
	grantAfter  = 24 * time.Hour // and so long after the last one has left
	// maxGrants bounds the channels of one subject: no connection can have more subscriptions.
	maxGrants = protocol.MaxSubscriptions
)

var (
	errGrants    = &protocol.Error{Code: protocol.CodeLimitExceeded, Reason: "a user, session or connection may be granted 128 channels", Hint: "Take some away, or put what belongs together in one channel."}
	errAllGrants = &protocol.Error{Code: protocol.CodeLimitExceeded, Reason: "the node remembers as many grants as it may", Hint: "Take some away, or raise limits.grants."}
)

// subject is whom a grant is for.
type subject struct {
	kind subjectKind
	name string
}

type subjectKind uint8

const (
	ofUser       subjectKind = iota
	ofSession                // of the application, by the hash of its key
	ofPage                   // by the page's own id
	ofConnection             // by its public name; forgotten with its end
)

// grants remembers what was granted, and who is connected of those for whom it may be.
type grants struct {
	max int // channels of all subjects

	mu       sync.Mutex // guards all below, and the grantees
	grantees map[subject]*grantee
	fresh    list.List        // of *grantee: nobody has connected yet, the one granted to longest ago first
	left     list.List        // of *grantee: nobody is connected any more, who left longest ago first
	n        int              // channels of all subjects
	keys     map[string]grant // of several nodes: what was granted by notes, by their keys
}

// grantee is a subject of which a connection is there, or to which something was granted.
type grantee struct {
	subject
	channels []protocol.Channel             // at most maxGrants
	ends     map[protocol.Channel]time.Time // of several nodes: when each is over; else nil
	conns    []*Connection
	until    time.Time // it is forgotten then; zero if somebody is connected
	place    *list.Element
	in       *list.List // fresh or left; nil if somebody is connected
}

func newGrants(max int) *grants { return &grants{max: max, grantees: map[subject]*grantee{}} }

// of returns what was granted to a connection.
func (g *grants) of(c *Connection, subjects []subject) (all []protocol.Channel) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.grantees) == 0 {
		return nil
	}
	for _, who := range append([]subject{{ofConnection, c.id}}, subjects...) {
		if e := g.grantees[who]; e != nil {
			all = append(all, e.channels...)
		}
	}
	return all
}

// conns returns the connections of a subject.
func (g *grants) conns(who subject) []*Connection {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e := g.grantees[who]; e != nil {
		return slices.Clone(e.conns)
	}
	return nil
}

// enter adds a connection under these subjects.
func (g *grants) enter(c *Connection, subjects []subject) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep(time.Now())
	for _, who := range subjects {
		e := g.grantees[who]
		if e == nil {
			e = &grantee{subject: who}
			g.grantees[who] = e
		}
		g.unlist(e)
		e.conns = append(e.conns, c)
	}
}

// leave removes a connection from these subjects.
func (g *grants) leave(c *Connection, subjects []subject) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.sweep(now)
	for _, who := range subjects {
		e := g.grantees[who]
		if e == nil { // a connection to which nothing was granted
			continue
		}
		e.conns = slices.DeleteFunc(e.conns, func(d *Connection) bool { return d == c })
		switch {
		case len(e.conns) > 0:
		case len(e.channels) == 0, who.kind == ofConnection:
			g.forget(e)
		case e.ends != nil:
			e.conns = nil // the notes say how long it holds
		default:
			e.conns = nil
			g.enlist(e, &g.left, now.Add(grantAfter))
		}
	}
}

// add grants channels to a subject, and returns its connections. only, if it is not nil, is the one connection that can
// be of it. It fails with CodeLimitExceeded, and with CodeNotFound if only has ended.
func (g *grants) add(who subject, channels []protocol.Channel, only *Connection) ([]*Connection, *protocol.Error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.sweep(now)
	e := g.grantees[who]
	if e == nil {
		e = &grantee{subject: who}
	}
	var added []protocol.Channel
	for _, ch := range channels {
		if !slices.Contains(e.channels, ch) && !slices.Contains(added, ch) {
			added = append(added, ch)
		}
	}
	switch {
	case only != nil && only.ended.Load():
		return nil, errNoConnection
	case len(e.channels)+len(added) > maxGrants:
		return nil, errGrants
	case !g.makeSpace(len(added), e):
		return nil, errAllGrants
	}
	if only != nil && e.conns == nil {
		e.conns = []*Connection{only}
	}
	e.channels = append(e.channels, added...)
	g.n += len(added)
	g.grantees[who] = e
	if until := now.Add(grantBefore); len(e.conns) == 0 {
		switch {
		case e.in != &g.left:
			g.enlist(e, &g.fresh, until)
		case e.until.Before(until):
			e.until = until // those that left later wait for it, for a minute at most
		}
	}
	return slices.Clone(e.conns), nil
}

// remove takes channels from a subject, and returns its connections.
func (g *grants) remove(who subject, channels []protocol.Channel) []*Connection {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep(time.Now())
	e := g.grantees[who]
	if e == nil {
		return nil
	}
	before := len(e.channels)
	e.channels = slices.DeleteFunc(e.channels, func(ch protocol.Channel) bool { return slices.Contains(channels, ch) })
	g.n -= before - len(e.channels)
	if len(e.channels) == 0 && (len(e.conns) == 0 || who.kind == ofConnection) {
		g.forget(e)
	}
	return slices.Clone(e.conns)
}

// makeSpace makes space for n more channels of grantee to, forgetting the grantees that left longest ago. If even that
// is not enough it forgets nobody and reports false.
func (g *grants) makeSpace(n int, to *grantee) bool {
	var gone []*grantee
	free := g.max - g.n
	for at := g.left.Front(); at != nil && free < n; at = at.Next() {
		if e := at.Value.(*grantee); e != to {
			gone = append(gone, e)
			free += len(e.channels)
		}
	}
	if free < n {
		return false
	}
	for _, e := range gone {
		g.forget(e)
	}
	return true
}

// sweep forgets what is over.
func (g *grants) sweep(now time.Time) {
	for _, l := range []*list.List{&g.fresh, &g.left} {
		for at := l.Front(); at != nil; at = l.Front() {
			e := at.Value.(*grantee)
			if now.Before(e.until) {
				break
			}
			g.forget(e)
		}
	}
}

func (g *grants) enlist(e *grantee, l *list.List, until time.Time) {
	g.unlist(e)
	e.until, e.in, e.place = until, l, l.PushBack(e)
}

func (g *grants) unlist(e *grantee) {
	if e.in != nil {
		e.in.Remove(e.place)
		e.until, e.in, e.place = time.Time{}, nil, nil
	}
}

func (g *grants) forget(e *grantee) {
	g.unlist(e)
	g.n -= len(e.channels)
	delete(g.grantees, e.subject)
}

// stats counts the channels granted, and the subjects to which something was.
func (g *grants) stats() (channels, waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep(time.Now())
	return g.n, g.fresh.Len() + g.left.Len()
}

// grant is a note that a subject is granted a channel.
type grant struct {
	Kind    subjectKind      `json:"kind"`
	Name    string           `json:"name"`
	Channel protocol.Channel `json:"channel"`
}

func (g grant) key() string {
	return keyOfNote(string(rune('0'+g.Kind)), g.Name) + " " + string(g.Channel)
}

func (g grant) subject() subject { return subject{g.Kind, g.Name} }
