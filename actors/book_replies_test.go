package actors

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"tidings/access"
	"tidings/protocol"
)

// given is a reply channel as its client knows it.
type given struct {
	Channel protocol.Channel
	Publish string
	Expires int64
	at      protocol.Position
}

// openReply asks for a reply channel.
func (c *client) openReply(data string) given {
	c.w.t.Helper()
	got, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeCall, Method: "reply", Data: []byte(data)})
	if got.Type != protocol.TypeReply {
		c.w.t.Fatalf("got %+v", got)
	}
	g := given{at: got.Position}
	if err := json.Unmarshal(got.Data, &g); err != nil {
		c.w.t.Fatal(err)
	}
	return g
}

// reply publishes with the publish URL, as the job does that has nothing else.
func (w *world) reply(g given, event, data, key string) (Published, protocol.Code) {
	w.t.Helper()
	u, err := url.Parse(g.Publish)
	if err != nil || u.Path != "api/reply" {
		w.t.Fatalf("publish URL %q: %v", g.Publish, err)
	}
	done, err := w.bus.Reply(context.Background(), Reply{
		To: u.Query().Get("to"), Signature: u.Query().Get("signature"), Event: event, Data: []byte(data), IdempotencyKey: key,
	})
	if err != nil {
		return Published{}, protocol.AsError(err).Code
	}
	return done, ""
}

func (w *world) mustReply(g given, event, data string) {
	w.t.Helper()
	if _, code := w.reply(g, event, data, ""); code != "" {
		w.t.Fatalf("%s %s: %s", event, data, code)
	}
}

func TestReplyChannel(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		g := c.openReply("null")
		if want := time.Now().Add(time.Hour).UnixMilli(); g.Expires != want {
			t.Errorf("it expires at %d, want in an hour, %d", g.Expires, want)
		}
		w.mustReply(g, "progress", `"early"`) // before the subscribe landed
		at, rest := c.subscribe(g.Channel, &g.at)
		if at != g.at {
			t.Errorf("subscribed at %v, want %v", at, g.at)
		}
		w.mustReply(g, "progress", `"live"`)
		w.mustReply(g, "done", `{"rows":7}`)
		same(t, "replies", data(append(rest, c.next()...), g.Channel), []string{`"early"`, `"live"`, `{"rows":7}`})
		if _, code := w.reply(g, "progress", `1`, ""); code != protocol.CodeChannelClosed {
			t.Errorf("after done: %q", code)
		}
		if s := w.bus.Stats(); s.RepliesOpened != 1 || s.RepliesClosed != 1 || s.Mailboxes != 1 {
			t.Errorf("counted %d, %d, %d", s.RepliesOpened, s.RepliesClosed, s.Mailboxes)
		}
	})
}

// The phone sleeps beyond its session, and wakes on a new one: the same client reads its channel again from where it
// was.
func TestReplySurvivesItsSession(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		g := c.openReply(`{"ttl":86400000}`)
		c.subscribe(g.Channel, &g.at)
		w.mustReply(g, "progress", "1")
		seen := only(c.next(), protocol.TypeMessage)[0].Msg.Position()
		seen.Epoch = g.at.Epoch
		c.cut()
		w.pass(time.Hour)
		w.mustReply(g, "progress", "2")
		w.mustReply(g, "done", "3")
		w.pass(20 * time.Hour) // the usual history is gone for long
		n := c.resume()
		if n.resumed {
			t.Fatal("the session lives")
		}
		_, rest := n.subscribe(g.Channel, &seen)
		same(t, "what was missed", data(rest, g.Channel), []string{"2", "3"})
		if len(only(rest, protocol.TypeGap)) > 0 {
			t.Error("it was told a gap")
		}
		page, _ := n.ask(protocol.ClientFrame{Type: protocol.TypeHistory, Channel: g.Channel, Limit: 1})
		if len(page.Messages) != 1 || page.Messages[0].Event != "done" {
			t.Errorf("history: %+v", page)
		}
	})
}

