package actors

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"tidings/access"
	"tidings/core"
	"tidings/protocol"
)

// How long a reply channel may last.
const (
	defaultReplyTTL = time.Hour
	minReplyTTL     = time.Second
	maxReplyTTL     = 24 * time.Hour
)

// replyRate bounds the publishes to one reply channel.
var replyRate = core.Rate{PerSecond: 20, Burst: 50}

// methodReply is the method of a call that opens a reply channel.
const methodReply = "reply"

// onReplyCall opens a reply channel.
func (s *session) onReplyCall(f *protocol.ClientFrame) {
	if s.bus.cfg.MaxReplies < 0 {
		s.refuse(unsupported("reply channels"), f.ID)
		return
	}
	ttl, err := readReplyTTL(f.Data)
	if err != nil {
		s.refuse(protocol.AsError(err), f.ID)
		return
	}
	if !s.mayOpenReply() {
		s.refuse(&protocol.Error{Code: protocol.CodeLimitExceeded, Reason: "a connection may have 32 open reply channels", Hint: "Have each job end with done or error, or ask for a shorter ttl."}, f.ID)
		return
	}
	reply := s.bus.replies.Issue(s.conn.Identity(), ttl, time.Now())
	s.replies = append(s.replies, reply.Channel)
	f.Channel, f.Data = reply.Channel, replyData(&reply)
	s.enqueue(f)
}

// mayOpenReply tells whether there may be one more reply channel, and forgets those that have ended, once they are too many.
func (s *session) mayOpenReply() bool {
	if len(s.replies) >= protocol.MaxReplies {
		s.replies = slices.DeleteFunc(s.replies, s.bus.replyBoxes.over)
	}
	return len(s.replies) < protocol.MaxReplies
}

// readReplyTTL reads the data of a call: {ttl?}, in milliseconds.
func readReplyTTL(data []byte) (time.Duration, error) {
	ttl := defaultReplyTTL
	if data == nil || string(data) == "null" {
		return ttl, nil
	}
	err := protocol.ReadObject(data, func(name string, value []byte) error {
		if name != "ttl" {
			return &protocol.Error{Code: protocol.CodeUnknownField, Reason: "data has a field that does not exist", Hint: `Only "ttl" does.`}
		}
		ms, err := strconv.ParseUint(string(value), 10, 32)
		if ttl = time.Duration(ms) * time.Millisecond; err != nil || ttl < minReplyTTL || ttl > maxReplyTTL {
			return &protocol.Error{Code: protocol.CodeBadRequest, Reason: `"ttl" must be an integer from 1000 to 86400000`, Hint: "It is in milliseconds; left out, it is an hour."}
		}
		return nil
	})
	return ttl, err
}

// answerCall makes a reply channel, so that it has an epoch.
func (b *Bus) answerCall(_ *Connection, f *protocol.ClientFrame) (*protocol.Encoded, error) {
	page, err := b.History(context.Background(), f.Channel, protocol.Position{}, 1)
	if err != nil {
		return nil, err
	}
	b.tally.repliesOpened.Add(1)
	return protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeReply, ID: f.ID, Position: page.Top, Data: f.Data}), nil
}

// replyData is what the client gets to know. Nothing in it needs to be escaped.
func replyData(r *access.Reply) []byte {
	query := url.Values{"to": {r.To}, "signature": {r.Signature}}
	b := append([]byte(`{"channel":"`), r.Channel...)
	b = append(append(b, `","publish":"api/reply?`...), query.Encode()...)
	b = strconv.AppendInt(append(b, `","expires":`...), r.Expires.UnixMilli(), 10)
	return append(b, '}')
}

// Reply is one publish with a publish URL instead of a key.
type Reply struct {
	To, Signature  string // the URL's parameters
	Event          string // protocol.ReplyProgress, or ReplyDone or ReplyError, after which nothing can follow
	Data           []byte // compact JSON; the bus keeps it
	IdempotencyKey string // "": none
	Trace          string // W3C trace context; "": none
}

// Reply publishes to a reply channel. It fails with CodeForbidden for parameters that were not given out so, with CodeChannelExpired,
// with CodeChannelClosed after a final reply, with CodeRateLimited above 20 a second, with CodeOverloaded where the node holds as
// many mailboxes as it may, with CodeUnsupported where there are no reply channels, and as Publish does.
func (b *Bus) Reply(ctx context.Context, r Reply) (Published, error) {
	if b.cfg.MaxReplies < 0 {
		return Published{}, unsupported("reply channels")
	}
	now := time.Now()
	ch, fault := b.replies.MayPublish(r.To, r.Signature, now)
	if fault != nil {
		return Published{}, fault
	}
	if fault := b.replyBoxes.take(ch, now, b.clock()); fault != nil {
		return Published{}, fault
	}
	last := r.Event != protocol.ReplyProgress
	done, err := b.Publish(ctx, Publish{
		Channel: ch, Data: r.Data, Event: r.Event, IdempotencyKey: r.IdempotencyKey, Trace: r.Trace, Principal: "reply", Last: last,
	})
	if err == nil && last && !done.Duplicate {
		b.replyBoxes.close(ch)
		b.tally.repliesClosed.Add(1)
	}
	return done, err
}

// replyBoxes are the reply channels that were published to on this node and have not expired: each may hold protocol.MaxReplyBytes.
type replyBoxes struct {
	max int

	mu    sync.Mutex // guards the rest
	boxes map[protocol.Channel]*replyBox
	swept time.Duration
}

type replyBox struct {
	expires time.Time
	used    core.Bucket
	closed  bool
}

// take takes one publish off the rate of ch. at is now on the node's clock.
func (m *replyBoxes) take(ch protocol.Channel, now time.Time, at time.Duration) *protocol.Error {
	m.mu.Lock()
	defer m.mu.Unlock()
	box := m.boxes[ch]
	if box == nil {
		if len(m.boxes) >= m.max {
			m.sweep(now, at)
		}
		if len(m.boxes) >= m.max {
			return &protocol.Error{Code: protocol.CodeOverloaded, Reason: "the node holds as many replies as it may", Hint: "Try again later, or raise reply_channels."}
		}
		expires, _ := ch.ReplyExpires()
		box = &replyBox{expires: expires}
		m.boxes[ch] = box
	}
	if !box.used.Take(1, replyRate, at) {
		return errRate
	}
	return nil
}

// sweep forgets what has expired, at most once a second.
func (m *replyBoxes) sweep(now time.Time, at time.Duration) {
	if at-m.swept < time.Second {
		return
	}
	m.swept = at
	for ch, box := range m.boxes {
		if !now.Before(box.expires) {
			delete(m.boxes, ch)
		}
	}
}

// close says that a reply channel has its last message.
func (m *replyBoxes) close(ch protocol.Channel) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if box := m.boxes[ch]; box != nil {
		box.closed = true
	}
}

// over tells whether a reply channel has expired, or got its last message on this node.
func (m *replyBoxes) over(ch protocol.Channel) bool {
	if end, _ := ch.ReplyExpires(); !time.Now().Before(end) {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	box := m.boxes[ch]
	return box != nil && box.closed
}

func (m *replyBoxes) len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.boxes)
}

// mayRead tells whether id may hear a channel.
func (b *Bus) mayRead(id access.Identity, ch protocol.Channel) *protocol.Error {
	if _, _, ok := ch.ReplyParts(); ok {
		return b.replies.MayRead(id, ch, time.Now())
	}
	return b.policy.Load().MaySubscribe(id, ch)
}
