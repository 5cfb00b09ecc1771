package killtest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/store"
)

// town is the broker of all processes: it hears what each of them publishes. Like every broker it remembers keys. What
// it hears it holds against what must be so.
type town struct {
	open  Open
	place string

	mu        sync.Mutex // guards what follows
	keys      map[string]bool
	documents map[string]string          // by channel and id, as the messages have it
	published map[string]map[uint64]bool // changes by channel
	waiting   map[uint64]bool            // versions that were answered and not yet published in both channels
	faults    []string
	again     int // messages that came again, with their key
	news      chan struct{}

	answers  int    // writes that were answered
	answered func() // is called after each
	unknown  int    // changes of writes that were not answered
}

func newTown(open Open, place string) *town {
	return &town{open: open, place: place, keys: map[string]bool{}, documents: map[string]string{}, published: map[string]map[uint64]bool{}, waiting: map[uint64]bool{}, news: make(chan struct{}, 1)}
}

// hear reads what a process prints until it ends.
func (o *town) hear(t *testing.T, v *victim) {
	t.Helper()
	lines := bufio.NewScanner(v.out)
	for lines.Scan() {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Errorf("it prints %q: %v", lines.Text(), err)
		} else if l.Answered != 0 {
			o.answer(l.Answered)
		} else {
			o.publish(l.message)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

func (o *town) fault(format string, args ...any) {
	o.faults = append(o.faults, fmt.Sprintf(format, args...))
}

func (o *town) answer(version uint64) {
	o.mu.Lock()
	o.answers++
	o.waiting[version] = true
	o.mu.Unlock()
	if o.answered != nil {
		o.answered()
	}
}

// publish notes a message, unless it was there before. The messages of a document follow each other: what one has as
// the content before is what the last one had.
func (o *town) publish(m message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := m.Channel + " " + m.Key
	if o.keys[key] {
		o.again++
		return
	}
	o.keys[key] = true
	if o.published[m.Channel] == nil {
		o.published[m.Channel] = map[uint64]bool{}
	}
	if o.published[m.Channel][m.Change] {
		o.fault("change %d is twice in %s, with two keys", m.Change, m.Channel)
	}
	o.published[m.Channel][m.Change] = true
	var d struct {
		ID string `json:"_id"`
	}
	if json.Unmarshal(m.Data, &d) != nil || d.ID == "" {
		o.fault("a message has %s", m.Data)
	}
	at := m.Channel + " " + d.ID
	before, after := string(m.Before), string(m.Data)
	if strings.HasSuffix(m.Event, string(store.Removed)) { // in the routed channel the collection stands before it
		before, after = after, ""
	}
	if o.documents[at] != before {
		o.fault("in %s was %q, and change %d (%s) is of %q", at, o.documents[at], m.Change, m.Event, before)
	}
	o.documents[at] = after
	select {
	case o.news <- struct{}{}:
	default:
	}
}

// write writes to a store of this process until stop is called.
func (o *town) write(t *testing.T, s store.Store) (done <-chan struct{}, stop func()) {
	ctx, stop := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			if err := writeOn(ctx, s, w, o.answer); err != nil && ctx.Err() == nil {
				t.Errorf("a write: %v", err)
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		group.Wait()
		close(ended)
	}()
	return ended, stop
}

// check opens the store as the next process does, publishes what is left, and compares: what was answered is published,
// and the documents are what the messages made of them.
func (o *town) check(t *testing.T) {
	t.Helper()
	s, err := o.open(o.place, never)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, stop := context.WithCancel(context.Background())
	relayed := make(chan struct{})
	r := newRelay(s, never, o.publish)
	go func() {
		defer close(relayed)
		r.Run(ctx)
	}()
	// What a client that was killed, or that gave up, had sent may be committed a little later, and is then published
	// like all else. What is lost is not there at the last look either.
	var differ []string
	for look := 0; look == 0 || len(differ) > 0 && look < 10; look++ {
		if look > 0 {
			<-time.After(200 * time.Millisecond)
		}
		for w := range 2 { // the last change of each collection comes behind all others
			o.waitFor(t, o.last(t, s, collectionOf(w)))
		}
		differ = o.compare(t, s)
	}
	stop()
	<-relayed
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, fault := range append(differ, o.faults...) {
		t.Error(fault)
	}
	o.faults = nil
}

func (o *town) last(t *testing.T, s store.Store, c store.Collection) uint64 {
	t.Helper()
	results, err := s.Write(context.Background(), store.Write{Collection: c, Ops: []store.Op{{Action: store.Put, ID: "last of " + c.Name, Content: []byte(`{}`)}}})
	if err != nil || results[0].Fault != nil {
		t.Fatal(err, results)
	}
	return results[0].Version
}

// waitFor waits until a change is published in both channels.
func (o *town) waitFor(t *testing.T, change uint64) {
	t.Helper()
	late := time.After(2 * time.Minute)
	for {
		o.mu.Lock()
		n := 0
		for _, numbers := range o.published {
			if numbers[change] {
				n++
			}
		}
		o.mu.Unlock()
		if n == 2 {
			return
		}
		select {
		case <-o.news:
		case <-late:
			t.Fatalf("change %d is in %d channels after two minutes, and belongs in 2", change, n)
		}
	}
}

// compare returns how the documents differ from what the messages made of them.
func (o *town) compare(t *testing.T, s store.Store) (differ []string) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.unknown = len(o.published[routed]) - o.answers
	for version := range o.waiting {
		n := 0
		for _, numbers := range o.published {
			if numbers[version] {
				n++
			}
		}
		if n != 2 {
			t.Errorf("version %d was answered, and is published in %d channels instead of 2", version, n)
		}
	}
	clear(o.waiting)
	for w := range 2 {
		c := collectionOf(w)
		there := map[string]string{}
		page, err := s.Search(context.Background(), c, store.Query{Limit: store.MaxLimit})
		if err != nil || page.Next != "" {
			t.Fatalf("%d documents, and more: %v", len(page.Documents), err)
		}
		for _, d := range page.Documents {
			there[d.ID] = string(d.JSON)
		}
		for _, channel := range []string{string(c.Channel()), routed} {
			for writer := w; writer < writers; writer += 2 {
				for n := range each {
					id := fmt.Sprintf("%d-%d", writer, n)
					if got := o.documents[channel+" "+id]; got != there[id] {
						differ = append(differ, fmt.Sprintf("document %s is %q, and by the messages of %s %q", id, there[id], channel, got))
					}
				}
			}
		}
	}
	return differ
}

// sum prints what happened.
func (o *town) sum(t *testing.T) {
	t.Logf("%d writes answered, there and published; %d more changes, of removals and of writes that were not answered yet; %d messages were published again, with their keys", o.answers, o.unknown, o.again)
	if o.answers == 0 {
		t.Error("nothing was written")
	}
}
