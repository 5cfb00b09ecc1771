package actors

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"tidings/access"
	"tidings/protocol"
)

func TestOnceGivesARepetitionTheSameTargets(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		calls := 0
		once := func(principal, key, asked string) (access.Routed, error) {
			return w.bus.Once(principal, key, asked, func() (access.Routed, error) {
				calls++
				return access.Routed{Channels: []protocol.Channel{protocol.Channel(fmt.Sprint("c", calls))}}, nil
			})
		}
		want := func(wantCalls int, channel protocol.Channel, principal, key, asked string) {
			t.Helper()
			if got, err := once(principal, key, asked); err != nil || got.Channels[0] != channel || calls != wantCalls {
				t.Errorf("got %v, %v after %d calls, want %s after %d", got, err, calls, channel, wantCalls)
			}
		}
		want(1, "c1", "a", "k", "chat:*")
		want(1, "c1", "a", "k", "chat:*")
		want(2, "c2", "b", "k", "chat:*") // keys of different principals do not meet
		want(3, "c3", "a", "", "chat:*")
		want(4, "c4", "a", "", "chat:*")
		if _, err := once("a", "k", "other:*"); protocol.AsError(err).Code != protocol.CodeIdempotencyConflict {
			t.Errorf("another pattern: got %v", err)
		}
		w.pass(targetLife - time.Millisecond)
		want(4, "c1", "a", "k", "chat:*")
		w.pass(time.Millisecond)
		want(5, "c5", "a", "k", "chat:*")
		failed := errors.New("no")
		if _, err := w.bus.Once("a", "f", "x", func() (access.Routed, error) { return access.Routed{}, failed }); err != failed {
			t.Errorf("got %v", err)
		}
		want(6, "c6", "a", "f", "x") // what failed is not remembered
	})
}

// What is remembered is bounded, by number and by channels: the oldest goes first.
func TestTargetsAreBounded(t *testing.T) {
	many := make([]protocol.Channel, protocol.MaxPatternChannels)
	for _, tt := range []struct {
		name     string
		channels []protocol.Channel
		max      int
	}{{"channels", many, maxTargetChannels / len(many)}, {"keys", nil, maxTargets}} {
		var s targets
		for i := range tt.max + 10 {
			k := targetKey{"a", fmt.Sprint(i)}
			s.put(k, &target{Routed: access.Routed{Channels: tt.channels}})
			if s.get(k, 0) == nil && i < tt.max-1 {
				t.Fatalf("%s: number %d was not kept", tt.name, i)
			}
		}
		if len(s.known) > tt.max || len(s.known) < tt.max-2 || len(s.known) != len(s.queue) || s.channels != len(s.known)*len(tt.channels) {
			t.Errorf("%s: %d known, %d queued, %d channels", tt.name, len(s.known), len(s.queue), s.channels)
		}
		s.get(targetKey{}, targetLife)
		if s.known != nil || s.queue != nil || s.channels != 0 {
			t.Errorf("%s: after its time %d known, %d channels", tt.name, len(s.known), s.channels)
		}
	}
}

func TestMatchPassesReplyChannelsBy(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		c.subscribe("a", nil)
		answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeCall, Method: "reply", Data: []byte(`{"ttl":60000}`)})
		if len(answer.Data) == 0 {
			t.Fatalf("answered %+v", answer)
		}
		var name string
		if err := protocol.ReadObject(answer.Data, func(field string, value []byte) (err error) {
			if field == "channel" {
				name, err = protocol.ReadString(value)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		c.subscribe(protocol.Channel(name), nil)
		g, err := access.ParseGlob("**")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := w.bus.Match(g, nil); err != nil || len(got) != 1 || got[0] != "a" {
			t.Errorf("got %v, %v", got, err)
		}
	})
}
