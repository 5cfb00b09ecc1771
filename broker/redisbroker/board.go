package redisbroker

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"tidings/broker"
	"tidings/broker/redisbroker/redis"
	"tidings/protocol"
)

func (b *Broker) boardKeys(name string) (p int, board, stream string) {
	p = b.layout.Partition(protocol.Channel(name))
	return p, b.layout.Tag(p) + "b:" + name, b.layout.Tag(p) + "%" + name
}

// Note keeps a note and sends it on, in one script.
func (b *Broker) Note(ctx context.Context, name, key string, value []byte, ttl time.Duration) error {
	if err := b.ready(ctx); err != nil {
		return err
	}
	if value == nil || ttl < 0 {
		ttl = 0
	}
	p, board, stream := b.boardKeys(name)
	if _, _, err := b.servers.Do(ctx, redis.Note, p, []string{board, stream}, []string{redis.Millis(ttl), key, string(value)}); err != nil {
		return b.writeFailed(err)
	}
	return nil
}

// Follow hears a board's changes first, and then reads it, so that nothing is between the two.
func (b *Broker) Follow(ctx context.Context, name string, sink broker.BoardSink) (stop func(), err error) {
	if err := b.ready(ctx); err != nil {
		return nil, err
	}
	f := &follower{b: b, name: name, sink: sink}
	f.ctx, f.cancel = context.WithCancel(b.life)
	p, _, stream := b.boardKeys(name)
	end, err := b.hear(ctx, p, stream, readNote, &redis.Listener{Bring: func(v any) { f.take(v.(change)) }, Interrupted: f.again})
	if err == nil {
		if err = f.read(ctx); err != nil {
			end()
		}
	}
	if err != nil {
		f.cancel()
		return nil, err
	}
	return sync.OnceFunc(func() {
		end()
		f.cancel()
		f.mu.Lock() // what is being brought is over
		defer f.mu.Unlock()
		f.over = true
	}), nil
}

// follower is one call of Follow. Changes that come while the board is read wait.
type follower struct {
	b      *Broker
	name   string
	ctx    context.Context
	cancel func()

	mu      sync.Mutex // guards the rest, and calls of sink
	sink    broker.BoardSink
	known   bool   // the board was read, and no change is missing since
	version uint64 // of the last change
	waiting []change
	reading bool
	over    bool
}

// change is a note as the script sends it on.
type change struct {
	version uint64
	note    broker.Note
}

// mostWaiting is how many changes wait; more are read with the board again.
const mostWaiting = 1024

func (f *follower) take(c change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.over:
	case !f.known:
		if len(f.waiting) == mostWaiting {
			f.waiting = nil // the read that follows has them
		}
		f.waiting = append(f.waiting, c)
		f.readSoon()
	default:
		f.put(c)
	}
}

func (f *follower) put(c change) {
	switch {
	case c.version <= f.version: // it was read with the board
	case c.version > f.version+1:
		f.known = false
		f.readSoon()
	default:
		f.version = c.version
		f.sink.Changed(c.note)
	}
}

// again is called if changes may be missing.
func (f *follower) again() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known, f.waiting = false, nil
	f.readSoon()
}

// readSoon reads the board, and tries until that works. The first read is Follow's.
func (f *follower) readSoon() {
	if f.reading || f.over {
		return
	}
	f.reading = true
	go func() {
		for {
			ctx, cancel := context.WithTimeout(f.ctx, flightTime)
			err := f.read(ctx)
			cancel()
			if err == nil || !redis.Pause(f.ctx, time.Second) {
				return
			}
		}
	}()
}

func (f *follower) read(ctx context.Context) error {
	f.mu.Lock()
	f.reading = true
	f.mu.Unlock()
	p, board, _ := f.b.boardKeys(f.name)
	resp, _, err := f.b.servers.Do(ctx, redis.Board, p, []string{board}, nil)
	if err != nil {
		return f.b.readFailed(err)
	}
	answer, err := resp.AsStrSlice()
	if err != nil || len(answer)%3 != 1 {
		return f.b.readFailed(err)
	}
	notes := []broker.Note{}
	for i := 1; i+2 < len(answer); i += 3 {
		ms, _ := strconv.ParseInt(answer[i+1], 10, 64)
		notes = append(notes, broker.Note{Key: answer[i], Left: time.Duration(ms) * time.Millisecond, Value: []byte(answer[i+2])})
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reading = false
	if f.over || f.ctx.Err() != nil {
		return nil
	}
	f.version, _ = strconv.ParseUint(answer[0], 10, 64)
	f.known = true
	f.sink.All(notes)
	waiting := f.waiting
	f.waiting = nil
	for _, c := range waiting {
		f.put(c)
	}
	return nil
}

// readNote reads what the script sends on: version, life, length of the key, key and value.
func readNote(text string) (any, bool) {
	version, rest, _ := strings.Cut(text, " ")
	life, rest, _ := strings.Cut(rest, " ")
	length, rest, found := strings.Cut(rest, ":")
	v, bad := strconv.ParseUint(version, 10, 64)
	ms, bad2 := strconv.ParseInt(life, 10, 64)
	n, bad3 := strconv.Atoi(length)
	if !found || bad != nil || bad2 != nil || bad3 != nil || n < 0 || n > len(rest) {
		return nil, false
	}
	c := change{version: v, note: broker.Note{Key: rest[:n]}}
	if ms > 0 {
		c.note.Value, c.note.Left = []byte(rest[n:]), time.Duration(ms)*time.Millisecond
	}
	return c, true
}
