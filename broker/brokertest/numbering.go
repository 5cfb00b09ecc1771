package brokertest

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"tidings/broker"
	"tidings/protocol"
)

func unusedChannel(w *world) {
	top := w.top()
	if top.Epoch == "" || top.Offset != 0 || top.Check() != nil {
		w.Fatalf("the top of an unused channel is %+v, want an epoch, offset 0 and no tag", top)
	}
	if again := w.last(10); again.Top != top || len(again.Messages) != 0 {
		w.Fatalf("asked again: %+v, want %+v and no message", again, top)
	}
	if first := w.publish(number(1)).Position; first.Epoch != top.Epoch {
		w.Fatalf("the first message has epoch %q, want that of the unused channel, %q", first.Epoch, top.Epoch)
	}
}

func numbering(w *world) {
	sink := w.subscribe(w.Broker, channel)
	at := w.publishMany(20)
	w.chain(w.hears(sink, 20))
	w.chain(w.history(w.origin(), 100).Messages)
	w.same("the sink", w.hears(sink, 20), at)
	w.wantMessages(w.origin(), at...)
	if top := w.top(); top != at[19] {
		w.Fatalf("top is %v, want the last message's position %v", top, at[19])
	}
	tags, ids := map[string]bool{}, map[string]bool{}
	for _, m := range w.hears(sink, 20) {
		tags[m.Tag], ids[m.ID] = true, true
		if err := m.Position().Check(); err != nil || m.Tag == "" {
			w.Fatalf("position %v: %v, want a tag and the alphabet of positions", m.Position(), err)
		}
		if age := time.Since(time.UnixMilli(m.TimeMS)); age < -time.Hour || age > time.Hour {
			w.Fatalf("message %v is of %s ago", m.Position(), age)
		}
	}
	if len(tags) < 19 || len(ids) != 20 || ids[""] {
		w.Fatalf("%d different tags and %d different ids of 20 messages", len(tags), len(ids))
	}
}

// chain checks that each message follows the one before, the first of the channel included.
func (w *world) chain(messages []*protocol.Message) {
	w.Helper()
	var last uint64
	for i, m := range messages {
		switch {
		case m.Epoch != messages[0].Epoch:
			w.Fatalf("message %d has epoch %q, the first %q", i, m.Epoch, messages[0].Epoch)
		case m.Offset <= last || m.Prev != last:
			w.Fatalf("message %d has offset %d and prev %d, after offset %d", i, m.Offset, m.Prev, last)
		case !w.Holes && m.Offset != last+1:
			w.Fatalf("message %d has offset %d after offset %d, want no hole", i, m.Offset, last)
		}
		last = m.Offset
	}
}

const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func content(w *world) {
	sink := w.subscribe(w.Broker, channel)
	datas := []string{
		`null`, `0`, `""`, `{}`, `[]`, `-1.50e+003`, `123456789012345678901234567890`, `{"a":1,"a":2}`, `"\ud800"`, `"\u0000\n\/"`,
		`"Grüße, 世界 🙂"`, `{"z":1,"b":[true,false,null]}`, `"` + strings.Repeat("x", protocol.MaxPayloadBytes-2) + `"`,
	}
	but := protocol.Exclude{Connection: "c1", Tab: "t1"}
	for i, data := range datas {
		r := w.publish(broker.Publish{Channel: channel, Data: []byte(data), Event: "arrived", SpreadMS: 5000, Trace: trace, Exclude: but})
		m := w.hears(sink, i+1)[i]
		kept := w.last(1).Messages
		if len(kept) != 1 {
			w.Fatalf("message %d is not in history", i)
		}
		for where, m := range map[string]*protocol.Message{"sink": m, "history": kept[0]} {
			switch {
			case string(m.Data) != data:
				w.Fatalf("%s: data %.80s, want %.80s", where, m.Data, data)
			case m.ID != r.ID || m.Position() != r.Position || m.Channel != channel || m.Event != "arrived" || m.SpreadMS != 5000 || m.Trace != trace || m.Exclude != but || m.Volatile:
				w.Fatalf("%s: message %+v of channel %q, event %q, want what the receipt says: %+v", where, m.Position(), m.Channel, m.Event, r)
			}
		}
		if kept[0].TimeMS != m.TimeMS || kept[0].Prev != m.Prev {
			w.Fatalf("message %d: time and prev are %d, %d to the sink and %d, %d in history", i, m.TimeMS, m.Prev, kept[0].TimeMS, kept[0].Prev)
		}
	}
}

func aliasing(w *world) {
	sink := w.subscribe(w.Broker, channel)
	data := []byte(`"mine"`)
	meta := []byte(`{"m":1}`)
	w.publish(broker.Publish{Channel: channel, Data: data, Extra: &protocol.Extra{Meta: meta}})
	copy(data, `"XXXX"`)
	copy(meta, `{"x":9}`)
	got := w.hears(sink, 1)[0]
	first := w.history(w.origin(), 10)
	if len(first.Messages) != 1 || !bytes.Equal(got.Data, []byte(`"mine"`)) || !bytes.Equal(first.Messages[0].Data, []byte(`"mine"`)) {
		w.Fatalf("the message changed with the publisher's buffer")
	}
	if x := got.Extra; x == nil || string(x.Meta) != `{"m":1}` {
		w.Fatalf("the message's meta changed with the publisher's buffer")
	}
	first.Messages[0] = nil
	if again := w.history(w.origin(), 10); len(again.Messages) != 1 || again.Messages[0] == nil {
		w.Fatalf("history changed with the reader's page")
	}
}

func channelsApart(w *world) {
	mine, other := w.subscribe(w.Broker, channel), w.subscribe(w.Broker, channel+"x")
	for i := range 3 {
		w.publish(number(i))
		w.publish(broker.Publish{Channel: channel + "x", Data: []byte(`"other"`)})
	}
	w.chain(w.hears(mine, 3))
	w.chain(w.hears(other, 3))
	if slices.ContainsFunc(w.hears(mine, 3), func(m *protocol.Message) bool { return m.Channel != channel }) {
		w.Fatalf("a sink heard another channel")
	}
	if p := w.last(10); len(p.Messages) != 3 {
		w.Fatalf("history has %d messages, want this channel's 3", len(p.Messages))
	}
}

func ackedIsKept(w *world) {
	after := w.origin()
	for i := range 100 {
		r := w.publish(number(i))
		w.wantMessages(after, r.Position)
		after = r.Position
	}
}

func volatile(w *world) {
	sink := w.subscribe(w.Broker, channel)
	before := w.publish(number(1)).Position
	r := w.publish(broker.Publish{Channel: channel, Data: []byte(`"cursor at 3,4"`), Event: "moved", Volatile: true})
	if !r.Position.IsZero() || r.Position.Offset != 0 || r.ID == "" {
		w.Fatalf("the receipt of a volatile message is %+v, want an id and no position", r)
	}
	if top := w.top(); top != before {
		w.Fatalf("top is %v after a volatile message, want %v as before", top, before)
	}
	next := w.publish(number(2)).Position
	w.wantMessages(w.origin(), before, next)
	got := w.hears(sink, 3)
	if m := got[1]; !m.Volatile || m.Offset != 0 || m.ID != r.ID || m.Event != "moved" || string(m.Data) != `"cursor at 3,4"` || m.Channel != channel {
		w.Fatalf("the sink heard %+v %s, want the volatile message without an offset", m.Position(), m.Data)
	}
	w.chain([]*protocol.Message{got[0], got[2]})
}
