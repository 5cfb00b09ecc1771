package transports

import (
	"sync"

	"tidings/core"
)

// directory finds the link of a connection that speaks by POST /bus/send, so that what it says there counts as a sign of life.
type directory struct {
	mu    sync.Mutex // guards links
	links map[*core.Outbox]listener
}

type listener interface{ touch() }

func (d *directory) add(o *core.Outbox, l listener) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.links == nil {
		d.links = make(map[*core.Outbox]listener)
	}
	d.links[o] = l
}

// remove forgets l, unless another link took its place.
func (d *directory) remove(o *core.Outbox, l listener) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.links[o] == l {
		delete(d.links, o)
	}
}

func (d *directory) touch(o *core.Outbox) {
	d.mu.Lock()
	l := d.links[o]
	d.mu.Unlock()
	if l != nil {
		l.touch()
	}
}
