package core

import (
	"fmt"
	"testing"
	"time"
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
