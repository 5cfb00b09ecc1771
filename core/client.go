package core

import (
	"bytes"
	"cmp"
	"slices"

	"tidings/protocol"
)

// ClientPort is what a Client asks of the program that it runs in. It is called from within the Client's methods, in order; Message,
// Gap and Ended may call Subscribe, Unsubscribe and Request, and nothing else.
type ClientPort interface {
	// Send writes frames to a link, as one message.
	Send(link int, frames ...protocol.ClientFrame)
	// Message hands out a message. The cursor moves when it returns.
	Message(s *Subscription, m *protocol.Message)
	// Gap says that messages of s may be missing.
	Gap(s *Subscription, g Gap)
	// Subscribed says that s is live from its cursor.
	Subscribed(s *Subscription, recovered bool)
	// Ended says that the server refused or ended s; it is forgotten.
	Ended(s *Subscription, err *protocol.Error)
	// Answered gives the answer to a request: a reply, or err.
	Answered(r *Request, reply *protocol.ServerFrame, err *protocol.Error)
	// Connected says that link carries the session now.
	Connected(link int, resumed bool)
	// Disconnected says that the server ended link: it will not carry more.
	Disconnected(link int, d *protocol.ServerFrame)
	// Other hands out frames that are no business of the machine: event, presence, joined, left.
	Other(f *protocol.ServerFrame)
	// RetryLater asks for a call of Retry in a while: the server refused a subscription for the moment.
	RetryLater()
}

// Subscription is one channel (and filter) as the client holds it on the wire.
type Subscription struct {
	Channel protocol.Channel
	Filter  []byte
	Room    string // named by the server where there is a filter
	users   string // what it wants to hear of who comes and goes
	cursor  Cursor
	pending uint64 // id of the subscribe that has no answer yet; 0 none
	told    bool   // a gap answered it already
	retry   bool   // refused for the moment
	live    bool   // confirmed on this session
	over    bool   // unsubscribed before the server named its room: the unsubscribe follows when it has
}

// Cursor is the subscription's position, to store or to resume from; zero before it was subscribed.
func (s *Subscription) Cursor() protocol.Position { return s.cursor.Position() }

// Live reports whether the server confirmed the subscription on this session.
func (s *Subscription) Live() bool { return s.live }

// Request is a publish, history or other request that wants an answer.
type Request struct {
	Frame protocol.ClientFrame
	id    uint64 // as last sent; 0: not sent on this session
}

// Client is a client's side of the protocol as a pure state machine: one session over a row of links, each of which is a transport
// that its program opened. It counts frames, resumes, subscribes again, checks continuity, and tells one gap where that
// fails. See SPEC.md sections 7 and 10.
type Client struct {
	Omit Mechanism // set by the simulator only, before anything else

	port       ClientPort
	session    string
	generation uint64
	attempts   uint64 // to resume
	received   uint64 // the highest number of a frame that was handed on
	counted    uint64 // number of the last frame on the link that carries, or last carried, the session: what is reported
	acked      uint64 // what was last reported

	current linkState
	opening linkState

	lastID   uint64
	subs     []*Subscription
	requests []*Request
}

type linkState struct {
	link int    // 0 for none
	n    uint64 // counted frames of the session up to and with the last on this link
}

// ackEvery is how many counted frames a client takes before it reports them, if no heartbeat came first.
const ackEvery = 256

// NewClient makes a client without a session.
func NewClient(port ClientPort) *Client { return &Client{port: port} }

// Session is the secret by which the connection can be taken up again; "" before the first connected.
func (c *Client) Session() string { return c.session }

// Received is the number of counted frames to report to the server: those that the present link brought, or repeated. While a new
// link still repeats what an older one brought, that is less than was handed on; the server has not written more to it.
func (c *Client) Received() uint64 { return c.counted }

// Link is the link that carries the session, 0 for none.
func (c *Client) Link() int { return c.current.link }

// Subscriptions gives the subscriptions in the order they were made.
func (c *Client) Subscriptions() []*Subscription {
	return slices.DeleteFunc(slices.Clone(c.subs), func(s *Subscription) bool { return s.over })
}

