package brokertest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"tidings/broker"
	"tidings/core"
	"tidings/protocol"
)

func user(i int) protocol.Member { return protocol.Member{User: fmt.Sprintf("u%02d", i)} }

// lasting is a connection that is named as a user is.
var lasting = protocol.Member{Connection: "u01"}

// presence is the broker, as one that keeps presence.
func (w *world) presence() broker.Presence {
	w.Helper()
	p, ok := w.Broker.(broker.Presence)
	if !ok {
		w.Fatalf("%T is no broker.Presence: say NoPresence in the fixture", w.Broker)
	}
	return p
}

func (w *world) attend(joined, left []protocol.Member) {
	w.Helper()
	if err := w.presence().Attend(w.ctx, channel, joined, left); err != nil {
		w.Fatalf("attend: %v", err)
	}
}

func (w *world) members(after protocol.Member, limit int) core.MembersPage {
	w.Helper()
	p, err := w.presence().Members(w.ctx, channel, after, limit)
	if err != nil {
		w.Fatalf("members: %v", err)
	}
	return p
}

// wantMembers checks who is in the channel; want is in order.
func (w *world) wantMembers(what string, want ...protocol.Member) {
	w.Helper()
	if p := w.members(protocol.Member{}, 100); !slices.Equal(p.Members, want) || p.Count != len(want) || p.More {
		w.Fatalf("%s: %v, count %d, more %v; want %v", what, p.Members, p.Count, p.More, want)
	}
}

func (w *world) watch(b broker.Presence, ch protocol.Channel) *crowd {
	w.Helper()
	c := &crowd{changed: make(chan struct{})}
	stop, err := b.Watch(w.ctx, ch, c)
	if err != nil {
		w.Fatalf("watch: %v", err)
	}
	c.stop = stop
	return c
}

// crowd is a sink that keeps the changes that it hears.
type crowd struct {
	stop       func()
	busy       atomic.Bool
	overlapped atomic.Bool

	mu      sync.Mutex // guards the rest
	heard   []core.MembersChange
	changed chan struct{} // closed and replaced with each change
}

func (c *crowd) Interrupted() {}

func (c *crowd) Changed(change core.MembersChange) {
	if !c.busy.CompareAndSwap(false, true) {
		c.overlapped.Store(true)
	}
	c.mu.Lock()
	c.heard = append(c.heard, change)
	close(c.changed)
	c.changed = make(chan struct{})
	c.mu.Unlock()
	c.busy.Store(false)
}

func (c *crowd) now() ([]core.MembersChange, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.heard), c.changed
}

// until returns what was heard when its last change counts so many, or the context is over.
func (c *crowd) until(ctx context.Context, count int) []core.MembersChange {
	for {
		heard, changed := c.now()
		if n := len(heard); n > 0 && heard[n-1].Count == count {
			return heard
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return heard
		}
	}
}

// changes returns what was heard when it is n changes, or the context is over.
func (c *crowd) changes(ctx context.Context, n int) []core.MembersChange {
	for {
		heard, changed := c.now()
		if len(heard) >= n {
			return heard
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return heard
		}
	}
}

// follow applies changes to who is there at a version, and fails if one is missing or contradicts itself.
func (w *world) follow(from core.MembersPage, changes []core.MembersChange) []protocol.Member {
	w.Helper()
	there := map[protocol.Member]bool{}
	for _, m := range from.Members {
		there[m] = true
	}
	version := from.Version
	for _, c := range changes {
		if c.Version <= from.Version {
			continue
		}
		if c.Version != version+1 {
			w.Fatalf("a change of version %d follows version %d", c.Version, version)
		}
		version = c.Version
		for _, m := range c.Joined {
			if there[m] {
				w.Fatalf("%v joined and was there", m)
			}
			there[m] = true
		}
		for _, m := range c.Left {
			if !there[m] {
				w.Fatalf("%v left and was not there", m)
			}
			delete(there, m)
		}
		if c.Count != len(there) {
			w.Fatalf("a change counts %d, want %d", c.Count, len(there))
		}
	}
	var list []protocol.Member
	for m := range there {
		list = append(list, m)
	}
	slices.SortFunc(list, protocol.Member.Compare)
	return list
}

func attending(w *world) {
	w.wantMembers("at first")
	w.attend([]protocol.Member{user(2), lasting, user(1)}, nil)
	w.wantMembers("after three came", lasting, user(1), user(2))
	first := w.members(protocol.Member{}, 2)
	if !slices.Equal(first.Members, []protocol.Member{lasting, user(1)}) || !first.More || first.Count != 3 {
		w.Fatalf("the first page of two: %+v", first)
	}
	if p := w.members(user(1), 2); !slices.Equal(p.Members, []protocol.Member{user(2)}) || p.More || p.Count != 3 {
		w.Fatalf("the page after %v: %+v", user(1), p)
	}
	if p := w.members(protocol.Member{}, 0); len(p.Members) > 0 || p.Count != 3 {
		w.Fatalf("the count alone: %+v", p)
	}
	w.attend([]protocol.Member{user(3)}, []protocol.Member{user(1)})
	w.wantMembers("after one came and one went", lasting, user(2), user(3))
	w.attend(nil, []protocol.Member{lasting, user(2), user(3)})
	w.wantMembers("after all went")
}

