package actors

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tidings/access"
	"tidings/core"
	"tidings/protocol"
)

var tokenSecret = []byte("a secret of these tests, of more than 32 bytes")

// signer makes tokens that withTokens takes.
func sign(t testing.TB, user string, lifetime time.Duration, roles ...string) string {
	t.Helper()
	s, err := access.NewSigner(tokenSecret)
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Sign(access.TokenClaims{Issuer: "tests", Audience: "tidings", User: user, Lifetime: lifetime, Claims: map[string]any{"roles": roles}})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// withTokens lets clients sign in, under rules.
func withTokens(t testing.TB, rules access.Rules) func(*Config) {
	return func(c *Config) {
		tokens, err := access.NewTokens(access.TokenConfig{Issuer: "tests", Audience: "tidings", Secret: tokenSecret})
		if err != nil {
			t.Fatal(err)
		}
		c.Tokens, c.Rules = tokens, rules
	}
}

// usual lets everybody hear news, a user its inbox, and admins what is theirs.
var usual = access.Rules{Channels: []access.Rule{
	{Pattern: "news", Subscribe: access.Anyone},
	{Pattern: "inbox/{user}", Subscribe: access.User, Publish: access.User},
	{Pattern: "admin/**", Subscribe: "role:admin"},
}}

func (w *world) signIn(token, session string) *client {
	w.t.Helper()
	c, err := w.open(protocol.Peer{Transport: protocol.WebSocket}, &protocol.ClientFrame{Type: protocol.TypeConnect, Token: token, Session: session})
	if err != nil {
		w.t.Fatalf("connect: %v", err)
	}
	return c
}

func (c *client) may(ch protocol.Channel, want bool) {
	c.w.t.Helper()
	answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: ch})
	if (answer.Type == protocol.TypeSubscribed) != want || !want && answer.Code != protocol.CodeForbidden {
		c.w.t.Errorf("%s: got %s %s", ch, answer.Type, answer.Code)
	}
}

func TestATokenSaysWhoMayHear(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		for _, c := range []struct {
			token                   string
			news, inbox, adminsOnly bool
		}{
			{"", true, false, false},
			{sign(t, "u1", time.Hour), true, true, false},
			{sign(t, "u2", time.Hour, "admin"), true, false, true},
		} {
			client := w.signIn(c.token, "")
			client.may("news", c.news)
			client.may("inbox/u1", c.inbox)
			client.may("admin/x", c.adminsOnly)
			client.may("other", false)
		}
	})
}

func TestABadTokenIsRefused(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		good := sign(t, "u1", time.Minute)
		open := func(token string) protocol.Code {
			_, err := w.open(protocol.Peer{Transport: protocol.WebSocket}, &protocol.ClientFrame{Type: protocol.TypeConnect, Token: token})
			var e *protocol.Error
			errors.As(err, &e)
			if e == nil {
				return ""
			}
			return e.Code
		}
		if code := open(good); code != "" {
			t.Errorf("a good one: %s", code)
		}
		if code := open(good[:len(good)-2] + "xx"); code != protocol.CodeUnauthorized {
			t.Errorf("an altered one: %q", code)
		}
		w.pass(time.Minute + access.TokenLeeway + time.Second)
		if code := open(good); code != protocol.CodeTokenExpired {
			t.Errorf("an expired one: %q", code)
		}
	})
}

