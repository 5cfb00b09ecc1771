package brokertest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"tidings/broker"
	"tidings/protocol"
)

// node is a broker as one of several nodes has it.
type node interface {
	broker.Broker
	broker.Cluster
	broker.Board
	broker.Arbiter
}

func (w *world) node(b broker.Broker) node {
	w.Helper()
	n, ok := b.(node)
	if !ok {
		w.Fatalf("%T has Peer, and is not broker.Cluster, broker.Board and broker.Arbiter", b)
	}
	return n
}

// two returns the node of the fixture, and another one.
func (w *world) two() (here, there node) {
	w.Helper()
	return w.node(w.Broker), w.node(w.Peer())
}

const longLease = time.Minute

func (w *world) enter(n node, as broker.Node, lease time.Duration) {
	w.Helper()
	if err := n.Enter(w.ctx, as, lease); err != nil {
		w.Fatalf("enter %s: %v", as.ID, err)
	}
}

func (w *world) wantNodes(what string, by node, want ...broker.Node) {
	w.Helper()
	got, err := by.Nodes(w.ctx)
	if err != nil {
		w.Fatalf("%s: nodes: %v", what, err)
	}
	if !slices.EqualFunc(got, want, sameNode) {
		w.Fatalf("%s: nodes are %+v, want %+v", what, got, want)
	}
}

func sameNode(a, b broker.Node) bool {
	ok := maps.Equal(a.Settings, b.Settings)
	a.Settings, b.Settings = nil, nil
	return ok && a.ID == b.ID && a.URL == b.URL && a.Version == b.Version && a.Since == b.Since && a.Draining == b.Draining &&
		a.WebSocket == b.WebSocket && a.SSE == b.SSE && a.Poll == b.Poll && a.Parked == b.Parked && a.Channels == b.Channels &&
		a.Accepts == b.Accepts && a.LagMS == b.LagMS
}

func nodesListed(w *world) {
	here, there := w.two()
	defer there.Close()
	a := broker.Node{ID: "Zk3Jd02a", URL: "https://10.0.3.7:8080", Version: "1.2", Since: 1795268400000, WebSocket: 1, SSE: 2, Poll: 3, Parked: 4, Channels: 5, Accepts: 6, LagMS: 7, Settings: map[string]string{"rules": "b41c"}}
	b := broker.Node{ID: "-_k3Jd0a"}
	w.wantNodes("before anybody entered", here)
	w.enter(here, a, longLease)
	w.enter(there, b, longLease)
	for _, by := range []node{here, there} {
		w.wantNodes("both entered", by, b, a)
	}
	a.Draining, a.WebSocket, a.Settings = true, 0, map[string]string{"rules": "0000", "keys": "1"}
	w.enter(here, a, longLease)
	w.wantNodes("one has changed", there, b, a)
	if err := there.Leave(w.ctx); err != nil {
		w.Fatalf("leave: %v", err)
	}
	w.wantNodes("one has left", here, a)
	w.enter(there, b, longLease)
	w.wantNodes("it is there again", here, b, a)
	there.Close()
	w.wantNodes("its broker is closed", here, a)
}

func nodesExpire(w *world) {
	here, there := w.two()
	defer there.Close()
	a, b := broker.Node{ID: "AAAAAAAA"}, broker.Node{ID: "BBBBBBBB"}
	w.enter(here, a, longLease)
	w.enter(there, b, time.Second)
	w.wantNodes("both entered", here, a, b)
	w.Wait(1500 * time.Millisecond)
	w.wantNodes("one was silent", here, a)
	w.enter(there, b, longLease)
	w.wantNodes("it reported again", here, a, b)
}

