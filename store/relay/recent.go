package relay

import (
	"context"
	"sync"

	"tidings/broker"
	"tidings/core"
	"tidings/protocol"
)

const (
	lookBack    = 256  // newest messages of a channel that a relay looks at when it begins
	maxChannels = 1000 // whose ids are kept at once; above that they are read again
)

// recent is what a relay that begins knows of channels: the one before may have published changes and not marked them.
// A broker forgets keys after five minutes, and clients of gateways drop no message by its id, so what is in a channel
// already is left out.
type recent struct {
	mu  sync.Mutex
	ids map[protocol.Channel]map[string]bool // nil: there is nothing in doubt any more
}

// begin forgets what was known, since another relay may have published meanwhile.
func (k *recent) begin() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ids = map[protocol.Channel]map[string]bool{}
}

// end ends the looking: all changes of the time before have gone by.
func (k *recent) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ids = nil
}

// publish publishes a message, unless it is in its channel already.
func (r *Relay) publish(ctx context.Context, p broker.Publish) error {
	there, err := r.isThere(ctx, p)
	if there || err != nil {
		return err
	}
	return r.cfg.Publish(ctx, p)
}

func (r *Relay) isThere(ctx context.Context, p broker.Publish) (bool, error) {
	r.recent.mu.Lock()
	looking := r.recent.ids != nil && r.cfg.Recent != nil
	ids := r.recent.ids[p.Channel]
	r.recent.mu.Unlock()
	if !looking {
		return false, nil
	}
	if ids == nil {
		list, err := r.cfg.Recent(ctx, p.Channel, lookBack)
		if err != nil {
			return false, err
		}
		ids = make(map[string]bool, len(list))
		for _, id := range list {
			ids[id] = true
		}
		r.recent.keep(p.Channel, ids)
	}
	return ids[core.KeyedID(p.Principal, p.Channel, p.IdempotencyKey)], nil
}

func (k *recent) keep(ch protocol.Channel, ids map[string]bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ids == nil {
		return
	}
	if len(k.ids) >= maxChannels {
		clear(k.ids)
	}
	k.ids[ch] = ids
}
