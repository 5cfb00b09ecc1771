package transports

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// fakeBus is a Bus of one lock: sessions, channels and their whole history. It does everything at once, and notes
// what it was asked.
type fakeBus struct {
	park   time.Duration
	refuse *protocol.Error // what Open answers, if not nil
	slow   time.Duration   // how long Open takes
	opens  func(core.Link) // called at the end of Open, if not nil

	mu       sync.Mutex // guards all below
	sessions map[string]*fakeSession
	channels map[protocol.Channel]*fakeChannel
	opened   int
	peers    []protocol.Peer
}

type fakeChannel struct {
	epoch    string
	forgot   int // messages that history keeps no more
	messages []*protocol.Message
	members  map[*fakeSession]bool
}

func newFakeBus() *fakeBus {
	return &fakeBus{park: protocol.DefaultPark, sessions: map[string]*fakeSession{}, channels: map[protocol.Channel]*fakeChannel{}}
}

// channel returns a channel, made by its first use. The caller has the lock.
func (b *fakeBus) channel(name protocol.Channel) *fakeChannel {
	ch := b.channels[name]
	if ch == nil {
		ch = &fakeChannel{epoch: "e" + strconv.Itoa(len(b.channels)+1), members: map[*fakeSession]bool{}}
		b.channels[name] = ch
	}
	return ch
}

func (ch *fakeChannel) top() protocol.Position {
	if n := len(ch.messages); n > 0 {
		return ch.messages[n-1].Position()
	}
	return protocol.Position{Epoch: ch.epoch}
}

// publish numbers a message and delivers it.
func (b *fakeBus) publish(name protocol.Channel, data string) protocol.Position {
	b.mu.Lock()
	ch := b.channel(name)
	n := uint64(len(ch.messages) + 1)
	m := &protocol.Message{Channel: name, Epoch: ch.epoch, Offset: n, Prev: n - 1, Tag: fmt.Sprintf("t%d", n),
		ID: fmt.Sprintf("%s-%d", ch.epoch, n), Data: []byte(data), TimeMS: 1}
	ch.messages = append(ch.messages, m)
	members := make([]*fakeSession, 0, len(ch.members))
	for s := range ch.members {
		members = append(members, s)
		s.push(m.Encoded())
	}
	b.mu.Unlock()
	for _, s := range members {
		s.flush()
	}
	return m.Position()
}

func (b *fakeBus) Open(ctx context.Context, peer protocol.Peer, connect *protocol.ClientFrame, link core.Link) (Session, uint64, error) {
	if b.slow > 0 {
		select {
		case <-time.After(b.slow):
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
	b.mu.Lock()
	b.peers = append(b.peers, peer)
	b.mu.Unlock()
	token := peer.Token
	if connect.Token != "" {
		token = connect.Token
	}
	switch {
	case b.refuse != nil:
		return nil, 0, b.refuse
	case connect.Version > protocol.Version:
		return nil, 0, &protocol.Error{Code: protocol.CodeUnsupportedVersion, Reason: "this server speaks version 1", Hint: "Send 1."}
	case token == "bad":
		return nil, 0, &protocol.Error{Code: protocol.CodeUnauthorized, Reason: "no valid token", Hint: "Get one."}
	}
	s, resumed, received := b.session(peer, token, connect)
	gen, ok := s.outbox.Attach(link, received, s.connected(resumed), fence)
	if !ok {
		s.end(nil)
		s, _, _ = b.session(peer, token, &protocol.ClientFrame{})
		gen, _ = s.outbox.Attach(link, 0, s.connected(false), fence)
	}
	s.attached(peer.Transport)
	s.mu.Lock()
	s.latest.Took(connect, gen)
	s.mu.Unlock()
	s.flush()
	if b.opens != nil {
		b.opens(link)
	}
	return s, gen, nil
}

// session finds the session to resume, or makes one.
func (b *fakeBus) session(peer protocol.Peer, token string, connect *protocol.ClientFrame) (s *fakeSession, resumed bool, received uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.sessions[connect.Session]; s != nil && s.token == token && connect.Received != nil {
		return s, true, *connect.Received
	}
	b.opened++
	s = &fakeSession{bus: b, id: "session-" + strconv.Itoa(b.opened) + "-0123456789abcdef", token: token, plain: peer.Fleeting(),
		outbox: core.NewOutbox(!peer.Fleeting()), told: make(chan struct{})}
	b.sessions[s.id] = s
	return s, false, 0
}

func (b *fakeBus) Find(session string, peer protocol.Peer) (Session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.sessions[session]
	if s != nil && s.token != "" && peer.Token == "" {
		return nil, &protocol.Error{Code: protocol.CodeUnauthorized, Reason: "no token", Hint: "Repeat it."}
	}
	if s == nil || s.token != peer.Token {
		return nil, errNoSession
	}
	return s, nil
}

var errNoSession = &protocol.Error{Code: protocol.CodeSessionGone, Reason: "no such session", Hint: "Connect anew."}

func (b *fakeBus) find(session string) *fakeSession {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sessions[session]
}

func (b *fakeBus) all() []*fakeSession {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []*fakeSession
	for _, s := range b.sessions {
		all = append(all, s)
	}
	return all
}

func goodbye(code protocol.Code, reason string) *protocol.Encoded {
	return protocol.Encode(disconnect(&protocol.Error{Code: code, Reason: reason, Hint: "See SPEC.md section 8."}))
}

var fence = goodbye(protocol.CodeSuperseded, "a newer transport took over")

// after returns the messages that follow a position, and false if that cannot be said.
func (ch *fakeChannel) after(since protocol.Position) ([]*protocol.Message, protocol.GapReason) {
	switch n := int(since.Offset); {
	case since.Epoch != ch.epoch:
		return nil, protocol.GapEpochChanged
	case n > len(ch.messages), n > 0 && ch.messages[n-1].Tag != since.Tag:
		return nil, protocol.GapPositionUnknown
	case n <= ch.forgot && ch.forgot > 0:
		return nil, protocol.GapHistoryExpired
	default:
		return slices.Clone(ch.messages[n:]), ""
	}
}
