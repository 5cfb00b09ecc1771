package protocol

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Each decoder: never a panic, never an error of another kind, and what it takes it writes and takes again as the same.

func wantProtocolError(t *testing.T, err error, codes ...Code) {
	t.Helper()
	e, ok := err.(*Error)
	if !ok || e.Reason == "" || e.Hint == "" || !slices.Contains(codes, e.Code) {
		t.Fatalf("error %#v", err)
	}
}

var frameCodes = []Code{CodeBadJSON, CodeBadUTF8, CodeBadRequest, CodeUnknownType, CodeBadChannel, CodeForbidden, CodeBadCursor, CodeTooLarge}

func seedFrames(f *testing.F, direction string) {
	for _, v := range readVectors[frameVector](f, "frames.json") {
		if v.Direction == direction {
			f.Add([]byte(v.Wire))
		}
	}
	f.Add([]byte("{\"type\":\"ping\"}\xff"))
}

func FuzzDecodeClientFrames(f *testing.F) {
	seedFrames(f, "client")
	f.Fuzz(func(t *testing.T, b []byte) {
		given := bytes.Clone(b)
		frames, err := DecodeClientFrames(b)
		if !bytes.Equal(b, given) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			wantProtocolError(t, err, frameCodes...)
			return
		}
		if len(frames) == 0 || len(frames) > MaxFrames || !json.Valid(b) {
			t.Fatalf("took %q as %d frames", b, len(frames))
		}
		wire := AppendClientFrames(nil, frames)
		again, err := DecodeClientFrames(wire)
		if err != nil || !reflect.DeepEqual(again, frames) || !json.Valid(wire) || bytes.ContainsAny(wire, "\r\n") {
			t.Fatalf("%q\nthen %q: %v\n%+v\n%+v", b, wire, err, frames, again)
		}
	})
}

func FuzzDecodeServerFrames(f *testing.F) {
	seedFrames(f, "server")
	f.Fuzz(func(t *testing.T, b []byte) {
		frames, err := DecodeServerFrames(b)
		if err != nil {
			wantProtocolError(t, err, frameCodes...)
			return
		}
		for i := range frames {
			wire := AppendServerFrame(nil, &frames[i])
			if !json.Valid(wire) || bytes.ContainsAny(wire, "\r\n") {
				t.Fatalf("%q\nthen %q", b, wire)
			}
			again, err := DecodeServerFrames(wire)
			if err != nil {
				t.Fatalf("%q\nthen %q: %v", b, wire, err)
			}
			if twice := AppendServerFrame(nil, &again[0]); !bytes.Equal(twice, wire) {
				t.Fatalf("%q\nthen %q\nthen %q", b, wire, twice)
			}
		}
	})
}

