package protocol

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

// What is written is read as what it was, for any frame that can be.

func anyPosition() *rapid.Generator[Position] {
	return rapid.Custom(func(t *rapid.T) Position {
		p := Position{Epoch: rapid.StringMatching(`[A-Za-z0-9_-]{1,32}`).Draw(t, "epoch")}
		if p.Offset = anyNumber(0).Draw(t, "offset"); p.Offset > 0 {
			p.Tag = rapid.StringMatching(`[A-Za-z0-9_-]{0,16}`).Draw(t, "tag")
		}
		return p
	})
}

func anyNumber(min uint64) *rapid.Generator[uint64] {
	return rapid.OneOf(rapid.Uint64Range(min, 9), rapid.Uint64Range(min, MaxInteger), rapid.Just(uint64(MaxInteger)))
}

func anyChannel() *rapid.Generator[Channel] {
	return rapid.Custom(func(t *rapid.T) Channel {
		return Channel(rapid.StringMatching(`[A-Za-z0-9_~:@+=,-]{1,20}(/[A-Za-z0-9_.]{3,9}x)*`).
			Filter(func(s string) bool { return len(s) <= MaxChannelBytes }).Draw(t, "channel"))
	})
}

// anyText has what needs care: quotes, controls, line separators, what lies outside of the first plane.
func anyText(max int) *rapid.Generator[string] {
	runes := rapid.OneOf(rapid.SampledFrom([]rune("aZ\"\\/\x00\n\r\t\x1f\x7f\u2028\u2029é\ufffd\U0001F600<>&")), rapid.Rune())
	return rapid.StringOfN(runes, 0, max/4, max)
}

func anyData() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		if rapid.Bool().Draw(t, "text") {
			return appendString(nil, anyText(40).Draw(t, "string"))
		}
		return []byte(rapid.SampledFrom([]string{`null`, `false`, `0`, `-1.5e+9`, `""`, `{}`, `[]`, `{"a":[1,{"b":null}]}`, `"\ud800"`, `{"a":1,"a":2}`, `1e999`}).Draw(t, "json"))
	})
}

func anyClientFrame() *rapid.Generator[ClientFrame] {
	return rapid.Custom(func(t *rapid.T) ClientFrame {
		var names []string
		for name := range clientShapes {
			names = append(names, name)
		}
		slices.Sort(names)
		shape := clientShapes[rapid.SampledFrom(names).Draw(t, "type")]
		f := ClientFrame{Type: shape.name}
		for _, id := range shape.must {
			f.draw(t, id)
		}
		for _, id := range shape.may {
			if rapid.Bool().Draw(t, "with "+id.String()) {
				f.draw(t, id)
			}
		}
		return f
	})
}

