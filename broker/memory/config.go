package memory

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"tidings/broker"
	"tidings/core"
	"tidings/protocol"
)

// shards is how many parts the table of channels is cut into, so that few meet at one lock, and a sweep holds one for a
// millisecond at most.
const shards = 256

// Config is what a Broker may keep. Start from DefaultConfig.
type Config struct {
	// Stream returns the bounds of a channel, asked once when the channel is made. Nil means core.DefaultStreamConfig
	// for all. It must be safe for concurrent use; a value that does not validate is a bug of the caller.
	Stream func(protocol.Channel) core.StreamConfig

	// MaxChannels is how many channels are kept at once, 1,000,000 by default. When they are too many, those that are
	// idle are forgotten before their time; when none is, a new channel is refused with CodeOverloaded.
	MaxChannels int

	// OwnerChannels is how many of them one owner may have made (Claim), 10,000 by default. Anonymous clients whose
	// address is unknown are one owner together, and may have half of MaxChannels; nobody may have more.
	OwnerChannels int

	// Remember is how long a channel that nobody uses, with nothing left in its history, keeps its position, so that a
	// client that was away for longer than its history, and missed nothing, gets no gap. 30 days by default; about 550
	// bytes each.
	Remember time.Duration

	// RememberBrief is the same for a channel that was hardly used: for a reply channel, and for one that never had
	// more than 8 messages. 6 hours by default; never longer than Remember.
	RememberBrief time.Duration

	// Sweep is how long the broker takes for one round over all channels, in which it drops what is over its time. One
	// minute by default; a read never gives such messages, swept or not.
	Sweep time.Duration

	// Lease is how long the reports of a node that was killed hold (Node.Kill). broker.Lease by default.
	Lease time.Duration

	// Now is the clock that counts ages. By default it is one that a change of the wall clock does not touch, so that
	// such a change neither expires history and idempotency keys nor keeps them.
	Now func() time.Time

	// Wall is the clock whose time messages tell, time.Now by default.
	Wall func() time.Time

	// Random draws 64 random bits, by default from math/rand/v2's generator, which is seeded by the system. It must be
	// safe for concurrent use.
	Random func() uint64
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Stream:        func(ch protocol.Channel) core.StreamConfig { return core.DefaultStreamConfig().For(ch, time.Now()) },
		MaxChannels:   1_000_000,
		OwnerChannels: 10_000,
		Remember:      30 * 24 * time.Hour,
		RememberBrief: 6 * time.Hour,
		Sweep:         time.Minute,
		Lease:         broker.Lease,
		Now:           steady(),
		Wall:          time.Now,
		Random:        rand.Uint64,
	}
}

// steady returns a clock that goes on from now by the monotonic clock.
func steady() func() time.Time {
	start := time.Now()
	return func() time.Time { return start.Add(time.Since(start)) }
}

// Validate returns the first field that is out of its range.
func (c Config) Validate() error {
	switch {
	case c.MaxChannels < 1:
		return fmt.Errorf("memory: MaxChannels is %d: give at least 1", c.MaxChannels)
	case c.OwnerChannels < 1:
		return fmt.Errorf("memory: OwnerChannels is %d: give at least 1", c.OwnerChannels)
	case c.Remember < 0:
		return fmt.Errorf("memory: Remember is %s: give 0 or a positive duration", c.Remember)
	case c.RememberBrief < 0:
		return fmt.Errorf("memory: RememberBrief is %s: give 0 or a positive duration", c.RememberBrief)
	case c.Sweep < shards*time.Millisecond:
		return fmt.Errorf("memory: Sweep is %s: give at least %s", c.Sweep, shards*time.Millisecond)
	case c.Lease < 0:
		return fmt.Errorf("memory: Lease is %s: give 0 or a positive duration", c.Lease)
	case c.Now == nil:
		return errors.New("memory: Now is nil: give a clock, such as time.Now")
	case c.Wall == nil:
		return errors.New("memory: Wall is nil: give a clock, such as time.Now")
	case c.Random == nil:
		return errors.New("memory: Random is nil: give a source, such as math/rand/v2's Uint64")
	}
	return nil
}