// Open takes a new link, numbered from 1 and never reused, and sends connect over it. The link that carries the session goes on until
// the answer comes (make before break). token may be empty.
func (c *Client) Open(link int, token string) {
	c.opening = linkState{link: link, n: c.counted}
	f := protocol.ClientFrame{Type: protocol.TypeConnect, Version: protocol.Version, Token: token, Session: c.session}
	if c.session != "" {
		received := c.counted
		c.attempts++
		f.Received, f.Generation, f.Attempt = &received, c.generation, c.attempts
	}
	c.port.Send(link, f)
}

// Lost says that a link failed or was closed.
func (c *Client) Lost(link int) {
	if c.current.link == link {
		c.current = linkState{}
	}
	if c.opening.link == link {
		c.opening = linkState{}
	}
}

// Subscribe makes a subscription, from since where it is not zero. The caller makes one per channel and filter.
func (c *Client) Subscribe(ch protocol.Channel, filter []byte, since protocol.Position) *Subscription {
	return c.SubscribeWatching(ch, filter, since, "")
}

// SubscribeWatching is Subscribe and Watch in one.
func (c *Client) SubscribeWatching(ch protocol.Channel, filter []byte, since protocol.Position, users string) *Subscription {
	// The new subscription replaces the old one at the server: an unsubscribe that would be sent again would end it.
	c.requests = slices.DeleteFunc(c.requests, func(r *Request) bool {
		return r.Frame.Type == protocol.TypeUnsubscribe && r.Frame.Channel == ch && filter == nil && r.Frame.Room == ""
	})
	c.subs = slices.DeleteFunc(c.subs, func(s *Subscription) bool {
		return s.over && s.Channel == ch && bytes.Equal(s.Filter, filter)
	})
	s := &Subscription{Channel: ch, Filter: filter, users: users}
	s.cursor.pos, s.cursor.omit = since, c.Omit
	c.subs = append(c.subs, s)
	if c.current.link != 0 {
		c.port.Send(c.current.link, c.subscribe(s))
	}
	return s
}

// Watch says what s wants to hear of who comes and goes from now on: one of the values of a subscribe's users, "" for nothing.
func (c *Client) Watch(s *Subscription, users string) {
	if s.users == users || !slices.Contains(c.subs, s) {
		return
	}
	s.users = users
	if c.session != "" {
		c.Request(protocol.ClientFrame{Type: protocol.TypePresence, Channel: s.Channel, Users: cmp.Or(users, protocol.UsersNone)})
	}
}

func (c *Client) subscribe(s *Subscription) protocol.ClientFrame {
	s.pending, s.told, s.retry, s.live = c.nextID(), false, false, false
	f := protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: s.pending, Channel: s.Channel, Filter: s.Filter, Users: s.users}
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
	unnamed := s.Filter != nil && s.Room == ""
	if unnamed && s.pending != 0 {
		s.over = true
		return
	}
	c.subs = slices.Delete(c.subs, i, i+1)
	if c.session != "" && !unnamed {
		c.Request(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: s.Channel, Room: s.Room})
	}
}

// Request sends a frame that wants an answer, now or when connected, and again after a reconnect until the answer
// is there. A publish should carry an idempotency key.
func (c *Client) Request(f protocol.ClientFrame) *Request {
	r := &Request{Frame: f}
	c.requests = append(c.requests, r)
	if c.current.link != 0 {
		c.port.Send(c.current.link, c.request(r))
	}
	return r
}

func (c *Client) request(r *Request) protocol.ClientFrame {
	r.id = c.nextID()
	r.Frame.ID = r.id
	return r.Frame
}

// Forget gives up waiting for an answer.
func (c *Client) Forget(r *Request) {
	if i := slices.Index(c.requests, r); i >= 0 {
		c.requests = slices.Delete(c.requests, i, i+1)
	}
}

// Ping sends a ping that reports what was received. Call it when nothing was sent for a heartbeat.
func (c *Client) Ping() {
	if c.current.link != 0 {
		c.ping()
	}
}