// killed checks that nothing of a node outlives it for longer than its lease, and that what others reported stays.
func killed(w *world) {
	here, there := w.two()
	w.enter(here, broker.Node{ID: "AAAAAAAA"}, longLease)
	w.enter(there, broker.Node{ID: "BBBBBBBB"}, w.Lease)
	r, reaches := w.Broker.(broker.Reach)
	if reaches {
		w.heard(r, channel, 2)
		w.heard(there.(broker.Reach), channel, 5)
	}
	var heard *crowd
	if !w.NoPresence {
		heard = w.watch(w.presence(), channel)
		w.attend([]protocol.Member{user(1)}, nil)
		if err := there.(broker.Presence).Attend(w.ctx, channel, []protocol.Member{user(1), user(2)}, nil); err != nil {
			w.Fatalf("attend: %v", err)
		}
		heard.until(w.ctx, 2)
	}
	third := w.node(w.Peer())
	defer third.Close()
	w.Kill(there)
	w.Wait(w.Lease + 500*time.Millisecond)
	w.wantNodes("after the lease of the node that was killed", here, broker.Node{ID: "AAAAAAAA"})
	if !w.NoPresence {
		if got := heard.until(w.ctx, 1); len(got) == 0 || got[len(got)-1].Count != 1 {
			w.Fatalf("heard %+v, want in the end the one member that is on a node which lives", got)
		}
		w.wantMembers("after the lease of the node that was killed", user(1))
	}
	if reaches {
		w.wantOthers("after a node was killed", third, 2)
	}
}

// wall is a sink that keeps the notes that it was brought.
type wall struct {
	mu      sync.Mutex // guards the rest
	notes   map[string]string
	left    map[string]time.Duration
	changed chan struct{} // closed and replaced with each call
}

func (b *wall) All(notes []broker.Note) {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.notes)
	for _, n := range notes {
		b.put(n)
	}
	b.tell()
}

func (b *wall) Changed(n broker.Note) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(n)
	b.tell()
}

func (b *wall) put(n broker.Note) {
	if n.Value == nil {
		delete(b.notes, n.Key)
		return
	}
	b.notes[n.Key], b.left[n.Key] = string(n.Value), n.Left
}

func (b *wall) tell() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// follows has a node follow a board.
func (w *world) follows(n node, name string) (*wall, func()) {
	w.Helper()
	b := &wall{notes: map[string]string{}, left: map[string]time.Duration{}, changed: make(chan struct{})}
	stop, err := n.Follow(w.ctx, name, b)
	if err != nil {
		w.Fatalf("follow %s: %v", name, err)
	}
	return b, stop
}

// wantNotes waits until a wall has just these notes.
func (w *world) wantNotes(what string, b *wall, want map[string]string) {
	w.Helper()
	for {
		b.mu.Lock()
		got, changed := maps.Clone(b.notes), b.changed
		b.mu.Unlock()
		if maps.Equal(got, want) {
			return
		}
		select {
		case <-changed:
		case <-w.ctx.Done():
			w.Fatalf("%s: notes are %q, want %q", what, got, want)
		}
	}
}

func (w *world) note(n node, board, key string, value []byte, ttl time.Duration) {
	w.Helper()
	if err := n.Note(w.ctx, board, key, value, ttl); err != nil {
		w.Fatalf("note %q: %v", key, err)
	}
}

// odd is a key of bytes that stores treat specially.
const odd = "user\x00{a}*?[b] \\%:.é"

func notes(w *world) {
	here, there := w.two()
	defer there.Close()
	early, _ := w.follows(here, "grants")
	w.wantNotes("an empty board", early, map[string]string{})
	value := []byte{0, 255, '\n'}
	w.note(here, "grants", "a", value, time.Hour)
	copy(value, "xxx")
	w.note(there, "grants", odd, []byte{}, time.Hour)
	want := map[string]string{"a": "\x00\xff\n", odd: ""}
	w.wantNotes("of both nodes", early, want)
	late, _ := w.follows(there, "grants")
	w.wantNotes("to one that follows later", late, want)
	late.mu.Lock()
	if left := late.left["a"]; left <= 50*time.Minute || left > time.Hour {
		w.Fatalf("a note for an hour is good for %s yet", left)
	}
	late.mu.Unlock()
	w.note(there, "grants", "a", []byte("new"), time.Minute)
	w.note(here, "grants", odd, nil, 0)
	w.note(here, "grants", "never there", nil, 0)
	want = map[string]string{"a": "new"}
	for _, b := range []*wall{early, late} {
		w.wantNotes("replaced and taken away", b, want)
	}
	again, _ := w.follows(here, "grants")
	w.wantNotes("to one that follows at the end", again, want)
}