func attendingTwice(w *world) {
	w.attend([]protocol.Member{user(1)}, nil)
	heard := w.watch(w.presence(), channel)
	w.attend([]protocol.Member{user(1)}, []protocol.Member{user(7)})
	w.wantMembers("said twice", user(1))
	w.attend(nil, []protocol.Member{user(1)})
	w.wantMembers("gone after it was said twice")
	if got := heard.until(w.ctx, 0); len(got) != 1 || len(got[0].Left) != 1 {
		w.Fatalf("what changed nothing was told: %+v", got)
	}
}

func attendingApart(w *world) {
	other := channel + "x"
	heard := w.watch(w.presence(), other)
	w.attend([]protocol.Member{user(1)}, nil)
	if p, err := w.presence().Members(w.ctx, other, protocol.Member{}, 10); err != nil || p.Count != 0 || len(p.Members) != 0 {
		w.Fatalf("members of another channel: %+v, %v", p, err)
	}
	if err := w.presence().Attend(w.ctx, other, []protocol.Member{user(2)}, nil); err != nil {
		w.Fatalf("attend: %v", err)
	}
	w.wantMembers("the first channel", user(1))
	if got := heard.until(w.ctx, 1); len(got) != 1 || !slices.Equal(got[0].Joined, []protocol.Member{user(2)}) {
		w.Fatalf("the other channel's sink heard %+v", got)
	}
}

func attendingAliased(w *world) {
	heard := w.watch(w.presence(), channel)
	list := []protocol.Member{user(1), user(2)}
	w.attend(list, nil)
	list[0] = user(9)
	w.wantMembers("after the caller changed its list", user(1), user(2))
	got := heard.until(w.ctx, 2)
	if want := []protocol.Member{user(1), user(2)}; !slices.Equal(w.follow(core.MembersPage{}, renumbered(got)), want) {
		w.Fatalf("a change that was told before is another one now: %+v", got)
	}
	p := w.members(protocol.Member{}, 10)
	p.Members[0] = user(9)
	w.wantMembers("after the reader changed its page", user(1), user(2))
}

// renumbered returns changes with versions from 1: a sink that was there at the start has all, whatever the first one's
// number.
func renumbered(list []core.MembersChange) []core.MembersChange {
	list = slices.Clone(list)
	for i := range list {
		list[i].Version = uint64(i + 1)
	}
	return list
}

func watching(w *world) {
	w.attend([]protocol.Member{user(0)}, nil)
	sinks := []*crowd{w.watch(w.presence(), channel), w.watch(w.presence(), channel)}
	from := w.members(protocol.Member{}, 100)
	for i := 1; i <= 40; i++ {
		joined, left := []protocol.Member{user(i), user(i + 50)}, []protocol.Member(nil)
		if i > 3 {
			left = []protocol.Member{user(i - 3)}
		}
		w.attend(joined, left)
	}
	midway := w.members(protocol.Member{}, 100) // register first, read then: the same truth from there
	w.attend([]protocol.Member{user(99)}, nil)
	want := w.members(protocol.Member{}, 100)
	for i, c := range sinks {
		heard := c.until(w.ctx, want.Count)
		if got := w.follow(from, heard); !slices.Equal(got, want.Members) {
			w.Fatalf("sink %d: %v, want %v", i, got, want.Members)
		}
		if got := w.follow(midway, heard); !slices.Equal(got, want.Members) {
			w.Fatalf("sink %d, from what was read in between: %v, want %v", i, got, want.Members)
		}
		if c.overlapped.Load() {
			w.Fatalf("two calls of one sink overlapped")
		}
	}
}

func watchConfirmed(w *world) {
	for i := range 50 {
		ch := protocol.Channel(fmt.Sprintf("%s/%d", channel, i))
		c := w.watch(w.presence(), ch)
		for n := 1; n <= 2; n++ {
			if err := w.presence().Attend(w.ctx, ch, []protocol.Member{user(n)}, nil); err != nil {
				w.Fatalf("attend: %v", err)
			}
		}
		if heard := c.until(w.ctx, 2); len(heard) != 2 {
			w.Fatalf("the sink heard %d changes, want 2", len(heard))
		}
	}
}