func (f *ClientFrame) draw(t *rapid.T, id field) {
	filled := func(max int) string {
		return anyText(max).Filter(func(s string) bool { return s != "" }).Draw(t, id.String())
	}
	switch id {
	case fID:
		f.ID = anyNumber(1).Draw(t, "id")
	case fChannel:
		f.Channel = anyChannel().Draw(t, "channel")
	case fRoom:
		f.Room = filled(MaxNameBytes)
	case fSince:
		p := anyPosition().Draw(t, "since")
		f.Since = &p
	case fFilter:
		f.Filter = []byte(`{"and":[{"equals":{"data":"x"}},{}]}`)
	case fScope:
		f.Scope = rapid.SampledFrom([]string{ScopeAll, ScopeIn, ScopeOut, ScopeNone}).Draw(t, "scope")
	case fUsers:
		f.Users = rapid.SampledFrom([]string{UsersAll, UsersIn, UsersOut, UsersNone}).Draw(t, "users")
	case fData:
		f.Data = anyData().Draw(t, "data")
	case fEvent:
		f.Event = filled(MaxEventBytes)
	case fIdempotencyKey:
		f.IdempotencyKey = "k" + strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return -1
			}
			return r
		}, anyText(MaxIdempotencyKeyBytes-1).Draw(t, id.String()))
	case fSpread:
		f.SpreadMS = rapid.Uint64Range(1, MaxSpreadMS).Draw(t, "spread")
	case fConnectionID:
		f.ConnectionID = filled(MaxConnectionIDBytes)
	case fFallback:
		f.Fallback = filled(MaxNameBytes)
	case fExclude:
		if f.ExcludeSelf = rapid.Bool().Draw(t, "self"); !f.ExcludeSelf {
			f.ExcludeTab = filled(MaxTabBytes)
		}
	case fMeta:
		f.Meta = anyMeta().Draw(t, "meta")
	case fTrace:
		f.Trace = anyTrace().Draw(t, "trace")
	case fMethod:
		f.Method = filled(MaxNameBytes)
	case fLimit:
		f.Limit = rapid.IntRange(1, MaxHistoryLimit).Draw(t, "limit")
	case fToken:
		if f.Type != TypeRefresh || rapid.Bool().Draw(t, "signs in") {
			f.Token = filled(MaxTokenBytes)
		}
	case fSession:
		f.Session = filled(MaxNameBytes)
	case fReceived:
		n := anyNumber(0).Draw(t, "received")
		f.Received = &n
	case fGeneration:
		f.Generation = anyNumber(1).Draw(t, "generation")
	case fAttempt:
		f.Attempt = anyNumber(1).Draw(t, "attempt")
	case fAnew:
		f.Anew = rapid.Bool().Draw(t, "anew")
	case fMax:
		f.Max = rapid.IntRange(1, RecoveryPageBytes).Draw(t, "max")
	case fVersion:
		f.Version = rapid.IntRange(1, 9).Draw(t, "version")
	}
}

func TestClientFramesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(anyClientFrame(), 1, 3).Draw(t, "frames")
		wire := AppendClientFrames(nil, want)
		if !json.Valid(wire) || bytes.ContainsAny(wire, "\r\n") {
			t.Fatalf("not JSON on one line: %q", wire)
		}
		got, err := DecodeClientFrames(wire)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\ngot  %+v, %v\nwant %+v", wire, got, err, want)
		}
		n := uint64(len(want))
		send := Send{Session: "s", Seq: n, Received: &n, Frames: want}
		again, err := DecodeSend(AppendSend(nil, &send))
		if err != nil || !reflect.DeepEqual(again, send) {
			t.Fatalf("send: got %+v, %v", again, err)
		}
	})
}

func anyTrace() *rapid.Generator[string] {
	return rapid.StringMatching(`0[0-9a-e]-[0-9a-f]{31}1-[0-9a-f]{15}1-[0-9a-f]{2}`)
}

func anyMeta() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		return append(appendText([]byte{'{'}, fReason, anyText(40).Draw(t, "meta's text")), '}')
	})
}

// anyExtra is what the wire shows of one; nil often.
func anyExtra() *rapid.Generator[*Extra] {
	return rapid.Custom(func(t *rapid.T) *Extra {
		var x Extra
		if rapid.Bool().Draw(t, "meta") {
			x.Meta = anyMeta().Draw(t, "meta's value")
		}
		if rapid.Bool().Draw(t, "change") {
			x.Change, x.Gone = anyNumber(1).Draw(t, "change's number"), rapid.Bool().Draw(t, "gone")
			if n := anyNumber(1).Draw(t, "txn"); n != x.Change {
				x.Txn = n
			}
			if rapid.Bool().Draw(t, "changed") {
				x.Changed = []byte(`["a","b.c"]`)
			}
		}
		if x.Meta == nil && x.Change == 0 {
			return nil
		}
		return &x
	})
}

