package client

import (
	"errors"
	"slices"
	"sync"

	"tidings/core"
	"tidings/protocol"
)

// Option changes what a Subscribe does.
type Option func(*Subscription)

// Since makes a subscription start after a position, instead of at the channel's top: what was published since then
// comes first. If the client is subscribed to the channel already, what lies between is not recovered but told as a
// gap.
func Since(p protocol.Position) Option { return func(s *Subscription) { s.since = p } }

// OnGap is called where messages may be missing, before the next message. Without it a gap is logged as a warning.
func OnGap(fn func(Gap)) Option { return func(s *Subscription) { s.onGap = fn } }

// OnSubscribed is called each time the server confirmed the subscription, also after a reconnect: it is live from at.
// recovered says that nothing is missing between its last position and at.
func OnSubscribed(fn func(at protocol.Position, recovered bool)) Option {
	return func(s *Subscription) { s.onSubscribed = fn }
}

// OnEnd is called when the server refused or ended the subscription, or ended the client for good; Close calls nothing.
// Nothing comes after it, except if the rules ended (forbidden) what was heard before: the client asks for that again
// at times, and OnSubscribed is called if the rules allow it again. Close stops that.
func OnEnd(fn func(error)) Option { return func(s *Subscription) { s.onEnd = fn } }

// Subscription is one callback on one channel. Several on one channel, with the same filter and scope, share one
// subscription on the wire.
type Subscription struct {
	client    *Client
	key       topicKey
	since     protocol.Position
	filterErr error // of Filter

	behind bool // the loop's: since is not where the topic was, to be told as a gap

	onMessage    func(Message)
	onGap        func(Gap)
	onSubscribed func(protocol.Position, bool)
	onEnd        func(error)
	onPresence   func(Presence)

	mu       sync.Mutex
	position protocol.Position // guarded by mu
	closed   bool              // guarded by mu
}

// Channel is the channel's name.
func (s *Subscription) Channel() string { return string(s.key.channel) }

// Position is where the callback is: it moves after the callback returned. Give it to Since to go on from there with
// another client. It is zero before the first OnSubscribed.
func (s *Subscription) Position() protocol.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.position
}

// Close ends the subscription. No callback of it begins after Close returned; one may still be running.
func (s *Subscription) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	_ = s.client.do(func() { s.client.removeListener(s) })
}

// call runs fn unless s is closed, then moves to at.
func (s *Subscription) call(fn func(), at protocol.Position) {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return
	}
	fn()
	if !at.IsZero() {
		s.mu.Lock()
		s.position = at
		s.mu.Unlock()
	}
}

// Subscribe calls onMessage for each message published to channel from now on, or from Since on. It opens the
// connection where that is not open yet, and does not wait for it: OnSubscribed tells when the subscription is live,
// OnEnd that it was refused. All callbacks of a client are called one at a time, in order; they may call the client.
//
// onMessage may be nil where OnPresence is given.
//
// It fails with a *protocol.Error for a bad channel name and for a filter that is no JSON object, and with the client's
// error once that is closed.
func (c *Client) Subscribe(channel string, onMessage func(Message), opts ...Option) (*Subscription, error) {
	ch, err := protocol.ParseReadable(channel)
	if err != nil {
		return nil, err
	}
	s := &Subscription{client: c, key: topicKey{channel: ch}, onMessage: onMessage}
	for _, opt := range opts {
		opt(s)
	}
	if s.filterErr != nil {
		return nil, s.filterErr
	}
	if onMessage == nil {
		if s.onPresence == nil {
			return nil, errors.New("client: Subscribe without a callback")
		}
		s.onMessage = func(Message) {}
	}
	if !s.since.IsZero() {
		if err := s.since.Check(); err != nil {
			return nil, err
		}
	}
	if err := c.do(func() { c.addListener(s) }); err != nil {
		return nil, err
	}
	return s, nil
}

// topicKey is by what subscriptions are the same on the wire.
type topicKey struct {
	channel       protocol.Channel
	filter, scope string // filter is JSON with sorted keys; "" for none
}

func keyOf(s *core.Subscription) topicKey { return topicKey{s.Channel, string(s.Filter), s.Scope} }

// interest is what k asks of the server.
func (k topicKey) interest() core.Interest {
	i := core.Interest{Channel: k.channel, Scope: k.scope}
	if k.filter != "" {
		i.Filter = []byte(k.filter)
	}
	return i
}

// topic is one subscription on the wire and the callbacks that share it.
type topic struct {
	sub       *core.Subscription
	listeners []*Subscription
	live      bool
	present   core.PresenceView
}

func (c *Client) addListener(s *Subscription) {
	t := c.topics[s.key]
	if t == nil {
		t = &topic{listeners: []*Subscription{s}}
		c.topics[s.key] = t
		what := s.key.interest()
		what.Users = t.users()
		t.sub = c.machine.SubscribeTo(what, s.since)
		c.wanted()
		return
	}
	t.listeners = append(slices.Clip(t.listeners), s)
	s.behind = !s.since.IsZero()
	if t.live {
		c.tellSubscribed(s, t.sub.Cursor(), false)
	} else if fault := t.sub.Ended(); fault != nil {
		c.tellPause(s, fault)
	}
	if s.onPresence != nil && t.present.Known() {
		c.tellPresence(t, s)
	}
	c.watch(t)
}

func (c *Client) removeListener(s *Subscription) {
	t := c.topics[s.key]
	if t == nil || !slices.Contains(t.listeners, s) {
		return
	}
	t.listeners = slices.DeleteFunc(slices.Clone(t.listeners), func(other *Subscription) bool { return other == s })
	if len(t.listeners) == 0 {
		delete(c.topics, s.key)
		c.machine.Unsubscribe(t.sub)
		return
	}
	c.watch(t)
}

func (c *Client) tellSubscribed(s *Subscription, at protocol.Position, recovered bool) {
	if s.behind {
		s.behind = false
		if s.since != at {
			gap := Gap{Channel: string(s.key.channel), Reason: protocol.GapUnrecovered, Last: s.since, From: at}
			c.enqueue(func() { s.call(func() { s.gap(gap) }, at) })
		}
	}
	c.enqueue(func() {
		s.call(func() {
			if s.onSubscribed != nil {
				s.onSubscribed(at, recovered)
			}
		}, at)
	})
}

// tellPause calls OnEnd of a subscription that may come back.
func (c *Client) tellPause(s *Subscription, err error) {
	c.enqueue(func() {
		s.call(func() {
			if s.onEnd != nil {
				s.onEnd(err)
			}
		}, protocol.Position{})
	})
}

func (c *Client) tellEnd(s *Subscription, err error) {
	c.enqueue(func() {
		s.call(func() {
			s.mu.Lock()
			s.closed = true
			s.mu.Unlock()
			if s.onEnd != nil {
				s.onEnd(err)
			}
		}, protocol.Position{})
	})
}
