package relay

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"tidings/store"
	"tidings/store/storetest"
)

// led is a store that several processes publish, of which a test names the one that leads.
type led struct {
	store.Store
	turns chan chan struct{} // each is one time of leading, which ends when it is closed
	asked func()             // called before each reading of changes
}

func (l *led) Lead(ctx context.Context) (<-chan struct{}, error) {
	select {
	case ended := <-l.turns:
		return ended, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *led) Changes(ctx context.Context, after uint64, limit int) ([]store.Change, error) {
	l.asked()
	return l.Store.Changes(ctx, after, limit)
}

// A relay publishes while it leads, and only then; what changed meanwhile comes with its next turn.
func TestLead(t *testing.T) {
	s := openStore(t, filepath.Join(storetest.Folder(t), "d.db"))
	asked := make(chan struct{}, 1000)
	l := &led{Store: s, turns: make(chan chan struct{}), asked: func() { asked <- struct{}{} }}
	o := newTown()
	_, stop := start(l, o)
	defer stop()

	write(t, s, taxis, put("before", `{}`))
	if n := len(asked); n != 0 || o.count() != 0 {
		t.Fatalf("before it leads it reads %d times and publishes %d messages", n, o.count())
	}
	first := make(chan struct{})
	l.turns <- first
	o.wait(t, 1)
	close(first)
	second := make(chan struct{})
	select {
	case l.turns <- second: // it asks to lead again: so the first turn is over
	case <-time.After(time.Minute):
		t.Fatal("it does not stop when its turn ends")
	}
	write(t, s, taxis, put("after", `{}`))
	if list := o.wait(t, 2); len(list) != 2 || string(list[0].Data) == string(list[1].Data) {
		t.Errorf("it published %d messages: %+v", len(list), list)
	}
}
