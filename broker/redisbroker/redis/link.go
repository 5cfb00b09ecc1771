package redis

import (
	"context"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// link is one connection of a lane.
type link struct {
	client rueidis.DedicatedClient
	runID  string
	broken <-chan error
	stop   chan struct{} // closed if it is to be given up
	once   sync.Once
}

func (k *link) giveUp() { k.once.Do(func() { close(k.stop) }) }

// Pause waits, and reports whether ctx is not over.
func Pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
