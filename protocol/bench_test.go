package protocol

import "testing"

var benchMessage = Message{
	Channel: "visitor-management/arrival/u42", Epoch: "n1k3-7q2z", Offset: 123456, Prev: 123455, Tag: "k3x9", ID: "01JABCDEFGHJKMNPQRSTVWXYZ0",
	Data: []byte(`{"visitor":"u42","at":"2026-01-01T08:00:00Z","door":3}`), TimeMS: 1767225600000,
}

func BenchmarkAppendMessage(b *testing.B) {
	b.ReportAllocs()
	dst := make([]byte, 0, 512)
	for b.Loop() {
		dst = AppendMessage(dst[:0], &benchMessage, View{Prev: 123455})
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkDecodeClientFrames(b *testing.B) {
	for _, c := range []struct{ name, wire string }{
		{"ping", `{"type":"ping","id":7}`},
		{"subscribe", `{"type":"subscribe","id":1,"channel":"visitor-management/arrival/u42","since":{"epoch":"n1k3-7q2z","offset":123455,"tag":"k3x9"}}`},
		{"publish", `{"type":"publish","id":1,"channel":"visitor-management/arrival/u42","data":{"visitor":"u42","at":"2026-01-01T08:00:00Z","door":3}}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			wire := []byte(c.wire)
			b.SetBytes(int64(len(wire)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := DecodeClientFrames(wire); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeServerFrames(b *testing.B) {
	wire := AppendMessage(nil, &benchMessage, View{Prev: 123455})
	b.SetBytes(int64(len(wire)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeServerFrames(wire); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompactJSON(b *testing.B) {
	b.SetBytes(int64(len(benchMessage.Data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := CompactJSON(benchMessage.Data); err != nil {
			b.Fatal(err)
		}
	}
}

// The path that each message takes allocates nothing; the decoders allocate what they keep.
func TestAllocations(t *testing.T) {
	dst := make([]byte, 0, 512)
	ping := []byte(`{"type":"ping","id":7}`)
	publish := []byte(`{"type":"publish","id":1,"channel":"a","data":{"x":1}}`)
	message := AppendMessage(nil, &benchMessage, View{Prev: 123455})
	for _, c := range []struct {
		name string
		most float64
		run  func()
	}{
		{"AppendMessage", 0, func() { dst = AppendMessage(dst[:0], &benchMessage, View{Room: "room", Prev: 3}) }},
		{"CompactJSON of compact data", 0, func() { CompactJSON(benchMessage.Data) }},
		{"DecodeClientFrames of a ping: the slice", 1, func() { DecodeClientFrames(ping) }},
		{"DecodeClientFrames of a publish: the slice, channel, data", 3, func() { DecodeClientFrames(publish) }},
		{"DecodeServerFrames of a message: the slice, the message, channel, tag, id, data", 6, func() { DecodeServerFrames(message) }},
	} {
		if got := testing.AllocsPerRun(100, c.run); got > c.most {
			t.Errorf("%s: %v allocations, want at most %v", c.name, got, c.most)
		}
	}
}
