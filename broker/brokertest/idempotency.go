package brokertest

import (
	"fmt"
	"slices"
	"sync"

	"tidings/broker"
	"tidings/protocol"
)

func sameKey(w *world) {
	sink := w.subscribe(w.Broker, channel)
	first := w.publish(keyed("desk", "k1"))
	between := w.publish(number(1)).Position
	repeated := keyed("desk", "k1")
	repeated.Exclude.Connection = "c2" // that of its client by now
	again := w.publish(repeated)
	if first.Duplicate || !again.Duplicate || again.Position != first.Position || again.ID != first.ID {
		w.Fatalf("first %+v, repeated %+v, want the same, and the second a duplicate", first, again)
	}
	end := w.publish(number(2)).Position
	w.wantMessages(w.origin(), first.Position, between, end)
	w.same("the sink", w.hears(sink, 3), []protocol.Position{first.Position, between, end})
}

func keyOutlivesMessage(w *world) {
	first := w.publish(keyed("desk", "k1"))
	top := w.publishMany(3)[2]
	again := w.publish(keyed("desk", "k1"))
	if !again.Duplicate || again.Position != first.Position || w.top() != top {
		w.Fatalf("repeated %+v, want the first answer %+v although history has forgotten the message", again, first)
	}
}

func parallelKey(w *world) {
	const n = 50
	sink := w.subscribe(w.Broker, channel)
	receipts, errs := make([]broker.Receipt, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { receipts[i], errs[i] = w.Broker.Publish(w.ctx, keyed("desk", "k1")) })
	}
	all.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		w.Fatalf("publish %d: %v", i, errs[i])
	}
	fresh := 0
	for _, r := range receipts {
		if r.Position != receipts[0].Position || r.ID != receipts[0].ID {
			w.Fatalf("answers %+v and %+v to one key", receipts[0], r)
		}
		if !r.Duplicate {
			fresh++
		}
	}
	if fresh != 1 {
		w.Fatalf("%d of the answers say that they are the first, want 1", fresh)
	}
	end := w.publish(number(1)).Position
	w.wantMessages(w.origin(), receipts[0].Position, end)
	w.hears(sink, 2)
}

func conflict(w *world) {
	first := w.publish(keyed("desk", "k1"))
	for _, other := range []func(*broker.Publish){
		func(p *broker.Publish) { p.Data = []byte(`"keyes"`) },
		func(p *broker.Publish) { p.Event = "left" },
		func(p *broker.Publish) { p.SpreadMS = 5000 },
		func(p *broker.Publish) { p.Volatile = true },
		func(p *broker.Publish) { p.Extra = &protocol.Extra{Meta: []byte(`{"by":"desk"}`)} },
		func(p *broker.Publish) { p.Extra = &protocol.Extra{Change: 7} },
	} {
		p := keyed("desk", "k1")
		other(&p)
		_, err := w.Broker.Publish(w.ctx, p)
		w.wantCode(fmt.Sprintf("key with %s %q volatile %t", p.Data, p.Event, p.Volatile), err, protocol.CodeIdempotencyConflict)
	}
	w.wantMessages(w.origin(), first.Position)
	if again := w.publish(keyed("desk", "k1")); again.Position != first.Position {
		w.Fatalf("after a conflict: %+v, want the first answer %+v", again, first)
	}
}

func keysApart(w *world) {
	elsewhere := keyed("desk", "k1")
	elsewhere.Channel += "x"
	ids := map[string]bool{}
	for _, p := range []broker.Publish{
		keyed("desk", "k1"), keyed("gate", "k1"), keyed("desk", "k2"), elsewhere,
		keyed("", "deskk1"), keyed("deskk", "1"), keyed("des", "kk1"), keyed("desk:", "k1"), keyed("desk", ":k1"),
		{Channel: channel, Data: []byte(`"keyed"`), Principal: "desk"},
		{Channel: channel, Data: []byte(`"keyed"`), Principal: "desk"}, // without a key
	} {
		r := w.publish(p)
		if r.Duplicate || ids[r.ID] {
			w.Fatalf("principal %q, key %q, channel %s: %+v, want a message of its own", p.Principal, p.IdempotencyKey, p.Channel, r)
		}
		ids[r.ID] = true
	}
}

func keyExpires(w *world) {
	first := w.publish(keyed("desk", "k1"))
	w.Wait(overASecond)
	second := w.publish(keyed("desk", "k1"))
	if second.Duplicate || second.Position.Offset <= first.Position.Offset {
		w.Fatalf("after its time a key gave %+v, want a new message after %+v", second, first)
	}
	if second.ID != first.ID {
		w.Fatalf("ids %s and %s of one key, want the same, whatever the broker forgot", first.ID, second.ID)
	}
}

func volatileKey(w *world) {
	sink := w.subscribe(w.Broker, channel)
	p := keyed("desk", "k1")
	p.Volatile = true
	first, again := w.publish(p), w.publish(p)
	if first.Duplicate || !again.Duplicate || again.ID != first.ID || !again.Position.IsZero() {
		w.Fatalf("first %+v, repeated %+v, want one message without a position", first, again)
	}
	w.publish(number(1))
	w.hears(sink, 2)
}

// lastCloses: behind a last message nothing is numbered, from whomever; a repetition of what was published before is
// answered as then.
func lastCloses(w *world) {
	sink := w.subscribe(w.Broker, channel)
	first := w.publish(keyed("desk", "k1"))
	end := keyed("desk", "k2")
	end.Last = true
	last := w.publish(end)
	for _, p := range []broker.Publish{number(1), keyed("desk", "k3"), {Channel: channel, Data: []byte(`1`), Volatile: true}, {Channel: channel, Data: []byte(`1`), Last: true}} {
		_, err := w.Broker.Publish(w.ctx, p)
		w.wantCode("publish behind the last message", err, protocol.CodeChannelClosed)
	}
	for _, p := range []struct {
		again broker.Publish
		want  broker.Receipt
	}{{keyed("desk", "k1"), first}, {end, last}} {
		if again := w.publish(p.again); !again.Duplicate || again.Position != p.want.Position {
			w.Fatalf("a key used before: %+v, want the first answer %+v", again, p.want)
		}
	}
	w.wantMessages(w.origin(), first.Position, last.Position)
	w.hears(sink, 2)
	elsewhere := number(1)
	elsewhere.Channel += "x"
	w.publish(elsewhere)
}