func watchStops(w *world) {
	stopped, other := w.watch(w.presence(), channel), w.watch(w.presence(), channel)
	w.attend([]protocol.Member{user(1)}, nil)
	stopped.until(w.ctx, 1)
	stopped.stop()
	stopped.stop() // harmless
	w.attend([]protocol.Member{user(2)}, nil)
	if heard := other.until(w.ctx, 2); len(heard) != 2 {
		w.Fatalf("the other sink heard %d changes, want 2", len(heard))
	}
	if heard, _ := stopped.now(); len(heard) != 1 {
		w.Fatalf("a sink heard %d changes, want the one before its stop", len(heard))
	}
}

func attendingPeers(w *world) {
	peer := w.Peer()
	there := peer.(broker.Presence)
	heard := w.watch(w.presence(), channel)
	w.attend([]protocol.Member{user(1)}, nil)
	if err := there.Attend(w.ctx, channel, []protocol.Member{user(1), user(2)}, nil); err != nil {
		w.Fatalf("attend at the other node: %v", err)
	}
	heard.until(w.ctx, 2)
	w.wantMembers("one on both nodes, one on the other", user(1), user(2))
	w.attend(nil, []protocol.Member{user(1)})
	w.wantMembers("one on the other node is still there", user(1), user(2))
	peer.Close()
	if got := heard.until(w.ctx, 0); len(got) != 3 {
		w.Fatalf("heard %+v, want two that came one by one, and both that went with their node", got)
	}
	w.wantMembers("after the other node closed")
}

// attendingBoth checks that a member leaves once, whichever of its nodes reports it first, and however often.
func attendingBoth(w *world) {
	peer := w.Peer()
	defer peer.Close()
	there := peer.(broker.Presence)
	heard := w.watch(w.presence(), channel)
	for round := range 2 {
		w.attend([]protocol.Member{user(1)}, nil)
		if err := there.Attend(w.ctx, channel, []protocol.Member{user(1)}, nil); err != nil {
			w.Fatalf("attend at the other node: %v", err)
		}
		first, second := w.presence(), there
		if round == 1 {
			first, second = there, w.presence()
		}
		for range 2 {
			if err := first.Attend(w.ctx, channel, nil, []protocol.Member{user(1)}); err != nil {
				w.Fatalf("leave: %v", err)
			}
			w.wantMembers("it left one of two nodes", user(1))
		}
		if err := second.Attend(w.ctx, channel, nil, []protocol.Member{user(1)}); err != nil {
			w.Fatalf("leave: %v", err)
		}
		w.wantMembers("it left both")
	}
	if got := heard.changes(w.ctx, 4); len(got) != 4 {
		w.Fatalf("heard %+v, want two that came and two that left", got)
	}
}

func attendingRestart(w *world) {
	w.attend([]protocol.Member{user(1)}, nil)
	w.Broker = w.Restart()
	w.wantMembers("after the memory was lost")
	w.attend([]protocol.Member{user(2)}, nil)
	w.wantMembers("said anew", user(2))
}

func attendingCancelled(w *world) {
	w.attend([]protocol.Member{user(1)}, nil)
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	refused := []protocol.Code{protocol.CodeTimeout, protocol.CodeBrokerUnavailable}
	w.wantCode("attend", w.presence().Attend(ctx, channel, []protocol.Member{user(2)}, []protocol.Member{user(1)}), refused...)
	_, err := w.presence().Members(ctx, channel, protocol.Member{}, 10)
	w.wantCode("members", err, refused...)
	c := &crowd{changed: make(chan struct{})}
	_, err = w.presence().Watch(ctx, channel, c)
	w.wantCode("watch", err, refused...)
	w.attend([]protocol.Member{user(3)}, nil)
	w.wantMembers("after a cancelled call", user(1), user(3))
	if heard, _ := c.now(); len(heard) > 0 {
		w.Fatalf("a watch that was cancelled heard %+v", heard)
	}
}

func attendingClosed(w *world) {
	c := w.watch(w.presence(), channel)
	w.attend([]protocol.Member{user(1)}, nil)
	c.until(w.ctx, 1)
	if err := w.Broker.Close(); err != nil {
		w.Fatalf("close: %v", err)
	}
	w.wantCode("attend", w.presence().Attend(w.ctx, channel, []protocol.Member{user(2)}, nil), protocol.CodeBrokerUnavailable)
	_, err := w.presence().Members(w.ctx, channel, protocol.Member{}, 10)
	w.wantCode("members", err, protocol.CodeBrokerUnavailable)
	_, err = w.presence().Watch(w.ctx, channel, c)
	w.wantCode("watch", err, protocol.CodeBrokerUnavailable)
	c.stop() // harmless
	if heard, _ := c.now(); len(heard) != 1 {
		w.Fatalf("the sink heard %d changes, want the one before the close", len(heard))
	}
}