// The client of a gateway keeps its socket when its token is over, and is nobody until it signs in again.
func TestB68_ATokenThatExpiresSignsTheClientOfAGatewayOut(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		peer := protocol.Peer{Transport: protocol.WebSocket, Gateway: protocol.GatewayPrimus}
		c, err := w.open(peer, &protocol.ClientFrame{Type: protocol.TypeConnect, Token: sign(t, "u1", time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		c.subscribe("inbox/u1", nil)
		w.pass(time.Minute)
		if got := codes(c.next()); len(got) == 0 || got[0] != protocol.CodeTokenExpired {
			t.Errorf("when it is over: %v", got)
		}
		w.publish("inbox/u1", `"secret"`)
		if got := data(c.next(), "inbox/u1"); len(got) != 0 {
			t.Errorf("then it heard %q", got)
		}
		w.pass(10 * refreshGrace)
		if c.link.end() != "" || !c.conn.Identity().Anonymous() {
			t.Errorf("later: ended %q, as %q", c.link.end(), c.conn.Identity().User)
		}
		c.tell(protocol.ClientFrame{Type: protocol.TypeRefresh, ID: 9, Token: sign(t, "u1", time.Minute)})
		c.subscribe("inbox/u1", nil)
		w.publish("inbox/u1", `"again"`)
		if got := data(c.next(), "inbox/u1"); len(got) != 1 {
			t.Errorf("signed in again it heard %q", got)
		}
	})
}

// B68: expired during the connection.
func TestB68_ATokenThatExpiresIsToldAndThenEndsTheConnection(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		c := w.signIn(sign(t, "u1", time.Minute), "")
		c.subscribe("inbox/u1", nil)
		other := w.connect()
		w.pass(time.Minute - time.Second)
		if got := c.next(); len(got) != 0 {
			t.Errorf("before its time: %v", got)
		}
		w.pass(time.Second)
		if got := codes(c.next()); !slices.Equal(got, []protocol.Code{protocol.CodeTokenExpired}) {
			t.Errorf("when it is over: %v", got)
		}
		w.pass(refreshGrace - time.Second)
		if c.link.end() != "" {
			t.Errorf("within the grace it ended with %s", c.link.end())
		}
		w.pass(2 * time.Second)
		if c.link.end() != protocol.CodeTokenExpired || !c.link.farewell().Frame.Retry {
			t.Errorf("after the grace: %q", c.link.end())
		}
		w.publish("inbox/u1", `"meanwhile"`)
		if got := c.next(); len(got) != 0 {
			t.Errorf("after that it heard %v", got)
		}
		again, err := w.open(protocol.Peer{Transport: protocol.SSE}, &protocol.ClientFrame{Type: protocol.TypeConnect, Session: c.session, Received: &c.received, Token: sign(t, "u1", time.Hour)})
		if err != nil || !again.resumed {
			t.Fatalf("with another token it did not resume: %v", err)
		}
		if got := data(again.next(), "inbox/u1"); len(got) != 1 || again.conn.lapsed.Load() != 0 {
			t.Errorf("then it heard %q", got)
		}
		if other.link.end() != "" {
			t.Error("an anonymous client ended, too")
		}
	})
}

func TestAPollGoesOnWithAnotherTokenAlone(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		c, err := w.open(protocol.Peer{Transport: protocol.Poll}, &protocol.ClientFrame{Type: protocol.TypeConnect, Token: sign(t, "u1", time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute + refreshGrace)
		if _, err := c.conn.Poll(&link{}, pollAfter(c.received)); !errors.Is(err, access.ErrTokenExpired) {
			t.Errorf("got %v", err)
		}
		if err := c.conn.Receive(anyGeneration, []protocol.ClientFrame{{Type: protocol.TypeRefresh, ID: 1, Token: sign(t, "u1", time.Hour)}}); err != nil {
			t.Fatal(err)
		}
		w.settle()
		if _, err := c.conn.Poll(&link{}, pollAfter(c.received)); err != nil {
			t.Errorf("after a refresh: %v", err)
		}
	})
}

// A client that was told connected polls at once, before its connection's actor has heard of the new token.
func TestAPollGoesOnAfterAConnectWithAnotherToken(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		peer := protocol.Peer{Transport: protocol.Poll}
		c, err := w.open(peer, &protocol.ClientFrame{Type: protocol.TypeConnect, Token: sign(t, "u1", time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			w.pass(time.Minute + refreshGrace)
			if _, err := c.conn.Poll(&link{}, pollAfter(0)); !errors.Is(err, access.ErrTokenExpired) {
				t.Fatalf("with the old token: %v", err)
			}
			connect := &protocol.ClientFrame{Type: protocol.TypeConnect, Session: c.session, Token: sign(t, "u1", time.Minute)}
			conn, _, err := w.bus.Open(context.Background(), peer, connect, &link{})
			if err != nil || conn != c.conn {
				t.Fatalf("with a new one: %v", err)
			}
			if _, err := conn.Poll(&link{}, pollAfter(0)); err != nil {
				t.Fatalf("the poll after it: %v", err)
			}
		}
	})
}

