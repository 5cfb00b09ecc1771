package brokertest

import (
	"context"
	"tidings/broker"
	"tidings/protocol"
)

// claimed checks a broker that counts who makes channels. Of how many one may have made it has no idea.
func claimed(w *world) {
	b, ok := w.Broker.(broker.Owned)
	if !ok {
		return
	}
	if err := b.Claim(channel, "user one"); err != nil {
		w.Fatalf("an unknown channel: %v", err)
	}
	made := w.top()
	if made.Epoch == "" || made.Offset != 0 {
		w.Fatalf("a channel that was claimed is at %v, want offset 0 of an epoch", made)
	}
	at := w.publish(number(1)).Position
	for _, owner := range []string{"user one", "user two", ""} {
		if err := b.Claim(channel, owner); err != nil {
			w.Fatalf("a known channel, by %q: %v", owner, err)
		}
	}
	if top := w.top(); top != at || top.Epoch != made.Epoch {
		w.Fatalf("after other claims the channel is at %v, want %v in epoch %s", top, at, made.Epoch)
	}
	w.Broker.Close()
	w.wantCode("claim", b.Claim(channel, "user one"), protocol.CodeBrokerUnavailable)
}

func restart(w *world) {
	old := w.publish(keyed("desk", "k1"))
	cursors := append(w.publishMany(5), w.origin(), old.Position)
	w.Broker = w.Restart()
	fresh := w.top()
	if fresh.Epoch == "" || fresh.Epoch == old.Position.Epoch || fresh.Offset != 0 {
		w.Fatalf("top is %v after the memory was lost, want offset 0 of another epoch than %q", fresh, old.Position.Epoch)
	}
	again := w.publish(keyed("desk", "k1"))
	if again.Duplicate || again.ID != old.ID {
		w.Fatalf("a publish repeated after the memory was lost: %+v, want a new message with the same id %s", again, old.ID)
	}
	w.publishMany(10) // beyond the offsets of before
	for _, at := range cursors {
		w.wantLost(at, protocol.GapEpochChanged)
	}
}

func cancelled(w *world) {
	before := w.publish(number(1)).Position
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	sink := newRecorder()
	refused := []protocol.Code{protocol.CodeTimeout, protocol.CodeBrokerUnavailable}
	_, err := w.Broker.Publish(ctx, number(2))
	w.wantCode("publish", err, refused...)
	_, err = w.Broker.History(ctx, channel, before, 10)
	w.wantCode("history", err, refused...)
	_, err = w.Broker.Last(ctx, channel, 10)
	w.wantCode("last", err, refused...)
	_, err = w.Broker.Subscribe(ctx, channel, sink)
	w.wantCode("subscribe", err, refused...)
	next := w.publish(number(3)).Position
	w.wantMessages(w.origin(), before, next)
	w.hears(sink, 0)
}

func closed(w *world) {
	sink := w.subscribe(w.Broker, channel)
	at := w.publish(number(1)).Position
	w.hears(sink, 1)
	if err := w.Broker.Close(); err != nil {
		w.Fatalf("close: %v", err)
	}
	_, err := w.Broker.Publish(w.ctx, number(2))
	w.wantCode("publish", err, protocol.CodeBrokerUnavailable)
	_, err = w.Broker.History(w.ctx, channel, at, 10)
	w.wantCode("history", err, protocol.CodeBrokerUnavailable)
	_, err = w.Broker.Last(w.ctx, channel, 10)
	w.wantCode("last", err, protocol.CodeBrokerUnavailable)
	_, err = w.Broker.Subscribe(w.ctx, channel, sink)
	w.wantCode("subscribe", err, protocol.CodeBrokerUnavailable)
	sink.stop() // harmless
	w.hears(sink, 1)
	if err := w.Broker.Close(); err != nil {
		w.Fatalf("close again: %v", err)
	}
}
