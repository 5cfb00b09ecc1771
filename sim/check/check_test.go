package check

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tidings/protocol"
)

func at(epoch string, offset uint64) protocol.Position {
	if offset == 0 {
		return protocol.Position{Epoch: epoch}
	}
	return protocol.Position{Epoch: epoch, Offset: offset, Tag: fmt.Sprint("t", offset)}
}

func numbered(epoch string, offset uint64, life int) Numbered {
	id := fmt.Sprint(epoch, offset)
	return Numbered{Channel: "a", Position: at(epoch, offset), ID: id, Data: id, Life: life, Key: id, At: time.Duration(offset) * time.Second}
}

func message(epoch string, offset uint64) Event {
	id := fmt.Sprint(epoch, offset)
	return Event{Kind: Message, Position: at(epoch, offset), ID: id, Data: id, At: time.Minute}
}

func subscribed(epoch string, offset uint64) Event {
	return Event{Kind: Subscribed, Position: at(epoch, offset)}
}

func gap(last, from protocol.Position) Event {
	return Event{Kind: Gap, Last: last, Position: from, Reason: "epoch_changed", At: time.Minute}
}

// TestWakes gives each check histories that are whole, and histories that only that check can tell from a whole one.
func TestWakes(t *testing.T) {
	ack := func(epoch string, offset uint64) Ack {
		id := fmt.Sprint(epoch, offset)
		return Ack{Op: id, Channel: "a", Position: at(epoch, offset), ID: id, Data: id}
	}
	other := message("x", 3)
	other.Data = "another"
	twice := numbered("x", 6, 0)
	twice.ID, twice.Key, twice.Data = "x1", "x1", "x1"
	seenAgain := Event{Kind: Message, Position: at("x", 6), ID: "x1", Data: "x1"}
	reborn := numbered("x", 5, 1)
	for _, c := range []struct {
		name   string
		more   []Numbered
		acks   []Ack
		events []Event
		top    protocol.Position
		want   string
	}{
		{name: "whole", events: []Event{subscribed("x", 2), message("x", 3), message("x", 4)}},
		{name: "recovered", events: []Event{subscribed("x", 2), message("x", 3), subscribed("x", 3), message("x", 4)}},
		{name: "gap over an epoch", events: []Event{subscribed("x", 2), gap(at("x", 2), at("y", 0)), subscribed("y", 0), message("y", 1)}, top: at("y", 1)},
		{name: "backwards", events: []Event{subscribed("x", 2), message("x", 4), message("x", 3)}, want: "I1 nonmonotonic"},
		{name: "before it was subscribed", events: []Event{message("x", 3), message("x", 4)}, want: "I1 nonmonotonic"},
		{name: "subscribed again further back", events: []Event{subscribed("x", 2), message("x", 3), subscribed("x", 2)}, want: "I1 nonmonotonic"},
		{name: "one left out", events: []Event{subscribed("x", 2), message("x", 4)}, want: "I2 skip"},
		{name: "left out by subscribed", events: []Event{subscribed("x", 2), subscribed("x", 4)}, want: "I2 skip"},
		{name: "left out by a gap that begins too late", events: []Event{subscribed("x", 2), gap(at("x", 3), at("y", 0))}, want: "I2 skip"},
		{name: "another epoch without a gap", events: []Event{subscribed("x", 2), message("x", 3), message("x", 4), message("y", 1)}, want: "I2 skip"},
		{name: "another message at that place", events: []Event{subscribed("x", 2), other}, want: "I2 inconsistent offsets"},
		{name: "the broker began anew under one epoch", more: []Numbered{reborn}, events: []Event{subscribed("x", 3), message("x", 4), message("x", 5)}, want: "I2 lost write"},
		{name: "twice", events: []Event{subscribed("x", 2), message("x", 3), message("x", 3), message("x", 4)}, want: "I3 duplicate"},
		{name: "twice under one id", more: []Numbered{numbered("x", 5, 0), twice}, events: []Event{subscribed("x", 0), message("x", 1), message("x", 2), message("x", 3), message("x", 4), message("x", 5), seenAgain}, want: "I3 duplicate"},
		{name: "acknowledged", acks: []Ack{ack("x", 1), ack("x", 1)}},
		{name: "acknowledged and not there", acks: []Ack{ack("x", 7)}, want: "I4 lost write"},
		{name: "acknowledged twice", acks: []Ack{ack("x", 1), {Op: "x1", Channel: "a", Position: at("x", 2), ID: "x2", Data: "x2"}}, want: "I4 duplicate"},
		{name: "a key with two positions", more: []Numbered{twice}, want: "I4 duplicate"},
		{name: "a place with two messages", more: []Numbered{numbered("x", 4, 0)}, want: "I4 inconsistent offsets"},
		{name: "at the top in the end", events: []Event{subscribed("x", 3), message("x", 4)}, top: at("x", 4)},
		{name: "behind in the end", events: []Event{subscribed("x", 2), message("x", 3)}, top: at("x", 4), want: "I5 unseen"},
		{name: "never subscribed", top: at("x", 4), want: "I5 unseen"},
		{name: "a gap where nothing was lost", events: []Event{subscribed("x", 2), gap(at("x", 2), at("x", 4))}, want: "I6 false gap"},
		{name: "a gap to where it was", events: []Event{subscribed("x", 2), gap(at("x", 2), at("x", 2))}, want: "I6 false gap"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := History{Window: Window{Messages: 1000, Bytes: 1 << 20, Age: 10 * time.Minute, Keys: 5 * time.Minute}, Acks: c.acks}
			for offset := range uint64(4) {
				h.Numbered = append(h.Numbered, numbered("x", offset+1, 0))
			}
			h.Numbered = append(append(h.Numbered, numbered("y", 1, 1)), c.more...)
			l := &Listener{Name: "dash", Channel: "a", Events: c.events, Live: true, Final: !c.top.IsZero()}
			if c.events != nil || l.Final {
				h.Listeners = []*Listener{l}
			}
			if l.Final {
				h.Tops = map[string]protocol.Position{"a": c.top}
			}
			got := h.Check()
			if c.want == "" && len(got) > 0 {
				t.Errorf("a whole history is accused: %v", got)
			}
			if c.want != "" && (len(got) == 0 || !strings.HasPrefix(says(got), c.want) && !strings.Contains(says(got), "\n"+c.want)) {
				t.Errorf("want %s, got %s", c.want, says(got))
			}
		})
	}
}