func TestARefreshKeepsTheConnection(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		c := w.signIn(sign(t, "u1", time.Minute), "")
		c.subscribe("inbox/u1", nil)
		w.pass(time.Minute) // it is told
		c.next()
		if answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeRefresh, Token: sign(t, "u1", time.Hour)}); answer.Type != protocol.TypeReply {
			t.Fatalf("got %+v", answer)
		}
		w.pass(30 * time.Minute)
		w.publish("inbox/u1", "1")
		if got := data(c.next(), "inbox/u1"); len(got) != 1 || c.link.end() != "" {
			t.Errorf("half an hour later: %q, %s", got, c.link.end())
		}
		w.pass(31 * time.Minute)
		if c.link.end() != protocol.CodeTokenExpired {
			t.Errorf("when the second is over: %q", c.link.end())
		}
	})
}

// So a client whose clock is wrong knows when to refresh.
func TestAClientIsToldHowLongItsTokenIsGood(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		ttl := func(c *client) int64 { return c.frames()[0].TTLMS }
		short, long := sign(t, "u1", time.Minute), sign(t, "u1", time.Hour)
		if got := ttl(w.connect()); got != 0 {
			t.Errorf("anonymous: %d", got)
		}
		w.pass(10 * time.Second)
		c := w.signIn(short, "")
		if got := ttl(c); got != 50_000 {
			t.Errorf("10 s of a minute later: %d", got)
		}
		answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeRefresh, Token: long})
		if answer.TTLMS != 3_590_000 {
			t.Errorf("refreshed: %+v", answer)
		}
		c.cut()
		resumed, err := w.open(protocol.Peer{Transport: protocol.WebSocket}, &protocol.ClientFrame{Type: protocol.TypeConnect, Token: short, Session: c.session, Received: &c.received})
		if err != nil || !resumed.resumed || ttl(resumed) != 50_000 {
			t.Errorf("resumed with the first one: %v %+v", err, resumed.frames()[0])
		}
	})
}

// B69: else parked subscriptions would change their owner.
func TestB69_ARefreshWithAnotherUsersTokenIsFinal(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		c := w.signIn(sign(t, "u1", time.Hour), "")
		c.say(protocol.ClientFrame{Type: protocol.TypeRefresh, ID: 1, Token: sign(t, "u2", time.Hour)}, protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 2, Channel: "inbox/u2"})
		if got := c.next(); len(got) != 0 {
			t.Errorf("got %v", got)
		}
		if c.link.end() != protocol.CodeForbidden || c.link.farewell().Frame.Retry {
			t.Errorf("ended with %q", c.link.end())
		}
	})
}

func TestABadRefreshChangesNothing(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		c := w.signIn(sign(t, "u1", time.Hour), "")
		c.subscribe("inbox/u1", nil)
		if answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeRefresh, Token: "a.b.c"}); answer.Code != protocol.CodeUnauthorized {
			t.Errorf("got %+v", answer)
		}
		w.publish("inbox/u1", "1")
		if got := data(c.next(), "inbox/u1"); len(got) != 1 {
			t.Errorf("then: %q", got)
		}
	})
}

