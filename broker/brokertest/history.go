package brokertest

import (
	"bytes"
	"time"

	"tidings/broker"
	"tidings/core"
	"tidings/protocol"
)

func after(w *world) {
	w.wantMessages(w.origin()) // offset 0 is the top of an empty channel
	at := w.publishMany(5)
	w.wantMessages(w.origin(), at...)
	for i := range at {
		w.wantMessages(at[i], at[i+1:]...) // strictly after
	}
	if p := w.history(protocol.Position{}, 10); len(p.Messages) != 0 || p.Lost != "" || p.Top != at[4] {
		w.Fatalf("a zero position asks for the top alone, got %+v", p)
	}
}

func foreignPositions(w *world) {
	w.wantLost(protocol.Position{Epoch: w.top().Epoch, Offset: 1, Tag: "foreign"}, protocol.GapPositionUnknown)
	at := w.publishMany(3)
	other := func(p protocol.Position, change func(*protocol.Position)) protocol.Position {
		change(&p)
		return p
	}
	tag := func(p *protocol.Position) { p.Tag = "foreign" }
	epoch := func(p *protocol.Position) { p.Epoch = "another" }
	ahead := func(p *protocol.Position) { p.Offset += 1000 }
	w.wantLost(other(at[1], epoch), protocol.GapEpochChanged)
	w.wantLost(other(at[2], epoch), protocol.GapEpochChanged)
	w.wantLost(other(w.origin(), epoch), protocol.GapEpochChanged)
	w.wantLost(other(at[2], ahead), protocol.GapPositionUnknown)
	w.wantLost(other(at[0], tag), protocol.GapPositionUnknown)
	w.wantLost(other(at[1], tag), protocol.GapPositionUnknown)
	w.wantLost(other(at[2], tag), protocol.GapPositionUnknown) // also at the top
}

func pages(w *world) {
	at := w.publishMany(7)
	cursor := w.origin()
	for _, want := range [][]protocol.Position{at[:3], at[3:6], at[6:], nil} {
		p := w.history(cursor, 3)
		w.same("a page of 3", p.Messages, want)
		if p.Top != at[6] || p.Lost != "" {
			w.Fatalf("page of 3: top %v, lost %q, want the channel's top %v", p.Top, p.Lost, at[6])
		}
		if len(want) > 0 {
			cursor = want[len(want)-1]
		}
	}
	big := append(append([]byte{'"'}, bytes.Repeat([]byte{'x'}, 60<<10)...), '"')
	var bigs []protocol.Position
	for range 8 {
		bigs = append(bigs, w.publish(broker.Publish{Channel: channel, Data: big}).Position)
	}
	for cursor := at[6]; cursor != bigs[7]; {
		p := w.history(cursor, 100)
		size := 0
		for _, m := range p.Messages {
			size += len(m.Data)
		}
		if len(p.Messages) == 0 || len(p.Messages) > 1 && size > protocol.RecoveryPageBytes {
			w.Fatalf("a page of %d messages and %d bytes, want one or more and at most %d bytes", len(p.Messages), size, protocol.RecoveryPageBytes)
		}
		cursor = p.Messages[len(p.Messages)-1].Position()
	}
}

func last(w *world) {
	at := w.publishMany(5)
	w.same("last 2", w.last(2).Messages, at[3:])
	w.same("last 5", w.last(5).Messages, at)
	w.same("last 100", w.last(100).Messages, at)
	if p := w.last(2); p.Top != at[4] {
		w.Fatalf("last: top %v, want %v", p.Top, at[4])
	}
}

func fiveMessages(c *core.StreamConfig) { c.MaxMessages = 5 }
func oneMessage(c *core.StreamConfig)   { c.MaxMessages = 1 }
func noMessages(c *core.StreamConfig)   { c.MaxMessages = 0 }
func fewBytes(c *core.StreamConfig)     { c.MaxBytes = 10_000 }
func oneSecond(c *core.StreamConfig)    { c.MaxAge, c.IdempotencyTTL = time.Second, time.Second }

const overASecond = 1500 * time.Millisecond

func boundedCount(w *world) {
	origin := w.origin()
	at := w.publishMany(5)
	w.wantMessages(origin, at...) // at the limit
	at = append(at, w.publish(number(6)).Position)
	w.wantLost(origin, protocol.GapHistoryExpired)
	w.wantLost(at[0], protocol.GapHistoryExpired) // all after it are there, but it cannot be compared
	w.wantMessages(at[1], at[2:]...)
	w.same("last 100", w.last(100).Messages, at[1:])
}

func boundedBytes(w *world) {
	origin := w.origin()
	data := append(append([]byte{'"'}, bytes.Repeat([]byte{'x'}, 998)...), '"')
	var at []protocol.Position
	for range 30 {
		at = append(at, w.publish(broker.Publish{Channel: channel, Data: data}).Position)
	}
	kept := w.last(100).Messages
	if len(kept) < 5 || len(kept) > 10 {
		w.Fatalf("%d messages of 1,000 bytes and their names are kept in 10,000 bytes", len(kept))
	}
	w.same("what is kept", kept, at[30-len(kept):])
	w.wantLost(origin, protocol.GapHistoryExpired)
}

func boundedAge(w *world) {
	origin := w.origin()
	at := w.publishMany(2)
	w.wantMessages(at[0], at[1])
	w.Wait(overASecond)
	w.wantLost(origin, protocol.GapHistoryExpired)
	w.wantLost(at[0], protocol.GapHistoryExpired)
	w.wantMessages(at[1]) // the top is remembered with its tag, when nothing is left
	w.wantLost(protocol.Position{Epoch: at[1].Epoch, Offset: at[1].Offset, Tag: "foreign"}, protocol.GapPositionUnknown)
	if p := w.last(10); len(p.Messages) != 0 || p.Top != at[1] {
		w.Fatalf("last gives %d messages and top %v, want none and %v", len(p.Messages), p.Top, at[1])
	}
	next := w.publish(number(3)).Position
	w.wantMessages(next)
	w.wantLost(at[0], protocol.GapHistoryExpired)
	if p := w.last(10); len(p.Messages) != 1 || p.Messages[0].Prev != at[1].Offset {
		w.Fatalf("the next message does not follow the one that is gone: %+v", p)
	}
}

func noHistory(w *world) {
	sink := w.subscribe(w.Broker, channel)
	at := w.publishMany(3)
	w.same("the sink", w.hears(sink, 3), at)
	w.wantMessages(at[2])
	w.wantLost(at[1], protocol.GapHistoryExpired)
	w.wantLost(w.origin(), protocol.GapHistoryExpired)
}
