// Package memory is the broker of a single node: it numbers and keeps all messages in its own memory, which dies with
// the process. A restart is a new incarnation, so that clients are told a gap. Several nodes of one process can share
// it, as they would a broker across the network: see Node.
package memory

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tidings/broker"
	"tidings/core"
	"tidings/protocol"
)

var (
	_ broker.Broker  = (*Broker)(nil)
	_ broker.Checked = (*Broker)(nil)
)

// Broker is a broker.Broker in memory.
type Broker struct {
	cfg         Config
	seed        maphash.Seed
	incarnation string
	stride      uint64 // odd; spreads the nonces of channels
	made        atomic.Uint64
	channels    atomic.Int64
	gone        atomic.Uint64 // channels that were forgotten
	forgotten   atomic.Uint64 // idempotency keys of channels that are no more, before their time
	owners      owners
	full        atomic.Bool // a Claim found no space: the janitor looks for some
	shards      [shards]shard
	presence    [presenceShards]presence
	nodes       nodes // of those that share it
	janitor     janitor
}

// shard is a part of the table of channels.
type shard struct {
	mu       sync.RWMutex // guards the rest; taken before a channel's, never after
	channels map[protocol.Channel]*channel
	closed   bool
}

// channel is a stream and those who hear it.
type channel struct {
	mu      sync.Mutex // guards the rest; held for the atomic step, so that sinks get messages in order
	stream  *core.Stream
	sinks   []*subscription
	used    int64  // when it was last used, in Unix seconds
	owner   *owner // who counts for it; nil for nobody. It does not change
	deleted bool   // no longer in the table: look again
}

// subscription is one call of Subscribe, with an identity of its own, also where two share a sink.
type subscription struct{ sink broker.Sink }

// New starts a broker. It panics where cfg does not validate. Close it to end its goroutine.
func New(cfg Config) *Broker {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	b := &Broker{
		cfg: cfg, seed: maphash.MakeSeed(), stride: cfg.Random() | 1,
		incarnation: string(core.AppendWord(nil, cfg.Random(), 8)),
	}
	for i := range b.shards {
		b.shards[i].channels = map[protocol.Channel]*channel{}
	}
	for i := range b.presence {
		b.presence[i].part = i
	}
	b.janitor.start(cfg.Sweep/shards, b.sweep)
	return b
}

// epoch is new for every channel made: 48 bits of the incarnation, and 36 that no other channel of it has, until 2^36
// were made.
func (b *Broker) epoch() string {
	return b.incarnation + string(core.AppendWord(nil, b.made.Add(1)*b.stride, 6))
}

// CheckEvery is long: a publish calls the sinks itself, so that they miss nothing, not even a last message.
func (b *Broker) CheckEvery() time.Duration { return 5 * time.Minute }

// Publish does its step under the channel's lock and gives the message to the sinks before it returns.
func (b *Broker) Publish(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
	now := b.cfg.Now()
	e := core.Entry{
		Data: slices.Clone(p.Data), Event: p.Event, SpreadMS: p.SpreadMS, Trace: p.Trace, Volatile: p.Volatile, Key: p.IdempotencyKey, Principal: p.Principal, Exclude: p.Exclude, Last: p.Last,
		Extra: p.Extra.Clone(),
	}
	wall := b.cfg.Wall()
	e.TimeMS = wall.UnixMilli()
	e.ID, e.Tag = b.draw(wall)
	if p.IdempotencyKey != "" {
		e.ID = core.KeyedID(p.Principal, p.Channel, p.IdempotencyKey)
	}
	ch, err := b.open(ctx, p.Channel, now)
	if err != nil {
		return broker.Receipt{}, err
	}
	defer ch.mu.Unlock()
	m, dup, err := ch.stream.Append(now, e)
	if err != nil {
		return broker.Receipt{}, err
	}
	if !dup {
		for _, s := range ch.sinks {
			s.sink.Message(m)
		}
	}
	return broker.Receipt{Position: m.Position(), ID: m.ID, Duplicate: dup}, nil
}

// draw makes an id and a tag, in one allocation.
func (b *Broker) draw(now time.Time) (id, tag string) {
	r := b.cfg.Random()
	var room [32]byte
	s := string(core.AppendTag(core.AppendID(room[:0], now, b.cfg.Random(), r), r>>16))
	return s[:26], s[26:]
}

// History reads what the channel keeps.
func (b *Broker) History(ctx context.Context, name protocol.Channel, after protocol.Position, limit int) (core.Page, error) {
	now := b.cfg.Now()
	ch, err := b.open(ctx, name, now)
	if err != nil {
		return core.Page{}, err
	}
	defer ch.mu.Unlock()
	return ch.stream.After(now, after, limit), nil
}

// Last reads the newest messages.
func (b *Broker) Last(ctx context.Context, name protocol.Channel, limit int) (core.Page, error) {
	now := b.cfg.Now()
	ch, err := b.open(ctx, name, now)
	if err != nil {
		return core.Page{}, err
	}
	defer ch.mu.Unlock()
	return ch.stream.Last(now, limit), nil
}

// Subscribe brings what is published from now on to sink, on the publisher's goroutine. stop waits for a message that
// is being handed out; it must not be called from the sink.
func (b *Broker) Subscribe(ctx context.Context, name protocol.Channel, sink broker.Sink) (stop func(), err error) {
	ch, err := b.open(ctx, name, b.cfg.Now())
	if err != nil {
		return nil, err
	}
	defer ch.mu.Unlock()
	s := &subscription{sink}
	ch.sinks = append(ch.sinks, s)
	return func() { b.stop(ch, s) }, nil
}

func (b *Broker) stop(ch *channel, s *subscription) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.sinks = slices.DeleteFunc(ch.sinks, func(t *subscription) bool { return t == s })
	ch.used = b.cfg.Now().Unix()
}

// Ping reports whether the broker is open.
func (b *Broker) Ping(ctx context.Context) error {
	if ctx.Err() != nil {
		return errTimeout
	}
	s := &b.shards[0]
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return errClosed
	}
	return nil
}

// Close ends all subscriptions and forgets everything.
func (b *Broker) Close() error {
	for i := range b.shards {
		b.shards[i].close()
	}
	for i := range b.presence {
		b.presence[i].close()
	}
	b.janitor.stop()
	return nil
}

func (s *shard) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, ch := range s.channels {
		ch.mu.Lock()
		ch.deleted, ch.sinks = true, nil
		ch.mu.Unlock()
	}
	s.channels = nil
}

var (
	errClosed  = &protocol.Error{Code: protocol.CodeBrokerUnavailable, Reason: "the broker is closed", Hint: "The server is going down: try again later."}
	errTimeout = &protocol.Error{Code: protocol.CodeTimeout, Reason: "the request was given up before the broker took it", Hint: "Try again; repeat a publish with its idempotency key."}
	errFull    = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "the broker keeps as many channels as it may", Hint: "Try again later, or raise limits.channels."}
)
