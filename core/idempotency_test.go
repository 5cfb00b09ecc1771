package core

import (
	"fmt"
	"testing"
	"time"

	"tidings/protocol"
)

func TestIdempotencyExpires(t *testing.T) {
	k := idempotency{ttl: 5 * time.Minute, max: 10}
	key := idempotencyKey{"desk", "k"}
	k.put(key, answer{offset: 7, at: epochTime.UnixMilli()})
	for after, want := range map[time.Duration]bool{0: true, 5*time.Minute - time.Millisecond: true} {
		if _, ok := k.get(epochTime.Add(after), key); ok != want {
			t.Errorf("after %s found is %t, want %t", after, ok, want)
		}
	}
	if _, ok := k.get(epochTime.Add(5*time.Minute), key); ok {
		t.Error("after 5 minutes the key is still there")
	}
	if k.answers != nil || k.queue != nil {
		t.Error("an empty table keeps its memory")
	}
}

func TestIdempotencyIsBounded(t *testing.T) {
	k := idempotency{ttl: time.Hour, max: 3}
	for i := range 10 {
		k.put(idempotencyKey{"desk", fmt.Sprint(i)}, answer{offset: uint64(i), at: epochTime.UnixMilli()})
	}
	for i := range 10 {
		a, ok := k.get(epochTime, idempotencyKey{"desk", fmt.Sprint(i)})
		if want := i >= 7; ok != want || ok && a.offset != uint64(i) {
			t.Errorf("key %d: found %t at %d, want found %t: the oldest are dropped first", i, ok, a.offset, want)
		}
	}
	if k.forgotten != 7 {
		t.Errorf("%d keys count as forgotten before their time, want 7", k.forgotten)
	}
	if len(k.queue) > 8 {
		t.Errorf("the queue of 3 keys has %d places", len(k.queue))
	}
}

func TestIdempotencyCanBeOff(t *testing.T) {
	for _, k := range []idempotency{{ttl: time.Hour}, {max: 10}} {
		k.put(idempotencyKey{"desk", "k"}, answer{at: epochTime.UnixMilli()})
		if _, ok := k.get(epochTime, idempotencyKey{"desk", "k"}); ok || k.len() != 0 {
			t.Errorf("ttl %s, max %d: a key was remembered", k.ttl, k.max)
		}
	}
}

func BenchmarkIdempotency(b *testing.B) {
	k := idempotency{ttl: time.Minute, max: 100_000}
	keys := make([]idempotencyKey, 200_000)
	for i := range keys {
		keys[i] = idempotencyKey{"desk", fmt.Sprint(i)}
	}
	now := epochTime
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now = now.Add(time.Millisecond)
		if _, ok := k.get(now, keys[i%len(keys)]); !ok {
			k.put(keys[i%len(keys)], answer{at: now.UnixMilli()})
		}
	}
}

// Keys of different principals never meet, however principal and key are cut; nor do the ids that are derived from
// them.
func TestKeysOfTwoPrincipalsNeverMeet(t *testing.T) {
	s := NewStream("a", "e", DefaultStreamConfig())
	seen := map[string]string{}
	for i, who := range []idempotencyKey{{"desk", "k1"}, {"gate", "k1"}, {"", "k1"}, {"", "deskk1"}, {"des", "kk1"}, {"desk", ""}} {
		if who.key != "" {
			m, dup, err := s.Append(epochTime, Entry{ID: "x", Tag: "t", Data: []byte("1"), Key: who.key, Principal: who.principal})
			if err != nil || dup || m.Offset != uint64(i+1) {
				t.Errorf("principal %q, key %q: offset %d, duplicate %v, %v, want a message of its own", who.principal, who.key, m.Offset, dup, err)
			}
		}
		id := KeyedID(who.principal, "a", who.key)
		if other, ok := seen[id]; ok {
			t.Errorf("principal %q, key %q has the id of %s", who.principal, who.key, other)
		}
		seen[id] = fmt.Sprintf("principal %q, key %q", who.principal, who.key)
	}
}

func TestExtraIsPartOfAKeysContent(t *testing.T) {
	publish := func(s *Stream, x *protocol.Extra) error {
		_, _, err := s.Append(epochTime, Entry{ID: "x", Tag: "t", Data: []byte("1"), Key: "k", Extra: x})
		return err
	}
	first := protocol.Extra{Meta: []byte(`{}`), Change: 7, Txn: 6, Changed: []byte(`["a"]`), Before: []byte(`1`), Origin: []byte(`1`)}
	for name, change := range map[string]func(*protocol.Extra){
		"meta":    func(x *protocol.Extra) { x.Meta = nil },
		"change":  func(x *protocol.Extra) { x.Change = 8 },
		"txn":     func(x *protocol.Extra) { x.Txn = 0 },
		"changed": func(x *protocol.Extra) { x.Changed = nil },
		"gone":    func(x *protocol.Extra) { x.Gone = true },
		"before":  func(x *protocol.Extra) { x.Before = nil },
	} {
		s := NewStream("a", "e", DefaultStreamConfig())
		again, other := first, first
		again.Origin = []byte(`2`) // it may come another way
		change(&other)
		if err := publish(s, &first); err != nil {
			t.Fatal(err)
		}
		if err := publish(s, &again); err != nil {
			t.Errorf("another origin: %v, want the first answer", err)
		}
		if err := publish(s, &other); err != ErrIdempotencyConflict {
			t.Errorf("another %s: %v, want a conflict", name, err)
		}
	}
}