func (c *Client) ping() {
	f := protocol.ClientFrame{Type: protocol.TypePing}
	// What is reported is forgotten. Not while a connect with an older count is on its way: it could not resume.
	if c.opening.link == 0 {
		received := c.counted
		f.Received, c.acked = &received, received
	}
	c.port.Send(c.current.link, f)
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

// Goodbye tells the server that the session is over.
func (c *Client) Goodbye() {
	if c.current.link != 0 {
		c.port.Send(c.current.link, protocol.ClientFrame{Type: protocol.TypeDisconnect})
	}
	c.session, c.current, c.opening = "", linkState{}, linkState{}
}

// Frame takes one frame from a link. Frames of links that no longer, or do not yet, carry the session are dropped.
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
		if s := c.find(f.Channel, f.Room); s != nil && s.live && !s.cursor.Skipped(f.Position) {
			c.again(s)
		}
	case protocol.TypeUnsubscribed:
		if s := c.find(f.Channel, f.Room); s != nil && s.live {
			c.end(s, &protocol.Error{Code: f.Code, Reason: f.Message, Hint: f.Hint})
		}
	case protocol.TypeReply, protocol.TypeError:
		c.onAnswer(f)
	default:
		c.port.Other(f)
	}
}

func (c *Client) onMessage(f *protocol.ServerFrame) {
	s := c.find(f.Channel, f.Room)
	if s == nil || !s.live {
		return
	}
	switch s.cursor.Check(f.Msg) {
	case Deliver:
		c.port.Message(s, f.Msg)
		s.cursor.Moved(f.Msg)
	case Seen:
		s.cursor.Moved(f.Msg)
	case Missing:
		c.again(s)
	}
}

// again subscribes from the cursor: the continuity check failed.
func (c *Client) again(s *Subscription) {
	c.port.Send(c.current.link, c.subscribe(s))
}

func (c *Client) onSubscribed(f *protocol.ServerFrame) {
	i := slices.IndexFunc(c.subs, func(s *Subscription) bool { return s.pending == f.ID && f.ID != 0 })
	if i < 0 {
		return // answers an older subscribe
	}
	s := c.subs[i]
	s.pending, s.Room, s.live = 0, f.Room, true
	if s.over {
		s.over = false
		c.Unsubscribe(s)
		return
	}
	g := s.cursor.Subscribed(f.Position, f.Recovered, s.told)
	if g != nil {
		c.port.Gap(s, *g)
	}
	c.port.Subscribed(s, f.Recovered)
}

func (c *Client) onGap(f *protocol.ServerFrame) {
	var s *Subscription
	if f.ID != 0 {
		if i := slices.IndexFunc(c.subs, func(s *Subscription) bool { return s.pending == f.ID }); i >= 0 {
			s = c.subs[i]
			s.told = true
		}
		if s != nil && s.over {
			return
		}
	} else if s = c.find(f.Channel, f.Room); s != nil && !s.live {
		s = nil // of the subscription that a newer subscribe replaces
	}
	if s != nil && f.From != nil {
		c.port.Gap(s, *s.cursor.Gapped(protocol.GapReason(f.Reason), *f.From))
	}
}

func (c *Client) onAnswer(f *protocol.ServerFrame) {
	var err *protocol.Error
	if f.Type == protocol.TypeError {
		err = &protocol.Error{Code: f.Code, Reason: f.Message, Hint: f.Hint}
	}
	if i := slices.IndexFunc(c.subs, func(s *Subscription) bool { return s.pending == f.ID && f.ID != 0 }); i >= 0 && err != nil {
		s := c.subs[i]
		if s.over {
			c.subs = slices.Delete(c.subs, i, i+1)
			return
		}
		if !f.Retry {
			c.end(s, err)
			return
		}
		s.pending, s.retry = 0, true
		c.port.RetryLater()
		return
	}
	i := slices.IndexFunc(c.requests, func(r *Request) bool { return r.id == f.ID && f.ID != 0 })
	if i < 0 {
		if err != nil && f.ID == 0 {
			c.port.Other(f)
		}
		return
	}
	r := c.requests[i]
	c.requests = slices.Delete(c.requests, i, i+1)
	if err != nil {
		c.port.Answered(r, nil, err)
		return
	}
	c.port.Answered(r, f, nil)
}

func (c *Client) end(s *Subscription, err *protocol.Error) {
	c.subs = slices.DeleteFunc(c.subs, func(t *Subscription) bool { return t == s })
	c.port.Ended(s, err)
}

func (c *Client) find(ch protocol.Channel, room string) *Subscription {
	for _, s := range c.subs {
		if s.Channel == ch && s.Room == room && (room != "" || s.Filter == nil) { // a filtered one has no room until it is named
			return s
		}
	}
	return nil
}