func notesApart(w *world) {
	here, there := w.two()
	defer there.Close()
	one, _ := w.follows(here, "one")
	two, _ := w.follows(there, "two")
	w.note(there, "one", "k", []byte("1"), time.Hour)
	w.note(here, "two", "k", []byte("2"), time.Hour)
	w.note(here, "two", "K", []byte("3"), time.Hour)
	w.wantNotes("the first board", one, map[string]string{"k": "1"})
	w.wantNotes("the second board", two, map[string]string{"k": "2", "K": "3"})
}

func notesExpire(w *world) {
	here, there := w.two()
	defer there.Close()
	w.note(here, "grants", "short", []byte("1"), time.Second)
	w.note(here, "grants", "long", []byte("2"), time.Hour)
	w.note(here, "grants", "renewed", []byte("3"), time.Second)
	w.note(there, "grants", "renewed", []byte("3"), time.Hour)
	w.Wait(1500 * time.Millisecond)
	late, _ := w.follows(there, "grants")
	w.wantNotes("after a second", late, map[string]string{"long": "2", "renewed": "3"})
}

func notesStop(w *world) {
	here, there := w.two()
	defer there.Close()
	gone, stop := w.follows(here, "grants")
	stays, _ := w.follows(here, "grants")
	stop()
	stop() // harmless
	w.note(there, "grants", "k", []byte("1"), time.Hour)
	w.wantNotes("one that still follows", stays, map[string]string{"k": "1"})
	w.wantNotes("one that does not", gone, map[string]string{})
}

func (w *world) swap(what string, n node, key, was, is string, ttl time.Duration, want string) {
	w.Helper()
	bytes := func(s string) []byte {
		if s == "" {
			return nil
		}
		return []byte(s)
	}
	got, err := n.Swap(w.ctx, key, bytes(was), bytes(is), ttl)
	if err != nil || string(got) != want || (got == nil) != (want == "") {
		w.Fatalf("%s: swap of %q for %q: %q, %v, want %q", what, was, is, got, err, want)
	}
}

func swaps(w *world) {
	here, there := w.two()
	defer there.Close()
	w.swap("a key that holds nothing", here, "k", "old", "new", time.Hour, "")
	w.swap("nothing, read", here, "k", "", "", time.Hour, "")
	w.swap("the first", here, "k", "", "\x00one\xff", time.Hour, "\x00one\xff")
	w.swap("read by another node", there, "k", "", "", time.Hour, "\x00one\xff")
	w.swap("too late", there, "k", "", "two", time.Hour, "\x00one\xff")
	w.swap("not what is there", there, "k", "one", "two", time.Hour, "\x00one\xff")
	w.swap("what is there", there, "k", "\x00one\xff", "two", time.Hour, "two")
	w.swap("another key", here, "K", "", "three", time.Hour, "three")
	w.swap("a key of odd bytes", here, odd, "", "four", time.Hour, "four")
	w.swap("taken away, wrongly", here, "k", "one", "", time.Hour, "two")
	w.swap("taken away", here, "k", "two", "", time.Hour, "")
	w.swap("once more the first", there, "k", "", "five", time.Hour, "five")
	long := make([]byte, broker.MaxSwapBytes)
	if got, err := here.Swap(w.ctx, "long", nil, long, time.Hour); err != nil || len(got) != len(long) {
		w.Fatalf("the longest value: %d bytes, %v, want %d", len(got), err, len(long))
	}
}

func swapsParallel(w *world) {
	here, there := w.two()
	defer there.Close()
	nodes := []node{here, there}
	won := make(chan string, 50)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			mine := string(rune('A'+i%26)) + string(rune('a'+i/26))
			if now, err := nodes[i%2].Swap(w.ctx, "k", nil, []byte(mine), time.Hour); err == nil && string(now) == mine {
				won <- mine
			}
		})
	}
	all.Wait()
	if len(won) != 1 {
		w.Fatalf("%d of 50 parallel swaps won, want 1", len(won))
	}
	w.swap("the winner's value", here, "k", "", "", time.Hour, <-won)
}

