package model

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"tidings/protocol"
)

// A filter of the model is a number from 1 on; 0 is none. It matches the messages whose data has that k.

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

func (w *World) encode(m *protocol.Message, room string, prev uint64) *protocol.Encoded {
	if w.plan.Codec {
		e := protocol.NewEncoded(protocol.AppendMessage(nil, m, room, prev), protocol.TypeMessage)
		e.Message = m
		return e
	}
	f := &protocol.ServerFrame{Type: protocol.TypeMessage, Channel: m.Channel, Room: room, Msg: &protocol.Message{
		Channel: m.Channel, Offset: m.Offset, Prev: prev, Tag: m.Tag, ID: m.ID, Data: m.Data, TimeMS: m.TimeMS, Volatile: m.Volatile,
	}}
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