// B113: after its end.
func TestB113_ReplyEnds(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		g := c.openReply(`{"ttl":60000}`)
		w.mustReply(g, "progress", "1")
		w.pass(59 * time.Second)
		w.mustReply(g, "progress", "2")
		w.pass(2 * time.Second)
		if _, code := w.reply(g, "done", "3", ""); code != protocol.CodeChannelExpired {
			t.Errorf("published after its end: %q", code)
		}
		for _, f := range []protocol.ClientFrame{{Type: protocol.TypeSubscribe, Channel: g.Channel, Since: &g.at}, {Type: protocol.TypeHistory, Channel: g.Channel}} {
			if got, _ := c.ask(f); got.Code != protocol.CodeChannelExpired {
				t.Errorf("%s after its end: %+v", f.Type, got)
			}
		}
	})
}

// A repeated done is one done, and its answer the first one; any other publish behind it is refused.
func TestReplyRepeated(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		g := w.connect().openReply("null")
		first, _ := w.reply(g, "done", "1", "key")
		again, code := w.reply(g, "done", "1", "key")
		if code != "" || !again.Duplicate || again.Position != first.Position {
			t.Errorf("again: %+v %q, first %+v", again, code, first)
		}
		for _, c := range []struct {
			event, data, key string
			want             protocol.Code
		}{
			{"done", "1", "", protocol.CodeChannelClosed}, {"error", "1", "other", protocol.CodeChannelClosed}, {"done", "2", "key", protocol.CodeIdempotencyConflict},
		} {
			if _, code := w.reply(g, c.event, c.data, c.key); code != c.want {
				t.Errorf("%+v: got %q", c, code)
			}
		}
		if n := w.bus.Stats().RepliesClosed; n != 1 {
			t.Errorf("closed %d times", n)
		}
	})
}

// B114: a name that was made up, or changed, is nobody's.
func TestB114_ForeignReplyChannels(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		g := c.openReply("null")
		made := protocol.ReplyChannel("zzzzzz.cmFuZG9t.b3duZXI", "cHJvb2Y")
		for _, f := range []protocol.ClientFrame{
			{Type: protocol.TypeSubscribe, Channel: made}, {Type: protocol.TypeHistory, Channel: made}, {Type: protocol.TypeSubscribe, Channel: g.Channel + "x"},
		} {
			if got, _ := c.ask(f); got.Code != protocol.CodeForbidden {
				t.Errorf("%s %s: %+v", f.Type, f.Channel, got)
			}
		}
		forged := g
		forged.Publish = strings.Replace(g.Publish, "signature=", "signature=A", 1)
		if _, code := w.reply(forged, "done", "1", ""); code != protocol.CodeForbidden {
			t.Errorf("a forged URL: %q", code)
		}
		if n := w.bus.Stats().Channels; n != 0 {
			t.Errorf("%d channels were made for what was refused", n)
		}
	})
}

func TestCallsThatAreRefused(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		for _, q := range []struct {
			method, data string
			want         protocol.Code
		}{
			{"other", "null", protocol.CodeUnsupported},
			{"reply", `{"ttl":999}`, protocol.CodeBadRequest},
			{"reply", `{"ttl":86400001}`, protocol.CodeBadRequest},
			{"reply", `{"ttl":1e4}`, protocol.CodeBadRequest},
			{"reply", `{"ttl":-1}`, protocol.CodeBadRequest},
			{"reply", `{"ttl":"1h"}`, protocol.CodeBadRequest},
			{"reply", `{"ttl":18446744073709551616}`, protocol.CodeBadRequest},
			{"reply", `{"TTL":1000}`, protocol.CodeUnknownField},
			{"reply", `{"ttl":1000,"ttl":1000}`, protocol.CodeBadJSON},
			{"reply", `[]`, protocol.CodeBadRequest},
		} {
			if got, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeCall, Method: q.method, Data: []byte(q.data)}); got.Code != q.want {
				t.Errorf("%s %s: got %+v, want %s", q.method, q.data, got, q.want)
			}
		}
	})
}

