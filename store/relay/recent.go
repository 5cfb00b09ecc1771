package relay

import (
	"context"
	"sync"

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
	ask func(ctx context.Context, ch protocol.Channel, limit int) (ids []string, err error) // nil: nobody can be asked

	mu  sync.Mutex                           // guards ids
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

// has reports whether a channel has the message of an id already. It asks for the ids of each channel once.
func (k *recent) has(ctx context.Context, ch protocol.Channel, id string) (bool, error) {
	k.mu.Lock()
	looking := k.ids != nil && k.ask != nil
	ids := k.ids[ch]
	k.mu.Unlock()
	if !looking {
		return false, nil
	}
	if ids == nil {
		list, err := k.ask(ctx, ch, lookBack)
		if err != nil {
			return false, err
		}
		ids = make(map[string]bool, len(list))
		for _, id := range list {
			ids[id] = true
		}
		k.keep(ch, ids)
	}
	return ids[id], nil
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
