package memory

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// open returns the channel of a name, made where there is none, with its lock held.
func (b *Broker) open(ctx context.Context, name protocol.Channel, now time.Time) (*channel, error) {
	if ctx.Err() != nil {
		return nil, errTimeout
	}
	s := &b.shards[maphash.String(b.seed, string(name))%shards]
	for {
		s.mu.RLock()
		ch, closed := s.channels[name], s.closed
		s.mu.RUnlock()
		if closed {
			return nil, errClosed
		}
		if ch == nil {
			var err error
			if ch, err = b.make(s, name, now); err != nil {
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

func (b *Broker) make(s *shard, name protocol.Channel, now time.Time) (*channel, error) {
	if !b.reserve(now) {
		return nil, errFull
	}
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
		return nil, errClosed
	case ch != nil: // another was faster
		b.channels.Add(-1)
		return ch, nil
	}
	ch = &channel{stream: core.NewStream(name, b.epoch(), cfg), used: now.Unix()}
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
		b.forget(&b.shards[i], now, 0)
		if b.channels.Load() <= int64(b.cfg.MaxChannels)*15/16 {
			return
		}
	}
}

// sweep drops what is over its time in the n-th part of the table.
func (b *Broker) sweep(n uint64) { b.forget(&b.shards[n%shards], b.cfg.Now(), b.cfg.Remember) }

// forget removes the shard's channels that are idle and were not used for a time, and trims the others.
func (b *Broker) forget(s *shard, now time.Time, unused time.Duration) {
	before := now.Add(-unused).Unix()
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, ch := range s.channels {
		ch.mu.Lock()
		if ch.stream.Idle(now) && len(ch.sinks) == 0 && ch.used <= before {
			ch.deleted = true
			_, _, _, forgotten := ch.stream.Holds()
			b.forgotten.Add(forgotten)
			delete(s.channels, name)
			b.channels.Add(-1)
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