// What follows a refresh is said by whom the new token names.
func TestSigningInOnALiveConnection(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		c.may("inbox/u1", false)
		c.say(
			protocol.ClientFrame{Type: protocol.TypeRefresh, ID: 101, Token: sign(t, "u1", time.Hour)},
			protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 102, Channel: "inbox/u1"},
			protocol.ClientFrame{Type: protocol.TypePublish, ID: 103, Channel: "inbox/u1", Data: []byte("1")},
		)
		c.say(protocol.ClientFrame{Type: protocol.TypePing, ID: 104})
		var got []string
		for _, f := range c.next() {
			got = append(got, f.Type)
		}
		slices.Sort(got)
		if want := []string{"message", "pong", "reply", "reply", "subscribed"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		w.publish("news", "1")
		if got := data(c.next(), "news"); len(got) != 1 {
			t.Errorf("news: %q", got)
		}
		if list, _, _ := w.bus.Connections(context.Background(), Connections{User: "u1", Limit: 10}); len(list) != 1 {
			t.Errorf("connections of u1: %v", list)
		}
	})
}

func TestASessionIsTakenUpByTheSameIdentityAlone(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		for _, c := range []struct {
			name    string
			token   string
			resumed bool
		}{
			{"another token of the same user", sign(t, "u1", time.Hour, "desk"), true},
			{"without a token", "", false},
			{"another user", sign(t, "u2", time.Hour, "desk"), false},
			{"the same user with other roles", sign(t, "u1", time.Hour), false},
		} {
			first := w.signIn(sign(t, "u1", time.Hour, "desk"), "")
			first.subscribe("inbox/u1", nil)
			first.cut()
			w.publish("inbox/u1", `"secret"`)
			second := w.signIn(c.token, first.session)
			if got := len(data(second.next(), "inbox/u1")); second.resumed != c.resumed || (got == 1) != c.resumed {
				t.Errorf("%s: resumed %v, heard %d", c.name, second.resumed, got)
			}
			second.conn.bus.Disconnect(second.conn.ID(), protocol.CodeDisconnected)
			w.settle()
		}
	})
}

// B87, B88: every wrong answer is the same.
func TestB87_B88_ASessionIsUsedByItsUserAlone(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		c := w.signIn(sign(t, "u1", time.Hour), "")
		anonymous := w.connect()
		for _, f := range []struct {
			name, session, token string
			found                bool
		}{
			{"its user", c.session, sign(t, "u1", time.Hour), true},
			{"without a token", c.session, "", false},
			{"another user", c.session, sign(t, "u2", time.Hour), false},
			{"another case", strings.ToUpper(c.session), sign(t, "u1", time.Hour), false},
			{"truncated", c.session[1:], sign(t, "u1", time.Hour), false},
			{"none", "", sign(t, "u1", time.Hour), false},
			{"an anonymous one by a client that just signed in", anonymous.session, sign(t, "u1", time.Hour), true},
		} {
			_, err := w.bus.Find(f.session, protocol.Peer{Token: f.token})
			if f.found && err != nil || !f.found && !errors.Is(err, errGone) {
				t.Errorf("%s: %v", f.name, err)
			}
		}
	})
}

// F64: a changed rule.
func TestF64_OtherRulesEndSubscriptionsAndTakeBackWhatWaits(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		c := w.signIn(sign(t, "u1", time.Hour, "admin"), "")
		c.subscribe("news", nil)
		c.subscribe("admin/x", nil)
		w.publish("admin/x", `"seen"`)
		c.next()
		c.link.stall(true)
		w.publish("admin/x", `"secret"`)
		w.publish("news", "1")
		c.say(protocol.ClientFrame{Type: protocol.TypeHistory, ID: 77, Channel: "admin/x"})
		w.settle()
		if err := w.bus.SetRules(access.Rules{Subscribe: "friends"}); err == nil {
			t.Error("rules that do not exist were taken")
		}
		if err := w.bus.SetRules(access.Rules{Channels: usual.Channels[:2]}); err != nil {
			t.Fatal(err)
		}
		w.settle()
		c.link.stall(false)
		got := c.next()
		if len(data(got, "admin/x")) != 0 || len(data(got, "news")) != 1 {
			t.Errorf("it heard %q and %q", data(got, "admin/x"), data(got, "news"))
		}
		var types []string
		for _, f := range got {
			types = append(types, f.Type+" "+string(f.Code))
		}
		slices.Sort(types) // those of two channels come in any order
		want := []string{"error forbidden", "message ", "unsubscribed forbidden", "withdrawn "}
		if !slices.Equal(types, want) {
			t.Errorf("got %q, want %q", types, want)
		}
		w.publish("admin/x", `"later"`)
		w.publish("news", "2")
		if got := c.next(); len(got) != 1 || got[0].Channel != "news" {
			t.Errorf("afterwards: %v", got)
		}
		if n := w.bus.Stats().Revoked; n != 1 {
			t.Errorf("%d were counted", n)
		}
	})
}

