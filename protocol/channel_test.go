package protocol

import (
	"errors"
	"strings"
	"testing"
)

type channelVector struct {
	Name, In string
	Code     Code
}

func TestParseChannel(t *testing.T) {
	for _, v := range readVectors[channelVector](t, "channels.json") {
		t.Run(v.Name, func(t *testing.T) {
			ch, err := ParseChannel(v.In)
			if got := codeOf(err); got != v.Code {
				t.Fatalf("%q: got %q, want %q", v.In, got, v.Code)
			}
			if err == nil && string(ch) != v.In {
				t.Fatalf("%q became %q", v.In, ch)
			}
		})
	}
}

func TestErrorsCompareByCode(t *testing.T) {
	_, err := ParseChannel("$SYS")
	if !errors.Is(err, &Error{Code: CodeForbidden}) || errors.Is(err, &Error{Code: CodeBadChannel}) {
		t.Fatalf("got %v", err)
	}
	if got, want := err.Error(), `forbidden: channel names that start with "$" are the server's own`; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
}

// Who listens may name a reply channel, too; of the server's other names nobody gets any.
func TestParseReadable(t *testing.T) {
	const good = "$reply/tmk4q0.cmFuZG9t.b3duZXI.cHJvb2Y"
	for _, c := range []struct {
		name, in string
		want     Code
	}{
		{name: "a channel as any", in: "visitor/arrival"},
		{name: "a reply channel", in: good},
		{name: "nothing", in: "", want: CodeBadChannel},
		{name: "another of the server's", in: "$SYS", want: CodeForbidden},
		{name: "the prefix alone", in: "$reply/", want: CodeBadChannel},
		{name: "without a proof", in: "$reply/tmk4q0.cmFuZG9t.b3duZXI", want: CodeBadChannel},
		{name: "a part too many", in: good + ".x", want: CodeBadChannel},
		{name: "no time", in: "$reply/!.a.b.c", want: CodeBadChannel},
		{name: "a time that is none", in: "$reply/-1.a.b.c", want: CodeBadChannel},
		{name: "a time beyond all", in: "$reply/zzzzzzzzz.a.b.c", want: CodeBadChannel},
		{name: "a dollar in a part", in: "$reply/tmk4q0.$.b.c", want: CodeBadChannel},
		{name: "twice", in: "$reply/" + good, want: CodeForbidden},
		{name: "a path", in: "$reply/tmk4q0.a.b./../c", want: CodeBadChannel},
		{name: "too long", in: good + strings.Repeat("a", MaxChannelBytes), want: CodeBadChannel},
		{name: "too long with its prefix", in: "$reply/a.b.c." + strings.Repeat("a", MaxChannelBytes-8), want: CodeBadChannel},
	} {
		got, err := ParseReadable(c.in)
		var refused *Error
		if errors.As(err, &refused); err == nil && (c.want != "" || string(got) != c.in) || err != nil && (refused == nil || refused.Code != c.want || refused.Hint == "" || got != "") {
			t.Errorf("%s: %q gave %q, %v, want %q", c.name, c.in, got, err, c.want)
		}
	}
}

// Only frames that listen take the name of a reply channel.
func TestFramesThatTakeReplyChannels(t *testing.T) {
	for _, c := range []struct {
		frame string
		ok    bool
	}{
		{`{"type":"subscribe","id":1,"channel":"$reply/a.b.c.d"}`, true},
		{`{"type":"unsubscribe","id":1,"channel":"$reply/a.b.c.d"}`, true},
		{`{"type":"history","id":1,"channel":"$reply/a.b.c.d"}`, true},
		{`{"type":"publish","id":1,"channel":"$reply/a.b.c.d","data":1}`, false},
		{`{"type":"presence","id":1,"channel":"$reply/a.b.c.d"}`, false},
	} {
		_, err := DecodeClientFrames([]byte(c.frame))
		if c.ok && err != nil || !c.ok && !errors.Is(err, &Error{Code: CodeForbidden}) {
			t.Errorf("%s: %v", c.frame, err)
		}
	}
}

func TestReplyNames(t *testing.T) {
	ch := ReplyChannel("tmk4q0.r.o", "secret")
	to, proof, ok := ch.ReplyParts()
	if !ok || to != "tmk4q0.r.o" || proof != "secret" || ch.Shown() != "$reply/tmk4q0.r.o" {
		t.Errorf("%s is %q, %q, %v, shown as %s", ch, to, proof, ok, ch.Shown())
	}
	if end, ok := ch.ReplyExpires(); !ok || end.Unix() != 1791409896 {
		t.Errorf("it ends at %v", end.Unix())
	}
	for _, other := range []Channel{"a", "reply/a.b.c.d", "$reply/a", ""} {
		if _, ok := other.ReplyExpires(); ok || other.Shown() != string(other) {
			t.Errorf("%q passes for a reply channel", other)
		}
	}
}
