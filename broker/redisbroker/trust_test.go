package redisbroker_test

import (
	"slices"
	"testing"

	"tidings/internal/testredis"
	"tidings/protocol"
)

// F42: with redis.trust_persistence a restart of a Redis that keeps everything is no gap.
func TestF42_TrustedRestartIsNoGap(t *testing.T) {
	t.Parallel()
	server := testredis.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	cfg := config(server.URL())
	cfg.TrustPersistence = true
	b := start(t, cfg)
	var at []protocol.Position
	for n := range 3 {
		at = append(at, insist(t, b, "a", n).Position)
	}
	server.Halt()
	server.Run(t)
	at = append(at, insist(t, b, "a", 3).Position)
	if at[3].Epoch != at[0].Epoch || at[3].Offset != 4 {
		t.Errorf("after the restart a message is at %v, want offset 4 of epoch %s", at[3], at[0].Epoch)
	}
	page, err := b.History(t.Context(), "a", at[1], 10)
	if err != nil || page.Lost != "" || len(page.Messages) != 2 {
		t.Errorf("after %v: %+v, %v, want the two messages that followed", at[1], page, err)
	}
}

// F42: trusted wrongly, a Redis that forgot its newest messages is found out by their tags: who had seen them is told a
// gap, and nobody else.
func TestF42_TrustedWronglyIsAGapForThoseWhoSaw(t *testing.T) {
	t.Parallel()
	server := testredis.Start(t)
	cfg := config(server.URL())
	cfg.TrustPersistence = true
	b := start(t, cfg)
	var at []protocol.Position
	for n := range 5 {
		if at = append(at, insist(t, b, "a", n).Position); n == 2 {
			server.Do(t, "SAVE")
		}
	}
	server.Halt()
	server.Run(t)
	insist(t, b, "a", 5)
	insist(t, b, "a", 6)
	insist(t, b, "a", 7)
	for i, p := range at {
		page, err := b.History(t.Context(), "a", p, 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range page.Messages {
			got = append(got, string(m.Data))
		}
		want := []string{"1", "2", "5", "6", "7"}[min(i, 2):]
		if i > 2 {
			want = nil
		}
		if (page.Lost != "") != (i > 2) || !slices.Equal(got, want) {
			t.Errorf("from message %d: lost %q, messages %q, want %q", i, page.Lost, got, want)
		}
	}
}
