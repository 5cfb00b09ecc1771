package memory

import (
	"context"
	"hash/maphash"
	"sync"
	"tidings/broker"
	"tidings/core"
	"tidings/protocol"
	"time"
)

var _ broker.Owned = (*Broker)(nil)

// open returns the channel of a name, made for nobody in particular if there is none, with its lock held.
func (b *Broker) open(ctx context.Context, name protocol.Channel, now time.Time) (*channel, error) {
	if ctx.Err() != nil {
		return nil, errTimeout
	}
	s := &b.shards[maphash.String(b.seed, string(name))%shards]
	for {
		ch, err := s.find(name)
		if err != nil {
			return nil, err
		}
		if ch == nil {
			if !b.reserve(now) {
				return nil, errFull
			}
			if ch, err = b.make(s, name, now, nil); err != nil {
				return nil, err
			}
		}
		ch.mu.Lock()
		if !ch.deleted {
			ch.used = now.Unix()
			return ch, nil
		}
		ch.mu.Unlock() // forgotten between the two locks
	}
}

// Claim implements broker.Owned.
func (b *Broker) Claim(name protocol.Channel, by string) error {
	s := &b.shards[maphash.String(b.seed, string(name))%shards]
	if ch, err := s.find(name); err != nil || ch != nil {
		return err
	}
	of := b.owners.take(by, b.share(by))
	if of == nil {
		b.owners.refused.Add(1)
		return errShare
	}
	if b.channels.Add(1) > int64(b.cfg.MaxChannels) { // to look for space takes too long here
		b.channels.Add(-1)
		b.owners.give(of)
		b.full.Store(true)
		return errFull
	}
	_, err := b.make(s, name, b.cfg.Now(), of)
	return err
}

// share is how many channels an owner may have.
func (b *Broker) share(by string) int {
	half := max(1, b.cfg.MaxChannels/2)
	if by == "" {
		return half
	}
	return min(b.cfg.OwnerChannels, half)
}

// find returns the channel of a name, or nil.
func (s *shard) find(name protocol.Channel) (*channel, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, errClosed
	}
	return s.channels[name], nil
}

// make makes a channel that was reserved, and that owner, if not nil, counts already; both are given back if there is
// one.
func (b *Broker) make(s *shard, name protocol.Channel, now time.Time, of *owner) (*channel, error) {
	cfg := core.DefaultStreamConfig()
	if b.cfg.Stream != nil {
		cfg = b.cfg.Stream(name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.channels[name]
	switch {
	case s.closed:
		b.channels.Add(-1)
		b.owners.give(of)
		return nil, errClosed
	case ch != nil: // another was faster
		b.channels.Add(-1)
		b.owners.give(of)
		return ch, nil
	}
	ch = &channel{stream: core.NewStream(name, b.epoch(), cfg), used: now.Unix(), owner: of}
	s.channels[name] = ch
	return ch, nil
}

// reserve counts one channel more, if need be after forgetting idle ones.
func (b *Broker) reserve(now time.Time) bool {
	if b.channels.Add(1) <= int64(b.cfg.MaxChannels) {
		return true
	}
	b.janitor.hurry(now, b.forgetIdle)
	if b.channels.Load() <= int64(b.cfg.MaxChannels) {
		return true
	}
	b.channels.Add(-1)
	return false
}

// forgetIdle forgets channels that are idle, before their time, until there is room enough for a while.
func (b *Broker) forgetIdle(now time.Time) {
	for i := range b.shards {
		b.forget(&b.shards[i], now, 0, 0)
		if b.channels.Load() <= int64(b.cfg.MaxChannels)*15/16 {
			return
		}
	}
}

// sweep drops what is over its time in the n-th part of the table.
func (b *Broker) sweep(n uint64) {
	if b.full.Swap(false) {
		b.janitor.hurry(b.cfg.Now(), b.forgetIdle)
	}
	b.nodes.sweep(b.cfg.Now(), b.cfg.Lease)
	b.forget(&b.shards[n%shards], b.cfg.Now(), b.cfg.Remember, min(b.cfg.Remember, b.cfg.RememberBrief))
}

// fewMessages is how many a channel may have had in all so that it counts as hardly used.
const fewMessages = 8

// hardlyUsed reports whether the channel is forgotten sooner than others: a client that comes back to it for its few
// messages is told a gap, and is rare.
func (ch *channel) hardlyUsed(name protocol.Channel) bool {
	_, _, reply := name.ReplyParts()
	return reply || ch.stream.Top().Offset <= fewMessages
}

// forget removes the shard's channels that are idle and were not used for a time, a shorter one if they were hardly
// used, and trims the others.
func (b *Broker) forget(s *shard, now time.Time, unused, brief time.Duration) {
	before, briefly := now.Add(-unused).Unix(), now.Add(-brief).Unix()
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, ch := range s.channels {
		ch.mu.Lock()
		if ch.stream.Idle(now) && len(ch.sinks) == 0 && (ch.used <= before || ch.used <= briefly && ch.hardlyUsed(name)) {
			ch.deleted = true
			_, _, _, forgotten := ch.stream.Holds()
			b.forgotten.Add(forgotten)
			delete(s.channels, name)
			b.channels.Add(-1)
			b.gone.Add(1)
			b.owners.give(ch.owner)
		}
		ch.mu.Unlock()
	}
}

// janitor is the goroutine that sweeps, a part of the table at a time.
type janitor struct {
	quit chan struct{}
	done chan struct{}
	once sync.Once

	mu      sync.Mutex // guards hurried; held while one hurries, so that others wait for what it frees
	hurried time.Time
}

func (j *janitor) start(every time.Duration, sweep func(n uint64)) {
	j.quit, j.done = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(j.done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for n := uint64(0); ; n++ {
			select {
			case <-j.quit:
				return
			case <-tick.C:
				sweep(n)
			}
		}
	}()
}

func (j *janitor) stop() {
	j.once.Do(func() { close(j.quit) })
	<-j.done
}

// hurry calls sweep, but once a second at most, so that a flood of new names does not sweep all day.
func (j *janitor) hurry(now time.Time, sweep func(now time.Time)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if d := now.Sub(j.hurried); d >= 0 && d < time.Second {
		return
	}
	j.hurried = now
	sweep(now)
}