func anyMessage() *rapid.Generator[*Message] {
	return rapid.Custom(func(t *rapid.T) *Message {
		m := &Message{
			Channel: anyChannel().Draw(t, "channel"), ID: anyText(40).Draw(t, "id"), Data: anyData().Draw(t, "data"),
			TimeMS: int64(anyNumber(0).Draw(t, "time")), Event: anyText(MaxEventBytes).Draw(t, "event"), SpreadMS: rapid.Uint64Range(0, MaxSpreadMS).Draw(t, "spread"), Volatile: rapid.Bool().Draw(t, "volatile"),
		}
		if rapid.Bool().Draw(t, "traced") {
			m.Trace = anyTrace().Draw(t, "trace")
		}
		m.Extra = anyExtra().Draw(t, "extra")
		if rapid.Bool().Draw(t, "tab") {
			m.Exclude.Tab = anyText(MaxTabBytes).Draw(t, "exclude")
		}
		if !m.Volatile {
			m.Offset = anyNumber(1).Draw(t, "offset")
			m.Prev = rapid.Uint64Range(0, m.Offset-1).Draw(t, "prev")
			m.Tag = rapid.StringMatching(`[A-Za-z0-9_-]{1,16}`).Draw(t, "tag")
		}
		return m
	})
}

func TestMessagesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, room := anyMessage().Draw(t, "message"), anyText(20).Draw(t, "room")
		wire := AppendMessage(nil, m, View{Room: room, Prev: m.Prev, Out: m.View().Out})
		if !json.Valid(wire) || bytes.ContainsAny(wire, "\r\n") {
			t.Fatalf("not JSON on one line: %q", wire)
		}
		got, err := DecodeServerFrames(wire)
		if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0].Msg, m) || got[0].Room != room || got[0].Channel != m.Channel {
			t.Fatalf("%s\ngot %+v, %v", wire, got, err)
		}
		if !m.Volatile && (got[0].Prev == nil) != (m.Prev == m.Offset-1) {
			t.Fatalf("%s\nprev is %v", wire, got[0].Prev)
		}
	})
}

func anyMember() *rapid.Generator[Member] {
	return rapid.Custom(func(t *rapid.T) Member {
		name := anyText(40).Filter(func(s string) bool { return s != "" }).Draw(t, "name")
		if rapid.Bool().Draw(t, "user") {
			return Member{User: name}
		}
		return Member{Connection: name}
	})
}

func TestPresenceComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := anyNumber(0).Draw(t, "count")
		f := ServerFrame{Channel: "a", Count: &count, Members: rapid.SliceOfN(anyMember(), 0, 4).Draw(t, "members")}
		switch f.Type = rapid.SampledFrom([]string{TypePresence, TypeJoined, TypeLeft, TypeReply}).Draw(t, "type"); {
		case f.Type == TypeReply:
			f.ID, f.Channel = 7, ""
			fallthrough
		case f.Type == TypePresence && rapid.Bool().Draw(t, "unnamed"):
			f.Members = nil
		}
		wire := AppendServerFrame(nil, &f)
		got, err := DecodeServerFrames(wire)
		if err != nil || !reflect.DeepEqual(got, []ServerFrame{f}) {
			t.Fatalf("%s\ngot  %+v, %v\nwant %+v", wire, got, err, f)
		}
	})
}

func TestHistoryComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := ServerFrame{Type: TypeReply, ID: 1, Position: anyPosition().Draw(t, "top"), Complete: rapid.Bool().Draw(t, "complete"), Messages: []*Message{}}
		for _, m := range rapid.SliceOfN(anyMessage(), 0, 3).Draw(t, "messages") {
			m.Epoch = f.Position.Epoch
			f.Messages = append(f.Messages, m)
		}
		wire := AppendServerFrame(nil, &f)
		got, err := DecodeServerFrames(wire)
		if err != nil || !reflect.DeepEqual(got, []ServerFrame{f}) {
			t.Fatalf("%s\ngot  %+v, %v\nwant %+v", wire, got, err, f)
		}
	})
}