// What was written and not received is not written again either, and the count of frames still fits.
func TestWhatWasWrittenIsNotWrittenAgainWhenForbidden(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		token := sign(t, "u1", time.Hour, "admin")
		c := w.signIn(token, "")
		c.subscribe("admin/x", nil)
		c.subscribe("news", nil)
		w.publish("admin/x", `"secret"`)
		w.publish("news", "1")
		w.settle()
		c.cut()
		if err := w.bus.SetRules(access.Rules{Channels: usual.Channels[:2]}); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Second)
		received := uint64(2) // both subscribed
		again, err := w.open(protocol.Peer{Transport: protocol.Poll}, &protocol.ClientFrame{Type: protocol.TypeConnect, Token: token, Session: c.session, Received: &received})
		if err != nil || !again.resumed {
			t.Fatalf("not resumed: %v", err)
		}
		got := again.next()
		if len(got) != 3 || len(only(got, protocol.TypeWithdrawn)) != 1 || len(data(got, "news")) != 1 || got[2].Type != protocol.TypeUnsubscribed {
			t.Errorf("got %+v", got)
		}
	})
}

func TestOtherRulesCountFromNowOn(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		if err := w.bus.SetRules(access.Rules{Subscribe: access.Nobody, Publish: access.Nobody}); err != nil {
			t.Fatal(err)
		}
		for _, f := range []protocol.ClientFrame{
			{Type: protocol.TypeSubscribe, Channel: "other"}, {Type: protocol.TypeHistory, Channel: "news"}, {Type: protocol.TypePublish, Channel: "news", Data: []byte("1")},
		} {
			if got, _ := c.ask(f); got.Code != protocol.CodeForbidden {
				t.Errorf("%s: got %+v", f.Type, got)
			}
		}
		if err := w.bus.SetRules(access.DefaultRules()); err != nil {
			t.Fatal(err)
		}
		c.subscribe("other", nil)
	})
}

func TestARefreshWithFewerRolesEndsWhatTheyAllowed(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		c := w.signIn(sign(t, "u1", time.Hour, "admin"), "")
		c.subscribe("admin/x", nil)
		c.subscribe("inbox/u1", nil)
		_, rest := c.ask(protocol.ClientFrame{Type: protocol.TypeRefresh, Token: sign(t, "u1", time.Hour)})
		if n := len(only(append(rest, c.next()...), protocol.TypeUnsubscribed)); n != 1 {
			t.Errorf("%d subscriptions ended", n)
		}
		w.publish("admin/x", "1")
		w.publish("inbox/u1", "1")
		if got := c.next(); len(got) != 1 || got[0].Channel != "inbox/u1" {
			t.Errorf("then: %v", got)
		}
	})
}

func TestAPlainClientThatMayHearNothingAnyMoreEnds(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		c, err := w.open(protocol.Peer{Transport: protocol.SSE, Plain: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.subscribe("news", nil)
		if err := w.bus.SetRules(access.Rules{Subscribe: access.Nobody}); err != nil {
			t.Fatal(err)
		}
		w.settle()
		if c.link.end() != protocol.CodeForbidden {
			t.Errorf("ended with %q", c.link.end())
		}
	})
}

func TestWithoutTokensEveryoneIsAnonymous(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.signIn("whatever", "")
		if !c.conn.Identity().Anonymous() {
			t.Errorf("it is %+v", c.conn.Identity())
		}
		if answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeRefresh, Token: "x"}); answer.Code != protocol.CodeUnsupported {
			t.Errorf("a refresh is answered %+v", answer)
		}
	})
}