// A gap is right where the last position has left the window, by number, size or age.
func TestWindow(t *testing.T) {
	h := History{Window: Window{Messages: 3, Bytes: 10, Age: 30 * time.Second, Keys: time.Minute}}
	for offset := range uint64(5) {
		n := numbered("x", offset+1, 0)
		n.Size = 2
		h.Numbered = append(h.Numbered, n)
	}
	for _, c := range []struct {
		name string
		last uint64
		at   time.Duration
		size int
		ok   bool
	}{
		{name: "within", last: 3, at: 20 * time.Second},
		{name: "too many after it", last: 2, at: 20 * time.Second, ok: true},
		{name: "too old", last: 4, at: 35 * time.Second, ok: true},
		{name: "too large", last: 3, at: 20 * time.Second, size: 4, ok: true},
	} {
		for i := range h.Numbered {
			h.Numbered[i].Size = max(c.size, 2)
		}
		e := gap(at("x", c.last), at("x", 5))
		e.At = c.at
		h.Listeners = []*Listener{{Name: "dash", Channel: "a", Events: []Event{subscribed("x", c.last), e}}}
		if got := h.Check(); (len(got) == 0) != c.ok {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func says(all []Violation) string {
	var b strings.Builder
	for _, v := range all {
		b.WriteString(v.String() + "\n")
	}
	return b.String()
}
