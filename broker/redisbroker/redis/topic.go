package redis

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Listener hears a topic. It has an identity of its own.
type Listener struct {
	Bring       func(any) // what the topic's read function has made of a text
	Interrupted func()    // something may be missing
}

// topic is a sharded channel of Redis, and those who hear it on this node.
type topic struct {
	name string
	read func(text string) (any, bool)

	turn    chan struct{} // full while somebody subscribes or unsubscribes the topic
	of      *link         // under turn: the connection on which Redis has confirmed
	leaving atomic.Bool   // it is being unsubscribed

	mu        sync.Mutex // guards the rest; held while listeners are called, so that one who stops waits for the message in hand
	listeners []*Listener
	idle      time.Time // since when there are none
	gone      bool      // no longer in the lane's table: look again
}

func newTopic(name string, read func(string) (any, bool)) *topic {
	return &topic{name: name, read: read, turn: make(chan struct{}, 1), idle: time.Now()}
}

// take waits until nobody else subscribes or unsubscribes the topic.
func (t *topic) take(ctx context.Context) error {
	select {
	case t.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ErrGivenUp
	}
}

func (t *topic) give() { <-t.turn }

// join adds a listener, unless the topic is gone.
func (t *topic) join(l *Listener) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone {
		return false
	}
	t.listeners = append(t.listeners, l)
	return true
}

// leave takes a listener away. It waits for what is being brought.
func (t *topic) leave(l *Listener) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.listeners)
	t.listeners = slices.DeleteFunc(t.listeners, func(o *Listener) bool { return o == l })
	if n > 0 && len(t.listeners) == 0 {
		t.idle = time.Now()
	}
}

// close marks the topic as gone, if nobody hears it or in any case, and reports whether it is.
func (t *topic) close(anyway bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.listeners) == 0 || anyway {
		t.listeners, t.gone = nil, true
	}
	return t.gone
}

// bring passes what came to the listeners. It runs in the connection's loop.
func (t *topic) bring(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.listeners) == 0 {
		return
	}
	value, ok := t.read(text)
	for _, l := range t.listeners {
		if ok {
			l.Bring(value)
		} else {
			l.Interrupted() // what came is not understood: they read it from history
		}
	}
}

func (t *topic) interrupted() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.listeners {
		l.Interrupted()
	}
}

// forsaken reports whether nobody has heard the topic for a time.
func (t *topic) forsaken(linger time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.listeners) == 0 && time.Since(t.idle) >= linger
}
