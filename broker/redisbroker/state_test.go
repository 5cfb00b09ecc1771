package redisbroker_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tidings/broker"
	"tidings/broker/redisbroker"
	"tidings/internal/testredis"
	"tidings/protocol"
)

// key finds the key of the channel a that begins with its kind.
func key(t testing.TB, s *testredis.Server, kind string) string {
	t.Helper()
	for _, key := range strings.Split(s.Do(t, "KEYS", "*"), "\n") {
		if strings.HasSuffix(key, "}"+kind+"a") {
			return key
		}
	}
	t.Fatalf("there is no key %sa", kind)
	return ""
}

// Who hears a channel is known before it has a message, after Redis has evicted it, and until the last one leaves.
func TestReceiversOutliveTheChannel(t *testing.T) {
	t.Parallel()
	server := testredis.Start(t)
	b, other := start(t, config(server.URL())), start(t, config(server.URL()))
	heard := func(n int) {
		t.Helper()
		if err := other.Heard(t.Context(), "a", n); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	want := func(when string, want int) {
		t.Helper()
		n++
		if r, err := publish(t, b, "a", n); err != nil || r.Others != want {
			t.Errorf("%s: %d others hear it, %v, want %d", when, r.Others, err, want)
		}
	}
	heard(7)
	want("before the first message", 7)
	server.Do(t, "DEL", key(t, server, "c:"))
	want("after the channel was evicted", 7)
	server.Do(t, "DEL", key(t, server, "c:"))
	if _, err := b.History(t.Context(), "a", protocol.Position{}, 0); err != nil {
		t.Fatal(err)
	}
	want("after it was evicted, and read", 7)
	heard(0)
	want("when they have left", 0)
	heard(3)
	want("when some have come again", 3)
	other.Close()
	want("when their node has left", 0)
}

// Offsets count to 2^53, as far as JavaScript does, and no digit of them is lost on the way.
func TestOffsetsAtTheEnd(t *testing.T) {
	t.Parallel()
	server := testredis.Start(t)
	b := start(t, config(server.URL()))
	first := insist(t, b, "a", 1).Position
	const end = 1<<53 - 1
	c := key(t, server, "c:")
	state := []byte(server.Do(t, "HGET", c, "s"))
	copy(state[12:19], binary.BigEndian.AppendUint64(nil, end-2)[1:])
	server.Do(t, "HSET", c, "s", string(state))
	server.Do(t, "DEL", key(t, server, "h:"))
	s := newSink()
	if _, err := b.Subscribe(t.Context(), "a", s); err != nil {
		t.Fatal(err)
	}
	var at []protocol.Position
	for n := range uint64(2) {
		r, err := b.Publish(t.Context(), broker.Publish{Channel: "a", Data: []byte("1"), IdempotencyKey: string(rune('a' + n)), Principal: "p"})
		if at = append(at, r.Position); err != nil || r.Position.Offset != end-1+n || s.next(t).Offset != end-1+n {
			t.Errorf("message %d is at %v, %v, want offset %d", n+1, r.Position, err, end-1+n)
		}
	}
	again, err := b.Publish(t.Context(), broker.Publish{Channel: "a", Data: []byte("1"), IdempotencyKey: "b", Principal: "p"})
	if err != nil || !again.Duplicate || again.Position != at[1] {
		t.Errorf("the repeated publish is %+v, %v, want a duplicate at %v", again, err, at[1])
	}
	page, err := b.History(t.Context(), "a", at[0], 10)
	if err != nil || page.Lost != "" || len(page.Messages) != 1 || page.Messages[0].Offset != end || page.Top != at[1] {
		t.Errorf("after %v: %+v, %v, want the one message at %d", at[0], page, err, end)
	}
	if first.Epoch != at[0].Epoch {
		t.Errorf("epochs %s and %s are not one", first.Epoch, at[0].Epoch)
	}
}

// A fleet of nodes reports at random who hears what, loses channels, leaves and comes back: each publish counts exactly
// what the other nodes have reported last.
func TestReceiversOfAFleet(t *testing.T) {
	t.Parallel()
	server := testredis.Start(t)
	const seed, channels, steps = 18, 4, 300
	rng := rand.New(rand.NewPCG(seed, seed))
	nodes := make([]*redisbroker.Broker, 3)
	said := make([][channels]int, len(nodes))
	enter := func(i int) {
		cfg := config(server.URL())
		cfg.Lease = time.Minute
		nodes[i], said[i] = start(t, cfg), [channels]int{}
	}
	for i := range nodes {
		enter(i)
	}
	name := func(ch int) protocol.Channel { return protocol.Channel(fmt.Sprint("fleet/", ch)) }
	for step := range steps {
		i, ch := rng.IntN(len(nodes)), rng.IntN(channels)
		switch did := rng.IntN(20); {
		case did == 0:
			nodes[i].Close()
			enter(i)
		case did == 1:
			for _, key := range strings.Split(server.Do(t, "KEYS", "*}c:fleet/*"), "\n") {
				server.Do(t, "DEL", key)
			}
		case did < 12:
			said[i][ch] = rng.IntN(4)
			if err := nodes[i].Heard(t.Context(), name(ch), said[i][ch]); err != nil {
				t.Fatal(err)
			}
		}
		i, want := rng.IntN(len(nodes)), 0
		for j := range nodes {
			if j != i {
				want += said[j][ch]
			}
		}
		r, err := nodes[i].Publish(t.Context(), broker.Publish{Channel: name(ch), Data: []byte("1")})
		if err != nil || r.Others != want {
			t.Fatalf("seed %d, step %d: node %d publishes to channel %d, %d others hear it, %v, want %d of %v", seed, step, i, ch, r.Others, err, want, said)
		}
	}
}
