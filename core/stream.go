package core

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"time"

	"tidings/protocol"
)

// StreamConfig bounds what a stream keeps.
type StreamConfig struct {
	MaxMessages        int           // in history; 0 keeps none, so that only a client at the top can recover
	MaxBytes           int           // in history, as protocol.Message.Size counts
	MaxAge             time.Duration // of a message in history
	IdempotencyTTL     time.Duration // how long a key is remembered; 0 remembers none
	MaxIdempotencyKeys int           // remembered at once; beyond, the oldest are forgotten before their time
}

// DefaultStreamConfig returns the defaults that SPEC.md section 2 promises, and 1,000,000 keys.
func DefaultStreamConfig() StreamConfig {
	return StreamConfig{
		MaxMessages: 1000, MaxBytes: 4 << 20, MaxAge: 10 * time.Minute,
		IdempotencyTTL: 5 * time.Minute, MaxIdempotencyKeys: 1_000_000,
	}
}

// For returns the bounds of ch, made now: c, and for a reply channel a mailbox that lasts as long as the channel.
func (c StreamConfig) For(ch protocol.Channel, now time.Time) StreamConfig {
	if expires, ok := ch.ReplyExpires(); ok {
		c.MaxMessages, c.MaxBytes, c.MaxAge = protocol.MaxReplyMessages, protocol.MaxReplyBytes, max(expires.Sub(now), time.Second)
	}
	return c
}

// Validate refuses negative values, and a history that keeps messages but has no room or time for one. Its error names
// the field.
func (c StreamConfig) Validate() error {
	switch {
	case c.MaxMessages < 0:
		return fmt.Errorf("MaxMessages is %d: give 0 for no history, or a positive number", c.MaxMessages)
	case c.MaxBytes < 0 || c.MaxMessages > 0 && c.MaxBytes == 0:
		return fmt.Errorf("MaxBytes is %d: give a positive number of bytes", c.MaxBytes)
	case c.MaxAge < 0 || c.MaxMessages > 0 && c.MaxAge == 0:
		return fmt.Errorf("MaxAge is %s: give a positive duration", c.MaxAge)
	case c.IdempotencyTTL < 0:
		return fmt.Errorf("IdempotencyTTL is %s: give 0 for no idempotency, or a positive duration", c.IdempotencyTTL)
	case c.MaxIdempotencyKeys < 0:
		return fmt.Errorf("MaxIdempotencyKeys is %d: give 0 for no idempotency, or a positive number", c.MaxIdempotencyKeys)
	}
	return nil
}

// Entry is what to append to a stream.
type Entry struct {
	ID        string // with a Key: KeyedID; else unique
	Tag       string // random, at least 32 bits, of the alphabet of protocol.Position
	Data      []byte // kept: nobody may change it
	Event     string
	Volatile  bool
	SpreadMS  uint64           // receivers that refetch wait a random part of it; 0: none
	TimeMS    int64            // what the message says of when it was published, Unix time; 0: the now of Append
	Exclude   protocol.Exclude // who shall not get it; no part of the content: a client that repeats it may be another connection
	Trace     string           // the publish's W3C trace context; no part of the content: a repetition has another
	Extra     *protocol.Extra  // kept: nobody may change it; nil: none. Its Origin is no part of the content
	Key       string           // idempotency key; "": none
	Principal string           // whose key it is
	Last      bool             // nothing can follow it in the channel; not with Volatile
}

// Stream is one channel at its broker: it numbers and keeps messages, and answers a publish that is repeated with its
// key as it did the first time. A publish is one step, from the look at its key to the append: its caller makes it
// atomic. Time is passed in.
type Stream struct {
	channel protocol.Channel
	top     protocol.Position // the newest message's, also when history has nothing left
	history history
	keys    idempotency
	closed  bool // has its last message
}

// NewStream makes a channel without a message. epoch must be new for each creation of the channel and each incarnation
// of the broker.
func NewStream(channel protocol.Channel, epoch string, cfg StreamConfig) *Stream {
	return &Stream{
		channel: channel,
		top:     protocol.Position{Epoch: epoch},
		history: history{maxMessages: cfg.MaxMessages, maxBytes: cfg.MaxBytes, maxAge: cfg.MaxAge},
		keys:    idempotency{ttl: cfg.IdempotencyTTL, max: cfg.MaxIdempotencyKeys},
	}
}