func TestReplyChannelsAreBounded(t *testing.T) {
	inBubble(t, func(cfg *Config) { cfg.MaxReplies = 2 }, func(w *world) {
		c := w.connect()
		var list []given
		for range protocol.MaxReplies {
			list = append(list, c.openReply(`{"ttl":60000}`))
		}
		if got, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeCall, Method: "reply"}); got.Code != protocol.CodeLimitReached || !got.Retry {
			t.Errorf("one too many: %+v", got)
		}
		w.mustReply(list[0], "done", "1")
		w.mustReply(list[1], "progress", "1")
		if _, code := w.reply(list[2], "done", "1", ""); code != protocol.CodeOverloaded {
			t.Errorf("a third mailbox: %q", code)
		}
		w.mustReply(list[1], "done", "1") // those that are there go on
		c.openReply("null")               // two are over
		c.openReply("null")
		if got, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeCall, Method: "reply"}); got.Code != protocol.CodeLimitReached || !got.Retry {
			t.Errorf("one too many again: %+v", got)
		}
		w.pass(61 * time.Second)
		g := c.openReply("null")
		w.mustReply(g, "done", "1") // in the place of one that has expired
		if n := w.bus.Stats().Mailboxes; n != 1 {
			t.Errorf("%d mailboxes", n)
		}
	})
}

// B113: 20 a second, 50 at once.
func TestB113_RepliesAreRateLimited(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		g, other := c.openReply("null"), c.openReply("null")
		for i := range 50 {
			w.mustReply(g, "progress", fmt.Sprint(i))
		}
		if _, code := w.reply(g, "progress", "50", ""); code != protocol.CodeRateLimited {
			t.Errorf("the 51st at once: %q", code)
		}
		w.mustReply(other, "progress", "1")
		w.pass(time.Second / 20)
		w.mustReply(g, "done", "51")
	})
}

// The mailbox keeps the newest; who missed more is told so.
func TestMailboxIsBounded(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		g := c.openReply("null")
		for i := range protocol.MaxReplyMessages + 1 {
			w.mustReply(g, "progress", fmt.Sprint(i))
			w.pass(time.Second / 20)
		}
		if _, rest := c.subscribe(g.Channel, &g.at); len(only(rest, protocol.TypeGap)) != 1 {
			t.Errorf("who missed the first is told %v", rest)
		}
		big := `"` + strings.Repeat("b", protocol.MaxPayloadBytes-2) + `"`
		w.mustReply(g, "progress", big)
		w.mustReply(g, "done", big)
		page, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeHistory, Channel: g.Channel})
		if n := len(page.Messages); n != 1 || page.Messages[0].Event != "done" {
			t.Errorf("%d messages of 64 KiB are kept", n)
		}
	})
}

func TestWithoutReplyChannels(t *testing.T) {
	inBubble(t, func(cfg *Config) { cfg.MaxReplies = -1 }, func(w *world) {
		if got, _ := w.connect().ask(protocol.ClientFrame{Type: protocol.TypeCall, Method: "reply"}); got.Code != protocol.CodeUnsupported {
			t.Errorf("got %+v", got)
		}
		if _, err := w.bus.Reply(context.Background(), Reply{To: "a", Signature: "b", Event: "done", Data: []byte("1")}); protocol.AsError(err).Code != protocol.CodeUnsupported {
			t.Errorf("got %v", err)
		}
	})
}

// The channel is its user's: on another device, after a new sign-in and whatever the rules say of other channels; and
// nobody else's, who may have seen its name.
func TestReplyBelongsToItsUser(t *testing.T) {
	inBubble(t, withTokens(t, access.Rules{Subscribe: access.Nobody}), func(w *world) {
		ann := w.signIn(sign(t, "ann", time.Hour), "")
		g := ann.openReply("null")
		ann.may(g.Channel, true)
		w.mustReply(g, "progress", "1")
		same(t, "ann's", data(ann.next(), g.Channel), []string{"1"})
		w.pass(time.Second)
		again := w.signIn(sign(t, "ann", time.Hour), "")
		again.may(g.Channel, true)
		for name, other := range map[string]*client{"bob": w.signIn(sign(t, "bob", time.Hour), ""), "nobody in particular": w.connect()} {
			other.may(g.Channel, false)
			if got, _ := other.ask(protocol.ClientFrame{Type: protocol.TypeHistory, Channel: g.Channel}); got.Code != protocol.CodeForbidden {
				t.Errorf("%s reads its history: %+v", name, got)
			}
		}
		w.mustReply(g, "done", "2")
		same(t, "on the other device", data(again.next(), g.Channel), []string{"2"})
	})
}