func swapsExpire(w *world) {
	here, there := w.two()
	defer there.Close()
	w.swap("for a second", here, "k", "", "one", time.Second, "one")
	w.swap("for an hour", here, "stays", "", "one", time.Hour, "one")
	w.swap("renewed", here, "renewed", "", "one", time.Second, "one")
	w.swap("renewed", there, "renewed", "one", "two", time.Hour, "two")
	w.Wait(1500 * time.Millisecond)
	w.swap("its time is over", there, "k", "", "two", time.Hour, "two")
	w.swap("its time is not over", there, "stays", "", "two", time.Hour, "one")
	w.swap("it was renewed", there, "renewed", "", "three", time.Hour, "two")
}

func (w *world) heard(r broker.Reach, ch protocol.Channel, n int) {
	w.Helper()
	if err := r.Heard(w.ctx, ch, n); err != nil {
		w.Fatalf("heard %d: %v", n, err)
	}
}

// wantOthers publishes at a node and checks how many the others have.
func (w *world) wantOthers(what string, by node, want int) {
	w.Helper()
	r, err := by.Publish(w.ctx, number(1))
	if err != nil || r.Others != want {
		w.Fatalf("%s: a publish has %d receivers on other nodes, %v, want %d", what, r.Others, err, want)
	}
}

func reach(w *world) {
	here, there := w.two()
	third := w.node(w.Peer())
	defer third.Close()
	h, ok := w.Broker.(broker.Reach)
	if !ok {
		w.wantOthers("a broker that does not count", here, -1)
		there.Close()
		return
	}
	t := there.(broker.Reach)
	w.wantOthers("nobody", here, 0)
	w.heard(h, channel, 3)
	w.wantOthers("its own do not count", here, 0)
	w.wantOthers("those of one node", there, 3)
	w.heard(t, channel, 10)
	w.heard(t, channel+"x", 100)
	w.heard(t, channel, 4)
	w.wantOthers("counts are replaced", here, 4)
	w.wantOthers("those of two nodes", third, 7)
	w.heard(h, channel, 0)
	w.wantOthers("nobody any more on one", third, 4)
	there.Close()
	w.wantOthers("its node has closed", third, 0)
}

func clusterClosed(w *world) {
	here, there := w.two()
	defer there.Close()
	gone, _ := w.follows(here, "grants")
	w.Broker.Close()
	w.wantCode("enter", here.Enter(w.ctx, broker.Node{ID: "AAAAAAAA"}, longLease), protocol.CodeBrokerUnavailable)
	w.wantCode("note", here.Note(w.ctx, "grants", "k", []byte("1"), time.Hour), protocol.CodeBrokerUnavailable)
	_, err := here.Nodes(w.ctx)
	w.wantCode("nodes", err, protocol.CodeBrokerUnavailable)
	_, err = here.Follow(w.ctx, "grants", gone)
	w.wantCode("follow", err, protocol.CodeBrokerUnavailable)
	_, err = here.Swap(w.ctx, "k", nil, []byte("1"), time.Hour)
	w.wantCode("swap", err, protocol.CodeBrokerUnavailable)
	w.note(there, "grants", "k", []byte("1"), time.Hour)
	w.wantNotes("a wall whose node has closed", gone, map[string]string{})
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	refused := []protocol.Code{protocol.CodeTimeout, protocol.CodeBrokerUnavailable}
	w.wantCode("a cancelled note", there.Note(ctx, "grants", "c", []byte("1"), time.Hour), refused...)
	_, err = there.Swap(ctx, "c", nil, []byte("1"), time.Hour)
	w.wantCode("a cancelled swap", err, refused...)
	w.swap("it did nothing", there, "c", "", "two", time.Hour, "two")
}
