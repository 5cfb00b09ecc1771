package brokertest

import (
	"maps"
	"sync"
	"time"

	"tidings/broker"
)

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
