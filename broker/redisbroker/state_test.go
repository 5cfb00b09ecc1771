package redisbroker_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"tidings/broker"
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