// Append numbers and keeps e. dup says that its key was used before with the same content: then m names the message of
// then by its position, id and time, without its data, and nothing happened. It fails with CodeIdempotencyConflict
// where the content is another. A volatile message is neither numbered nor kept, but its key is remembered.
func (s *Stream) Append(now time.Time, e Entry) (m *protocol.Message, dup bool, err error) {
	key := idempotencyKey{e.Principal, e.Key}
	var content [32]byte
	if e.Key != "" {
		content = e.Content()
		if a, ok := s.keys.get(now, key); ok {
			if a.content != content {
				return nil, false, ErrIdempotencyConflict
			}
			return s.answered(a, e.Volatile), true, nil
		}
	}
	if s.closed {
		return nil, false, &protocol.Error{
			Code:   protocol.CodeChannelClosed,
			Reason: "the channel has its last message",
			Hint:   "Publish nothing after it. To repeat a publish whose answer was lost, send it with the idempotency key that it had.",
		}
	}
	if e.TimeMS == 0 {
		e.TimeMS = now.UnixMilli()
	}
	m = &protocol.Message{
		Channel: s.channel, ID: e.ID, Data: e.Data, Event: e.Event, SpreadMS: e.SpreadMS, Trace: e.Trace, TimeMS: e.TimeMS, Volatile: e.Volatile, Exclude: e.Exclude,
		Extra: e.Extra,
	}
	if !e.Volatile {
		m.Epoch, m.Prev, m.PrevTag = s.top.Epoch, s.top.Offset, s.top.Tag
		m.Offset, m.Tag = s.top.Offset+1, e.Tag
		s.top, s.closed = m.Position(), e.Last
		s.history.append(now, m)
	}
	if e.Key != "" {
		s.keys.put(key, answer{offset: m.Offset, tag: m.Tag, id: m.ID, timeMS: m.TimeMS, at: now.UnixMilli(), content: content})
	}
	return m, false, nil
}

// Content returns a hash of what a repetition of the entry must have in common with it: its data, event, spread,
// whether it is volatile, and its Extra but for Origin.
func (e *Entry) Content() [32]byte {
	volatile := ""
	if e.Volatile {
		volatile = "volatile"
	}
	data := sha256.Sum256(e.Data)
	fields := [...]string{string(data[:]), e.Event, volatile, strconv.FormatUint(e.SpreadMS, 10)}
	if x := e.Extra; x != nil {
		return digest(append(fields[:], string(x.Meta), fmt.Sprint(x.Change, x.Txn, x.Gone), string(x.Changed), string(x.Before))...)
	}
	return digest(fields[:]...)
}

func (s *Stream) answered(a answer, volatile bool) *protocol.Message {
	m := &protocol.Message{Channel: s.channel, Offset: a.offset, Tag: a.tag, ID: a.id, TimeMS: a.timeMS, Volatile: volatile}
	if !volatile {
		m.Epoch, m.Prev = s.top.Epoch, a.offset-1
	}
	return m
}

// Holds counts what the stream keeps: messages, their bytes, and idempotency keys; forgotten are keys that it dropped
// before their time.
func (s *Stream) Holds() (messages, bytes, keys int, forgotten uint64) {
	return s.history.n, s.history.bytes, s.keys.len(), s.keys.forgotten
}

// Top is the position of the newest message; offset 0 if there never was one.
func (s *Stream) Top() protocol.Position { return s.top }

// After reads the messages strictly after a position, at most limit of them and, but for the first, at most
// protocol.RecoveryPageBytes. A zero position asks for the top alone. See SPEC.md section 7, Subscribe, for when a
// position is lost.
func (s *Stream) After(now time.Time, after protocol.Position, limit int) Page {
	s.history.trim(now)
	p := Page{Top: s.top}
	if after.IsZero() {
		return p
	}
	i, lost := s.locate(after)
	if p.Lost = lost; lost == "" {
		p.Messages = s.history.page(i, limit, protocol.RecoveryPageBytes)
	}
	return p
}

// locate returns the index in history of the first message after a position, or why the position cannot be gone on
// from.
func (s *Stream) locate(after protocol.Position) (i int, lost protocol.GapReason) {
	if after == s.top {
		return s.history.n, ""
	}
	var oldest, at *protocol.Message
	if s.history.n > 0 {
		oldest = s.history.at(0)
	}
	if i = s.history.find(after.Offset); i < s.history.n {
		at = s.history.at(i)
	}
	if lost = Judge(after, s.top, oldest, at); lost != "" || after.Offset == 0 && after.Tag == "" {
		return 0, lost
	}
	return i + 1, ""
}

// Last reads the newest messages, in order, at most limit of them and, but for the newest, at most
// protocol.RecoveryPageBytes.
func (s *Stream) Last(now time.Time, limit int) Page {
	s.history.trim(now)
	i := s.history.last(limit, protocol.RecoveryPageBytes)
	return Page{Top: s.top, Messages: s.history.page(i, limit, protocol.RecoveryPageBytes)}
}

// Idle reports whether the stream holds nothing but its position, after dropping what is over its time.
func (s *Stream) Idle(now time.Time) bool {
	s.history.trim(now)
	s.keys.expire(now)
	return s.history.n == 0 && s.keys.len() == 0
}

// Clone copies the stream as it is now, for tests that rewind a broker. Messages are shared: they are frozen.
func (s *Stream) Clone() *Stream {
	c := *s
	c.history, c.keys = s.history.clone(), s.keys.clone()
	return &c
}
