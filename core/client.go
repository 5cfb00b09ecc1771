package core

import (
	"slices"

	"tidings/protocol"
)

// Request is a publish, history or other request that wants an answer.
type Request struct {
	Frame protocol.ClientFrame
	id    uint64 // as last sent; 0: not sent on this session
}

// Client is a client's side of the protocol as a pure state machine: one session over a row of links, each of which is
// a transport that its program opened. It counts frames, resumes, subscribes again, checks continuity, and tells one
// gap if that fails. See SPEC.md sections 7 and 10.
type Client struct {
	Omit Mechanism // set by the simulator only, before anything else

	port       ClientPort
	session    string
	generation uint64
	attempts   uint64 // connects of this client that asked to resume
	received   uint64 // the highest number of a frame that was handed on
	counted    uint64 // number of the last frame on the link that carries, or last carried, the session; the count to report
	acked      uint64 // the count that was last reported

	current linkState
	opening linkState

	lastID   uint64
	subs     []*Subscription
	requests []*Request
}

type linkState struct {
	link int    // 0 for none
	n    uint64 // number of the last counted frame that came over this link
}

// ackEvery is how many counted frames a client takes before it reports them, if no heartbeat came first. SPEC.md
// section 7.
const ackEvery = 256

// maxPings is at which ping a subscribe that has no answer is sent again. SPEC.md section 7.
const maxPings = 3

// NewClient returns a client without a session.
func NewClient(port ClientPort) *Client { return &Client{port: port} }

// Session returns the secret by which the connection can be resumed; "" before the first connected.
func (c *Client) Session() string { return c.session }

// Received returns the number of counted frames to report to the server: those that the present link brought or
// repeated. While a new link still repeats what an older one brought, that is less than was handed on.
func (c *Client) Received() uint64 { return c.counted }

// Generation returns the generation of the session, as the last connected named it; 0 before.
func (c *Client) Generation() uint64 { return c.generation }

// Link returns the link that carries the session, 0 for none.
func (c *Client) Link() int { return c.current.link }

// Subscriptions returns the subscriptions in the order they were made.
func (c *Client) Subscriptions() []*Subscription {
	return slices.DeleteFunc(slices.Clone(c.subs), func(s *Subscription) bool { return s.over })
}

// Open takes a new link, numbered from 1 and never reused, and sends connect over it. The link that carries the session
// goes on until the answer comes (make before break). token may be empty.
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

// Lost takes the news that a link failed or was closed.
func (c *Client) Lost(link int) {
	if c.current.link == link {
		c.current = linkState{}
	}
	if c.opening.link == link {
		c.opening = linkState{}
	}
}

// Request sends a frame that wants an answer, now or when connected. It is sent again after each reconnect until it is
// answered. A publish should carry an idempotency key.
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

// Forget stops waiting for an answer: the request is not sent again, and its answer is ignored.
func (c *Client) Forget(r *Request) {
	if i := slices.Index(c.requests, r); i >= 0 {
		c.requests = slices.Delete(c.requests, i, i+1)
	}
}

// Ping sends a ping that reports the count. Call it when nothing was sent, or nothing heard, for a heartbeat. A
// subscribe that is still without an answer at the third ping after it is sent again: the link lives, so that the
// answer was lost on the way.
func (c *Client) Ping() {
	if c.current.link == 0 {
		return
	}
	c.ping()
	for _, s := range c.subs {
		if s.pending == 0 || c.Omit.Has(AskAgain) {
			continue
		}
		if s.pings++; s.pings == maxPings {
			c.port.Send(c.current.link, c.subscribe(s))
		}
	}
}

func (c *Client) ping() {
	f := protocol.ClientFrame{Type: protocol.TypePing}
	// The server forgets what is reported to it. So not while a connect with an older count is on its way: it could not
	// resume.
	if c.opening.link == 0 {
		received := c.counted
		f.Received, c.acked = &received, received
	}
	c.port.Send(c.current.link, f)
}

// Goodbye informs the server that the session is over, and forgets it.
func (c *Client) Goodbye() {
	if c.current.link != 0 {
		c.port.Send(c.current.link, protocol.ClientFrame{Type: protocol.TypeDisconnect})
	}
	c.session, c.current, c.opening = "", linkState{}, linkState{}
}
