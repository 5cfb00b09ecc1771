package memory_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"tidings/broker"
	"tidings/broker/memory"
	"tidings/core"
	"tidings/protocol"
)

func TestHoldings(t *testing.T) {
	var c clock
	cfg := memory.DefaultConfig()
	cfg.Now = c.now
	stream := core.DefaultStreamConfig()
	stream.MaxMessages, stream.MaxIdempotencyKeys = 3, 2
	cfg.Stream = func(protocol.Channel) core.StreamConfig { return stream }
	b := memory.New(cfg)
	defer b.Close()
	for _, channel := range []protocol.Channel{"a", "b"} {
		for i := range 5 {
			if _, err := b.Publish(context.Background(), broker.Publish{Channel: channel, Data: []byte("1"), IdempotencyKey: fmt.Sprint(i), Principal: "p"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := b.Holdings()
	if got.Channels != 2 || got.Messages != 6 || got.Bytes < 6*100 || got.Keys != 4 || got.KeysForgotten != 6 {
		t.Errorf("got %+v", got)
	}
	c.advance(time.Hour)
	if _, err := b.History(context.Background(), "a", protocol.Position{}, 1); err != nil {
		t.Fatal(err)
	}
	if after := b.Holdings(); after.KeysForgotten != got.KeysForgotten {
		t.Errorf("what was forgotten before its time is %d, then %d", got.KeysForgotten, after.KeysForgotten)
	}
}