func TestARulesPayloadAndRate(t *testing.T) {
	rules := access.Rules{Channels: []access.Rule{
		{Pattern: "slow/*", Subscribe: access.Anyone, Publish: access.Anyone, Limits: access.Limits{Rate: 2, Payload: 10}},
		{Pattern: "fast/*", Publish: access.Anyone},
	}}
	inBubble(t, withTokens(t, rules), func(w *world) {
		c := w.connect()
		say := func(ch protocol.Channel, data string) protocol.Code {
			answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypePublish, Channel: ch, Data: []byte(data)})
			return answer.Code
		}
		for i, want := range []protocol.Code{"", "", protocol.CodeRateLimited} {
			if code := say([]protocol.Channel{"slow/a", "slow/b", "slow/a"}[i], "1"); code != want {
				t.Errorf("publish %d: %q", i, code)
			}
		}
		if code := say("fast/a", "1"); code != "" {
			t.Errorf("in a channel of another rule: %q", code)
		}
		w.pass(time.Second)
		if code := say("slow/a", `"12345678"`); code != "" {
			t.Errorf("at the limit of the payload: %q", code)
		}
		if code := say("slow/a", `"123456789"`); code != protocol.CodeTooLarge {
			t.Errorf("one byte more: %q", code)
		}
		if _, err := w.bus.Publish(context.Background(), Publish{Channel: "slow/a", Data: []byte(`"123456789"`)}); !errors.Is(err, errPayload) {
			t.Errorf("one byte more by a backend: %v", err)
		}
	})
}

// Whom a token names has a rule's rate once, over all connections and beyond their end; who is not signed in has it
// once for each connection.
func TestARulesRateIsOfTheUser(t *testing.T) {
	rules := access.Rules{Channels: []access.Rule{{Pattern: "slow/*", Publish: access.Anyone, Limits: access.Limits{Rate: 2}}, {Pattern: "other", Publish: access.Anyone, Limits: access.Limits{Rate: 1}}}}
	inBubble(t, withTokens(t, rules), func(w *world) {
		token := sign(t, "u1", time.Hour)
		first, second := w.signIn(token, ""), w.signIn(sign(t, "u1", time.Hour), "")
		say := func(c *client, ch protocol.Channel, want protocol.Code) {
			t.Helper()
			if answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypePublish, Channel: ch, Data: []byte("1")}); answer.Code != want {
				t.Errorf("%s: got %q, want %q", ch, answer.Code, want)
			}
		}
		say(first, "slow/a", "")
		say(second, "slow/b", "")
		say(first, "slow/a", protocol.CodeRateLimited)
		say(second, "slow/a", protocol.CodeRateLimited)
		say(second, "other", "")
		first.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		say(w.signIn(token, ""), "slow/a", protocol.CodeRateLimited)
		say(w.signIn(sign(t, "u2", time.Hour), ""), "slow/a", "")
		for range 2 {
			anonymous := w.connect()
			say(anonymous, "slow/a", "")
			say(anonymous, "slow/a", "")
			say(anonymous, "slow/a", protocol.CodeRateLimited)
		}
		w.pass(time.Second / 2)
		say(second, "slow/a", "")
		say(second, "slow/a", protocol.CodeRateLimited)
	})
}

func TestRatesOfUsersAreForgotten(t *testing.T) {
	var u userRates
	r := core.Rate{PerSecond: 1, Burst: 1}
	for i := range maxUserRates {
		u.take(userRate{strconv.Itoa(i), "g"}, r, 0)
	}
	if !u.take(userRate{"late", "g"}, r, time.Second/2) || len(u.left) != maxUserRates {
		t.Errorf("one too many: %d are kept", len(u.left))
	}
	if !u.take(userRate{"late", "g"}, r, time.Second) || len(u.left) != 1 {
		t.Errorf("when all are full again %d are kept", len(u.left))
	}
}