func FuzzCompactJSON(f *testing.F) {
	seedFrames(f, "client")
	for _, seed := range []string{`{ "a" : [1, 2.5e-7, {"b":"\ud83d\ude00 \\\" "}] }`, `"\ud800"`, "\"\u2028\"", `-0`, `[[[[]]]]`, `tru`, `1.`, `.1`, `1e`, "[1\f]", `{"a":1,"a":2}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := CompactJSON(b)
		if err != nil {
			wantProtocolError(t, err, CodeBadJSON, CodeBadUTF8, CodeTooLarge)
			if json.Valid(b) && utf8.Valid(b) && len(b) < MaxPayloadBytes && len(b) < MaxTokens && bytes.Count(b, []byte("["))+bytes.Count(b, []byte("{")) <= MaxDepth {
				t.Fatalf("%q is refused: %v", b, err)
			}
			return
		}
		var want bytes.Buffer
		if err := json.Compact(&want, b); err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Fatalf("%q: got %q, encoding/json %q, %v", b, got, want.Bytes(), err)
		}
		if twice, err := CompactJSON(got); err != nil || !bytes.Equal(twice, got) {
			t.Fatalf("%q: again %q, %v", got, twice, err)
		}
		m := Message{Channel: "a", Offset: 1, Tag: "t", ID: "i", Data: got}
		frames, err := DecodeServerFrames(AppendMessage(nil, &m, View{}))
		if err != nil || !bytes.Equal(frames[0].Msg.Data, got) {
			t.Fatalf("%q does not travel: %v", got, err)
		}
	})
}

// ReadObject and encoding/json see the same members.
func FuzzReadObject(f *testing.F) {
	seedFrames(f, "client")
	f.Fuzz(func(t *testing.T, b []byte) {
		got := map[string]json.RawMessage{}
		err := ReadObject(b, func(name string, value []byte) error {
			got[name] = value
			if s, err := ReadString(value); err == nil {
				var want string
				if err := json.Unmarshal(value, &want); err != nil || s != want {
					t.Fatalf("%q: got %q, encoding/json %q, %v", value, s, want, err)
				}
			}
			return nil
		})
		if err != nil {
			wantProtocolError(t, err, CodeBadJSON, CodeBadUTF8, CodeBadRequest)
			return
		}
		want := map[string]json.RawMessage{}
		if err := json.Unmarshal(b, &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: got %q, encoding/json %q, %v", b, got, want, err)
		}
	})
}

func FuzzParseChannel(f *testing.F) {
	for _, v := range readVectors[channelVector](f, "channels.json") {
		f.Add(v.In)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ch, err := ParseChannel(s)
		if err != nil {
			wantProtocolError(t, err, CodeBadChannel, CodeForbidden)
			return
		}
		if string(ch) != s || len(s) == 0 || len(s) > MaxChannelBytes || string(appendString(nil, s)) != `"`+s+`"` {
			t.Fatalf("%q: got %q", s, ch)
		}
	})
}

func FuzzParsePosition(f *testing.F) {
	for _, v := range readVectors[positionVector](f, "positions.json") {
		f.Add(v.In)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePosition(s)
		if err != nil {
			wantProtocolError(t, err, CodeBadCursor)
			return
		}
		if p.String() != s || p.Check() != nil || p.IsZero() {
			t.Fatalf("%q: got %+v, which writes %q", s, p, p)
		}
	})
}

func FuzzParseCursor(f *testing.F) {
	for _, v := range readVectors[cursorVector](f, "cursors.json") {
		f.Add(v.In, v.Channels)
	}
	f.Fuzz(func(t *testing.T, s string, channels int) {
		ps, err := ParseCursor(s, channels)
		if err != nil {
			wantProtocolError(t, err, CodeBadCursor)
			return
		}
		if len(ps) != channels || string(AppendCursor(nil, ps)) != s {
			t.Fatalf("%q: got %+v", s, ps)
		}
	})
}

func FuzzDecodeSend(f *testing.F) {
	for _, seed := range []string{`{"session":"s","seq":1,"received":3,"frames":[{"type":"ping"}]}`, `{"session":"s","seq":1,"frames":[]}`,
		`{"frames":[{"type":"publish","id":1,"channel":"a","data":{ "a":1 , "a":2}}],"seq":2,"session":"\u0073"}`, `{"frames":{},"seq":-1}`, `[]`, `{"frames":[{"type":"ping"}],"frames":[]}`, `{"frames":[{"id":1}],"seq":1,"session":"0"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		send, err := DecodeSend(b)
		if err != nil {
			wantProtocolError(t, err, frameCodes...)
			return
		}
		if send.Refused != nil { // nothing of the frames is left but what is answered
			wantProtocolError(t, send.Refused, frameCodes...)
			if len(RequestIDs(send.Frames)) == 0 || send.Session == "" || send.Seq == 0 {
				t.Fatalf("%q: refused, and nobody hears of it: %+v", b, send)
			}
			return
		}
		wire := AppendSend(nil, &send)
		again, err := DecodeSend(wire)
		if err != nil || !reflect.DeepEqual(again, send) {
			t.Fatalf("%q\nthen %q: %v", b, wire, err)
		}
	})
}

func FuzzDecodePollAnswer(f *testing.F) {
	for _, seed := range []string{`{"frames":[{"type":"pong"}],"cursor":3}`, `{"frames":[],"cursor":"e:1:t,-"}`, `{"cursor":1,"frames":[{"type":"x"}]}`, `{"frames":[],"cursor":null}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, _, err := DecodePollAnswer(b); err != nil {
			wantProtocolError(t, err, frameCodes...)
		}
	})
}

// A name of a reply channel that is taken is shown without what lets read it.
func FuzzParseReadable(f *testing.F) {
	for _, s := range []string{"news", "$reply/tmk4q0.cmFuZG9t.b3duZXI.cHJvb2Y", "$reply/a.b.c.", "$reply/...", "$reply/zzzzzzzzzzzzzzzzz.b.c.d", "$reply/1./../b.c.d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ch, err := ParseReadable(s)
		if err != nil {
			wantProtocolError(t, err, CodeBadChannel, CodeForbidden)
			return
		}
		to, proof, reply := ch.ReplyParts()
		if string(ch) != s || len(s) > MaxChannelBytes || reply != strings.HasPrefix(s, "$") {
			t.Fatalf("%q: got %q, %v", s, ch, reply)
		}
		if end, ok := ch.ReplyExpires(); reply && (ReplyChannel(to, proof) != ch || !ok || end.Year() > 40_000 || ch.Shown()+"."+proof != s) {
			t.Fatalf("%q: parts %q and %q, until %v, shown as %q", s, to, proof, end, ch.Shown())
		}
	})
}
