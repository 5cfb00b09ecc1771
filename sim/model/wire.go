package model

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"tidings/core"
	"tidings/protocol"
)

// A filter of the model is a number from 1 to 9; 0 is none. It looks at the k of a message's data, and of what a
// changed document was before.
type filterRow struct {
	kind    int // that it matches
	in, out bool
}

var filters = [...]filterRow{
	1: {kind: 1, in: true, out: true},
	2: {kind: 2, in: true, out: true},
	4: {kind: 1, in: true},
	5: {kind: 1, out: true},
	6: {kind: 2}, // positions alone
}

// verdict returns what a message with this k is to a filter. before is the k before a change, 0 if there was none, and
// gone is if the document is no more.
func verdict(filter, kind, before int, gone bool) core.Scope {
	if gone {
		before, kind = kind, 0
	}
	if filter == 0 {
		if gone {
			return core.Out
		}
		return core.In
	}
	switch f := filters[filter]; {
	case kind == f.kind && f.in:
		return core.In
	case kind != f.kind && before == f.kind && f.out:
		return core.Out
	}
	return core.Passes
}

// scopeOf is verdict for a message as the broker brings it. withBefore is false only in a mutant.
func scopeOf(filter int, m *protocol.Message, withBefore bool) core.Scope {
	before, gone := 0, false
	if x := m.Extra; x != nil {
		gone = x.Gone
		if x.Before != nil && withBefore {
			before = kindOf(x.Before)
		}
	}
	return verdict(filter, kindOf(m.Data), before, gone)
}

func filterText(filter int) []byte {
	if filter == 0 {
		return nil
	}
	return []byte(`{"equals":{"k":` + strconv.Itoa(filter) + `}}`)
}

func filterOf(text []byte) int {
	if text == nil {
		return 0
	}
	return int(text[len(`{"equals":{"k":`)] - '0')
}

func roomOf(filter int) string {
	if filter == 0 {
		return ""
	}
	return "k" + strconv.Itoa(filter)
}

// rooms is core.Groups of the model: a group has its room's name.
type rooms struct{ names []string }

func (r *rooms) Add(name string, _ func(*protocol.Message) core.Scope) {
	r.names = append(r.names, name)
}

func (r *rooms) Remove(name string) {
	r.names = slices.DeleteFunc(r.names, func(other string) bool { return other == name })
}

func (r *rooms) Each(m *protocol.Message, hit func(string, core.Scope)) {
	for _, name := range r.names {
		if s := scopeOf(int(name[1]-'0'), m, true); s != core.Passes {
			hit(name, s)
		}
	}
}

func kindOf(data []byte) int { return int(data[len(`{"k":`)] - '0') }

func dataOf(kind, n, size int) []byte {
	b := fmt.Appendf(nil, `{"k":%d,"n":%d`, kind, n)
	if size > 0 {
		b = append(append(append(b, `,"p":"`...), bytes.Repeat([]byte("x"), size)...), '"')
	}
	return append(b, '}')
}

// frames as the wire carries them: as bytes where the plan says so, else as they are.

// frameSize is what a control frame counts for where it is not encoded.
var frameSize = make([]byte, protocol.MaxPayloadBytes+256)

func (w *World) encodeFrame(f *protocol.ServerFrame) *protocol.Encoded {
	if w.plan.Codec {
		return protocol.Encode(f)
	}
	return &protocol.Encoded{JSON: frameSize[:150], Frame: f, Counted: protocol.Counted(f.Type)}
}

func (w *World) encode(m *protocol.Message, v protocol.View) *protocol.Encoded {
	if w.plan.Codec {
		e := protocol.NewEncoded(protocol.AppendMessage(nil, m, v), protocol.TypeMessage)
		e.Message = m
		return e
	}
	f := &protocol.ServerFrame{Type: protocol.TypeMessage, Channel: m.Channel, Room: v.Room, Msg: &protocol.Message{
		Channel: m.Channel, Offset: m.Offset, Prev: v.Prev, Tag: m.Tag, ID: m.ID, Data: m.Data, TimeMS: m.TimeMS, Volatile: m.Volatile,
	}}
	if m.Extra != nil {
		f.Msg.Extra = &protocol.Extra{Change: m.Extra.Change, Gone: v.Out}
	}
	return &protocol.Encoded{JSON: frameSize[:140+len(m.Data)], Frame: f, Message: m, Counted: true}
}

// batch is one write.
type batch struct {
	list  []*protocol.Encoded
	bytes []byte
	w     *World
}

func (w *World) wireDown(frames []*protocol.Encoded) *batch {
	b := &batch{list: frames, w: w}
	if w.plan.Codec {
		b.bytes = append(b.bytes, '[')
		for i, e := range frames {
			if i > 0 {
				b.bytes = append(b.bytes, ',')
			}
			b.bytes = append(b.bytes, e.JSON...)
		}
		b.bytes = append(b.bytes, ']')
	}
	return b
}

func (b *batch) frames() []*protocol.ServerFrame {
	out := make([]*protocol.ServerFrame, 0, len(b.list))
	if b.bytes == nil {
		for _, e := range b.list {
			out = append(out, e.Frame)
		}
		return out
	}
	frames, err := protocol.DecodeServerFrames(b.bytes)
	if err != nil {
		b.w.fail("codec", "lost write", "%v in %s", err, b.bytes)
		return nil
	}
	for i := range frames {
		out = append(out, &frames[i])
	}
	return out
}

func (w *World) wireUp(frames []protocol.ClientFrame) []protocol.ClientFrame {
	if !w.plan.Codec {
		return slices.Clone(frames)
	}
	bytes := protocol.AppendClientFrames(nil, frames)
	out, err := protocol.DecodeClientFrames(bytes)
	if err != nil {
		w.fail("codec", "lost write", "%v in %s", err, bytes)
		return nil
	}
	return out
}

func serverFrame(f *protocol.ServerFrame) string { return string(wireServer(f)) }

func clientFrame(f *protocol.ClientFrame) string { return string(protocol.AppendClientFrame(nil, f)) }

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func sortedSubs(m map[subKey]*member) []subKey {
	return slices.SortedFunc(maps.Keys(m), func(a, b subKey) int {
		return bytes.Compare([]byte(a.ch+" "+protocol.Channel(a.room)), []byte(b.ch+" "+protocol.Channel(b.room)))
	})
}
