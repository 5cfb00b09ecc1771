package actors

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/access"
	"tidings/protocol"
)

var pageSecret = []byte("the secret of signed connection ids of these tests")

// identified lets clients sign in, be put in the usual channels, and show signed connection ids.
func identified(t testing.TB, rules access.Rules) func(*Config) {
	return func(c *Config) {
		if rules.Joins.Authenticated == nil {
			rules.Joins = access.Joins{Anonymous: []string{"anonymous"}, Authenticated: []string{"authenticated", "user/{user}", "role/{role}", "permission/{permission}"}}
		}
		withTokens(t, rules)(c)
		var err error
		if c.ConnectionIDs, err = access.NewConnectionIDs(pageSecret); err != nil {
			t.Fatal(err)
		}
	}
}

var closed = access.Rules{Subscribe: access.Nobody, Channels: []access.Rule{{Pattern: "open/*", Subscribe: access.Anyone, Publish: access.Anyone}}}

func pageID(t testing.TB, page, session string) string {
	t.Helper()
	ids, err := access.NewConnectionIDs(pageSecret)
	if err != nil {
		t.Fatal(err)
	}
	id, err := ids.Sign(page, session)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// visit connects as a page with a connection id, or without one.
func (w *world) visit(token, id string) *client {
	w.t.Helper()
	c, err := w.open(protocol.Peer{Transport: protocol.WebSocket}, &protocol.ClientFrame{Type: protocol.TypeConnect, Token: token, ConnectionID: id})
	if err != nil {
		w.t.Fatalf("connect: %v", err)
	}
	return c
}

func (w *world) grant(who Whom, connections int, channels ...protocol.Channel) {
	w.t.Helper()
	if done, err := w.bus.Grant(who, channels); err != nil || done.Connections != connections {
		w.t.Fatalf("subscribe %+v to %v: got %+v, %v, want %d connections", who, channels, done, err, connections)
	}
}

func (w *world) take(who Whom, connections int, channels ...protocol.Channel) {
	w.t.Helper()
	if done, err := w.bus.Ungrant(who, channels); err != nil || done.Connections != connections {
		w.t.Fatalf("unsubscribe %+v from %v: got %+v, %v, want %d connections", who, channels, done, err, connections)
	}
}

// events says in short what frames tell of subscriptions: "+a" and "-a" of the server's, "=a" of the client's own, and
// the data of messages.
func events(frames []protocol.ServerFrame) (list []string) {
	for _, f := range frames {
		switch f.Type {
		case protocol.TypeSubscribed:
			mark := "="
			if f.By == protocol.ByServer && f.ID == 0 {
				mark = "+"
			}
			list = append(list, mark+string(f.Channel))
		case protocol.TypeUnsubscribed:
			mark := "-"
			if f.Code != protocol.CodeRemoved {
				mark = string(f.Code) + " "
			}
			list = append(list, mark+string(f.Channel))
		case protocol.TypeMessage:
			list = append(list, string(f.Channel)+":"+string(f.Msg.Data))
		case protocol.TypeError:
			list = append(list, "error "+string(f.Code))
		default:
			list = append(list, f.Type)
		}
	}
	return list
}

// hears checks what came since the last look, in any order but for messages of one channel.
func (c *client) hears(want ...string) {
	c.w.t.Helper()
	got := events(c.next())
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		c.w.t.Errorf("got %q, want %q", got, want)
	}
}

func code(err error) protocol.Code {
	var known *protocol.Error
	if errors.As(err, &known) {
		return known.Code
	}
	return ""
}

func signAs(t testing.TB, user string, claims map[string]any) string {
	t.Helper()
	s, err := access.NewSigner(tokenSecret)
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Sign(access.TokenClaims{Issuer: "tests", Audience: "tidings", User: user, Lifetime: time.Hour, Claims: claims})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestAClientIsPutInTheChannelsOfItsIdentity(t *testing.T) {
	inBubble(t, identified(t, closed), func(w *world) {
		token := signAs(t, "u1", map[string]any{"roles": []string{"desk", "boss"}, "permissions": []string{"ring"}})
		nobody, u1 := w.visit("", ""), w.visit(token, "")
		nobody.hears("+anonymous")
		u1.hears("+authenticated", "+user/u1", "+role/desk", "+role/boss", "+permission/ring")
		w.publish("anonymous", "1")
		w.publish("user/u1", "2")
		w.publish("role/boss", "3")
		nobody.hears("anonymous:1")
		u1.hears("user/u1:2", "role/boss:3")
		u1.may("user/u2", false)
		u1.may("anonymous", false)
	})
}

// What is published around a sign-in and a sign-out comes once to who is there, and nothing after it that is for
// somebody else.
func TestSigningInAndOutOnAConnection(t *testing.T) {
	inBubble(t, identified(t, closed), func(w *world) {
		c := w.visit("", "")
		c.hears("+anonymous")
		c.subscribe("open/a", nil)
		both := func(n int) { // published before and after a change, while it goes on
			for _, ch := range []protocol.Channel{"anonymous", "authenticated", "user/u1", "open/a"} {
				w.publish(ch, fmt.Sprint(n))
			}
		}
		both(1)
		w.settle()
		c.id++
		c.say(protocol.ClientFrame{Type: protocol.TypeRefresh, ID: c.id, Token: sign(t, "u1", time.Hour)})
		w.settle()
		both(2)
		c.hears("anonymous:1", "open/a:1", "reply", "-anonymous", "+authenticated", "+user/u1", "authenticated:2", "user/u1:2", "open/a:2")
		if got := w.bus.Stats(); got.Removed != 1 || got.Put != 3 {
			t.Errorf("put %d, removed %d", got.Put, got.Removed)
		}
		c.subscribe("user/u1", nil)
		c.id++
		c.say(protocol.ClientFrame{Type: protocol.TypeRefresh, ID: c.id})
		w.settle()
		both(3)
		c.hears("reply", "-authenticated", "forbidden user/u1", "+anonymous", "anonymous:3", "open/a:3")
		if !c.conn.Identity().Anonymous() {
			t.Error("it is not anonymous")
		}
		c.id++
		c.say(protocol.ClientFrame{Type: protocol.TypeRefresh, ID: c.id}) // once more changes nothing
		c.hears("reply")
		c.id++
		c.say(protocol.ClientFrame{Type: protocol.TypeRefresh, ID: c.id, Token: sign(t, "u2", time.Hour)}) // somebody else may sign in now
		c.hears("reply", "-anonymous", "+authenticated", "+user/u2")
	})
}

// A sign-in while messages flow without a pause: each of a channel that the client may hear before and after comes
// once, in order.
func TestNothingIsLostOrDoubledAroundASignIn(t *testing.T) {
	inBubble(t, identified(t, access.Rules{Subscribe: access.Anyone, Publish: access.Anyone, Joins: access.Joins{
		Anonymous: []string{"all", "anonymous"}, Authenticated: []string{"all", "user/{user}"}}}), func(w *world) {
		c := w.visit("", "")
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := 1; i <= 300; i++ {
				w.publish("all", fmt.Sprint(i))
				time.Sleep(time.Millisecond)
			}
		}()
		var all []protocol.ServerFrame
		for i := range 6 {
			time.Sleep(40 * time.Millisecond)
			c.id++
			f := protocol.ClientFrame{Type: protocol.TypeRefresh, ID: c.id}
			if i%2 == 0 {
				f.Token = sign(t, "u1", time.Hour)
			}
			c.say(f)
			all = append(all, c.next()...)
		}
		<-done
		all = append(all, c.next()...)
		same(t, "messages around the changes", data(all, "all"), numbers(1, 300))
		if n := len(slices.DeleteFunc(only(all, protocol.TypeSubscribed), func(f protocol.ServerFrame) bool { return f.Channel != "all" })); n != 1 {
			t.Errorf("%d times subscribed to the channel that it was never out of", n)
		}
	})
}

func TestAResumeKeepsTheServersSubscriptions(t *testing.T) {
	inBubble(t, identified(t, closed), func(w *world) {
		c := w.visit(sign(t, "u1", time.Hour), pageID(t, "page-0123456789abcdef", "session"))
		w.grant(Whom{Connection: "page-0123456789abcdef"}, 1, "g")
		c.hears("+authenticated", "+user/u1", "+g")
		c.cut()
		w.publish("g", "1")
		w.grant(Whom{User: "u1"}, 1, "h") // parked connections count
		c, err := w.open(protocol.Peer{Transport: protocol.SSE}, &protocol.ClientFrame{Type: protocol.TypeConnect, Token: sign(t, "u1", time.Hour), Session: c.session, Received: &c.received})
		if err != nil || !c.resumed {
			t.Fatal("not resumed", err)
		}
		w.publish("h", "2")
		c.hears("g:1", "+h", "h:2")
	})
}

func TestGrantsOfAUserASessionAndAPage(t *testing.T) {
	inBubble(t, identified(t, closed), func(w *world) {
		one, two := "page-one-0123456789", "page-two-0123456789"
		w.grant(Whom{Connection: one}, 0, "p") // before there is a socket
		w.grant(Whom{Session: "key"}, 0, "s")
		w.grant(Whom{User: "u1"}, 0, "u")
		a := w.visit(sign(t, "u1", time.Hour), pageID(t, one, "key"))
		b := w.visit("", pageID(t, two, "key"))
		other := w.visit("", pageID(t, one, "another key")) // the application's own doing: the same page's id twice
		stranger := w.visit(sign(t, "u2", time.Hour), "")
		a.hears("+authenticated", "+user/u1", "+p", "+s", "+u")
		b.hears("+anonymous", "+s")
		other.hears("+anonymous", "+p")
		stranger.hears("+authenticated", "+user/u2")

		w.grant(Whom{Session: "key"}, 2, "s2", "s") // one of them again
		a.hears("+s2")
		b.hears("+s2")
		w.grant(Whom{Connection: stranger.conn.ID()}, 1, "live")
		stranger.hears("+live")
		w.grant(Whom{User: "u2"}, 1, "live")
		w.take(Whom{User: "u2"}, 1, "live") // granted in another way, too
		stranger.hears()
		w.take(Whom{Connection: stranger.conn.ID()}, 1, "live", "never granted")
		stranger.hears("-live")
		w.take(Whom{Session: "key"}, 2, "s")
		a.hears("-s")
		b.hears("-s")
		w.visit("", pageID(t, two, "key")).hears("+anonymous", "+s2")
	})
}

// A connection id that was not signed so, or was altered, says nothing, and the client is told nothing of it.
func TestAWrongConnectionIDHearsNothing(t *testing.T) {
	inBubble(t, identified(t, closed), func(w *world) {
		page := "page-0123456789abcdef"
		w.grant(Whom{Connection: page}, 0, "p")
		w.grant(Whom{Session: "key"}, 0, "s")
		right := pageID(t, page, "key")
		parts := strings.Split(right, "~")
		others, err := access.NewConnectionIDs(append([]byte("x"), pageSecret...))
		if err != nil {
			t.Fatal(err)
		}
		foreign, err := others.Sign(page, "key")
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{
			page, parts[0] + "~" + parts[1], parts[0] + "~" + parts[1] + "~", right + "A", right[:len(right)-1], right + "=", " " + right, strings.ToUpper(right), "~~", "~", foreign,
			"page-0123456789abcdeg~" + parts[1] + "~" + parts[2], page + "~" + access.SessionHash("another") + "~" + parts[2], strings.Repeat("a", protocol.MaxConnectionIDBytes),
		} {
			w.visit("", id).hears("+anonymous")
		}
		if got := w.bus.Stats(); got.PagesWrong != 14 || got.Pages != 0 {
			t.Errorf("%d wrong, %d valid", got.PagesWrong, got.Pages)
		}
		w.visit("", right).hears("+anonymous", "+p", "+s")
	})
}

func TestGrantsAreRememberedForAWhile(t *testing.T) {
	inBubble(t, identified(t, closed), func(w *world) {
		page := "page-0123456789abcdef"
		w.grant(Whom{Connection: page}, 0, "a")
		w.pass(grantBefore - time.Second)
		w.grant(Whom{Connection: page}, 0, "b") // another minute
		w.pass(grantBefore - time.Second)
		c := w.visit("", pageID(t, page, "key"))
		c.hears("+anonymous", "+a", "+b")
		w.pass(48 * time.Hour) // as long as it is there
		c.conn.Lost(c.gen, "")
		w.pass(w.bus.cfg.Park + grantAfter - time.Second)
		c = w.visit("", pageID(t, page, "key"))
		c.hears("+anonymous", "+a", "+b")
		c.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		w.pass(grantAfter - time.Second)
		w.grant(Whom{Connection: page}, 0, "c") // kept for a minute at least
		w.pass(2 * time.Second)
		c = w.visit("", pageID(t, page, "key"))
		c.hears("+anonymous", "+a", "+b", "+c")
		c.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		w.pass(grantAfter)
		w.visit("", pageID(t, page, "key")).hears("+anonymous")
		w.grant(Whom{Session: "nobody's"}, 0, "x")
		w.pass(grantBefore)
		if got := w.bus.Stats(); got.Grants != 0 || got.Waiting != 0 {
			t.Errorf("%d grants are remembered, %d wait", got.Grants, got.Waiting)
		}
	})
}

func TestGrantsAreBounded(t *testing.T) {
	inBubble(t, func(c *Config) {
		identified(t, closed)(c)
		c.MaxGrants = 300
	}, func(w *world) {
		names := func(prefix string, n int) (list []protocol.Channel) {
			for i := range n {
				list = append(list, protocol.Channel(fmt.Sprint(prefix, i)))
			}
			return list
		}
		w.grant(Whom{User: "u1"}, 0, names("a", 100)...)
		w.grant(Whom{User: "u1"}, 0, names("a", 100)...) // the same ones
		if _, err := w.bus.Grant(Whom{User: "u1"}, names("b", maxGrants-99)); code(err) != protocol.CodeLimitExceeded {
			t.Errorf("too many of one: %v", err)
		}
		c := w.visit(sign(t, "u1", time.Hour), "")
		w.grant(Whom{User: "u1"}, 1, names("b", maxGrants-100)...)
		w.settle()
		if got := w.bus.Stats().Subscriptions; got != protocol.MaxSubscriptions {
			t.Errorf("%d subscriptions", got)
		}
		if got := w.bus.Stats().PutFull; got != 1 { // the joins and the grants are more
			t.Errorf("%d connections were full", got)
		}
		w.take(Whom{User: "u1"}, 1, "a0", "a1") // there is space then
		w.settle()
		if got := w.bus.Stats().Subscriptions; got != protocol.MaxSubscriptions {
			t.Errorf("%d subscriptions", got)
		}
		c.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		w.settle()
		w.grant(Whom{User: "u2"}, 0, names("c", 128)...) // 254 now
		if _, err := w.bus.Grant(Whom{User: "u3"}, names("d", 120)); err != nil {
			t.Errorf("who has left longest ago must go for others: %v", err)
		}
		if _, err := w.bus.Grant(Whom{User: "u4"}, names("e", 120)); code(err) != protocol.CodeLimitExceeded {
			t.Errorf("too many in all: %v", err)
		}
		w.visit(sign(t, "u1", time.Hour), "").hears("+authenticated", "+user/u1")
	})
}

func TestAGrantToAConnectionNeedsOne(t *testing.T) {
	inBubble(t, identified(t, closed), func(w *world) {
		c := w.visit("", "")
		w.grant(Whom{Connection: c.conn.ID()}, 1, "a")
		c.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		w.settle()
		for _, id := range []string{c.conn.ID(), "unknown", "", "a name with spaces in it", strings.Repeat("a", 65)} {
			for _, do := range []func(Whom, []protocol.Channel) (Granted, error){w.bus.Grant, w.bus.Ungrant} {
				if _, err := do(Whom{Connection: id}, []protocol.Channel{"a"}); code(err) != protocol.CodeNotFound {
					t.Errorf("%q: got %v", id, err)
				}
			}
		}
		if got := w.bus.Stats().Grants; got != 0 {
			t.Errorf("%d grants are remembered of a connection that has ended", got)
		}
		for range 100 {
			if access.GoodPageID(newConnectionID()) {
				t.Fatal("a connection's public name could be a page's id")
			}
		}
	})
}

// The client's own subscription and the server's to one channel: there is one at a time, and nothing is lost if one
// follows the other.
func TestAClientSubscribesToWhatItWasPutIn(t *testing.T) {
	inBubble(t, identified(t, closed), func(w *world) {
		first := w.publish("g", "0")
		c := w.visit(sign(t, "u1", time.Hour), "")
		c.next()
		c.may("g", false)
		w.grant(Whom{User: "u1"}, 1, "g")
		c.hears("+g")
		w.publish("g", "1")
		if answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "g"}); answer.Code != protocol.CodeNotSubscribed {
			t.Errorf("unsubscribe of the server's own: %+v", answer)
		}
		at, _ := c.subscribe("g", nil)
		if at.Offset != 2 {
			t.Errorf("it goes on from %d", at.Offset)
		}
		w.publish("g", "2")
		c.hears("g:2")
		if _, rest := c.subscribe("g", &first); fmt.Sprint(data(rest, "g")) != "[1 2]" {
			t.Errorf("replayed %v", data(rest, "g"))
		}
		w.publish("g", "3")
		answer, rest := c.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "g"})
		if got := fmt.Sprint(answer.Type, events(rest)); got != "reply[g:3 +g]" {
			t.Errorf("unsubscribe: got %s", got)
		}
		w.publish("g", "4")
		c.hears("g:4")
		if answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeHistory, Channel: "g"}); answer.Type != protocol.TypeReply || len(answer.Messages) != 5 {
			t.Errorf("history: %+v", answer)
		}
		c.subscribe("g", nil)
		w.take(Whom{User: "u1"}, 1, "g")
		c.hears("forbidden g") // the rules do not let it in
		c.may("g", false)

		c.subscribe("open/a", nil)
		w.grant(Whom{User: "u1"}, 1, "open/a")
		w.publish("open/a", "5")
		w.take(Whom{User: "u1"}, 1, "open/a")
		w.publish("open/a", "6")
		c.hears("open/a:5", "open/a:6") // and nothing of the server's
	})
}

// Whatever goes on, a replacement of the server's subscription by the client's own, and back, loses nothing and doubles
// nothing.
func TestAdoptingLosesNothing(t *testing.T) {
	inBubble(t, identified(t, closed), func(w *world) {
		w.grant(Whom{User: "u1"}, 0, "g")
		c := w.visit(sign(t, "u1", time.Hour), "")
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := 1; i <= 500; i++ {
				w.publish("g", fmt.Sprint(i))
				if i%7 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
		}()
		for i := range 40 {
			c.id++
			f := protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: c.id, Channel: "g"}
			if i%2 == 1 {
				f.Type = protocol.TypeUnsubscribe
			}
			c.say(f)
			time.Sleep(time.Millisecond)
		}
		<-done
		same(t, "messages", data(c.next(), "g"), numbers(1, 500))
	})
}

func TestRulesAndRevocationsJudgeTheServersSubscriptionsAnew(t *testing.T) {
	inBubble(t, identified(t, closed), func(w *world) {
		c := w.visit(sign(t, "u1", time.Hour), "")
		c.next()
		w.grant(Whom{User: "u1"}, 1, "g")
		rules := closed
		rules.Joins = access.Joins{Authenticated: []string{"authenticated", "all"}}
		if err := w.bus.SetRules(rules); err != nil {
			t.Fatal(err)
		}
		c.hears("+g", "-user/u1", "+all")
		if _, err := w.bus.RevokeUser("u1"); err != nil {
			t.Fatal(err)
		}
		w.settle()
		w.publish("g", "1")
		w.publish("all", "1")
		c.hears()
		if c.link.end() != protocol.CodeUnauthorized {
			t.Errorf("ended with %q", c.link.end())
		}
	})
}

// Names that would be another's channel, or none, are left out, and counted.
func TestJoinsOfStrangeNames(t *testing.T) {
	inBubble(t, identified(t, closed), func(w *world) {
		for _, user := range []string{"u1/x", "../u1", ".", "..", "a b", "ü", "$reply", "u1/"} {
			w.visit(signAs(t, user, map[string]any{"roles": []string{"x/y", "ok"}}), "").hears("+authenticated", "+role/ok")
		}
		if got := w.bus.Stats().JoinsLeft; got != 16 {
			t.Errorf("%d were left out", got)
		}
		if got := strings.Count(w.log.String(), "level=WARN"); got != 1 || !strings.Contains(w.log.String(), "user=u1/x") {
			t.Errorf("want one warning, of the first user alone; the log is %s", w.log)
		}
		var many []string
		for i := range 200 {
			many = append(many, fmt.Sprint("r", i))
		}
		w.visit(signAs(t, "u1", map[string]any{"roles": many}), "")
		if got := w.bus.Stats(); got.Subscriptions != access.MaxJoins+8*2 || got.JoinsLeft <= 16 {
			t.Errorf("%d subscriptions, %d left out", got.Subscriptions, got.JoinsLeft)
		}
	})
}

// Plain clients hear what they name, also what they were granted, and nothing else.
func TestPlainClientsAreNotPutInChannels(t *testing.T) {
	inBubble(t, identified(t, closed), func(w *world) {
		w.grant(Whom{User: "u1"}, 0, "g", "h")
		c, err := w.open(protocol.Peer{Transport: protocol.SSE, Plain: true, Token: sign(t, "u1", time.Hour)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.grant(Whom{User: "u1"}, 1, "i")
		c.subscribe("g", nil)
		w.publish("g", "1")
		w.publish("h", "2")
		w.publish("authenticated", "3")
		c.hears("g:1")
		w.take(Whom{User: "u1"}, 1, "g")
		c.next()
		if c.link.end() != protocol.CodeForbidden {
			t.Errorf("ended with %q", c.link.end())
		}
	})
}

// A broker that does not answer delays what the server puts a connection in; nothing is said to the client until it
// does.
func TestTheServerTriesAgainWhereTheBrokerFails(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, identified(t, closed)), func(w *world) {
		f.before(func(context.Context, string) error { return errors.New("the broker is down") })
		c := w.visit(sign(t, "u1", time.Hour), "")
		c.hears()
		w.pass(15 * time.Second)
		c.hears()
		f.before(nil)
		w.pass(2 * putRetry)
		c.hears("+authenticated", "+user/u1")
	})
}

// Who the server put in a channel is there, and is told so.
func TestTheServersSubscriptionsCount(t *testing.T) {
	told := map[string]int{}
	inBubble(t, func(c *Config) {
		rules := closed
		rules.Presence = access.Anyone
		rules.Channels = append(slices.Clone(rules.Channels), access.Rule{Pattern: "room", Subscribe: access.Nobody, Presence: access.Anyone})
		identified(t, rules)(c)
		c.Hooks.Tell = func(e Event) {
			if e.Channel == "room" {
				told[e.What]++
			}
		}
		c.Hooks.Subscribe = func(_ context.Context, _ Caller, ch protocol.Channel) error {
			if ch == "room" {
				told["asked"]++
			}
			return nil
		}
	}, func(w *world) {
		c := w.visit(sign(t, "u1", time.Hour), "")
		c.next()
		w.grant(Whom{User: "u1"}, 1, "room")
		w.pass(time.Second)
		c.hears("+room")
		answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypePresence, Channel: "room", Users: protocol.UsersAll})
		if answer.Type != protocol.TypeReply || len(answer.Members) != 1 || answer.Members[0].User != "u1" {
			t.Errorf("presence: %+v", answer)
		}
		list, _, err := w.bus.Connections(context.Background(), Connections{Channel: "room", Limit: 10})
		if err != nil || len(list) != 1 || list[0].Subscriptions != 3 {
			t.Errorf("connections: %+v, %v", list, err)
		}
		w.publish("room", "1")
		w.take(Whom{User: "u1"}, 1, "room")
		w.settle()
		why, err := w.bus.Why(context.Background(), c.conn.ID(), "room", 1)
		if err != nil || why.Verdict != WhyUnsubscribed || !strings.Contains(why.Says, "the server") {
			t.Errorf("why: %+v, %v", why, err)
		}
		w.pass(2 * w.bus.cfg.ChannelIdle)
		if want := map[string]int{EventOccupied: 1, EventVacated: 1}; !maps.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
	})
}

// A client may subscribe to, and leave, what the server has only asked for: each request has one answer, and messages
// come once.
func TestAdoptingWhatIsNotAnsweredYet(t *testing.T) {
	f := &faulty{}
	release := make(chan struct{})
	inBubble(t, withFaults(f, func(c *Config) {
		identified(t, closed)(c)
		release = make(chan struct{})
	}), func(w *world) {
		f.before(func(_ context.Context, call string) error {
			if call == "subscribe" {
				<-release
			}
			return nil
		})
		w.grant(Whom{User: "u1"}, 0, "g")
		c := w.visit(sign(t, "u1", time.Hour), "")
		c.hears()
		c.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "g"}, protocol.ClientFrame{Type: protocol.TypeUnsubscribe, ID: 2, Channel: "g"},
			protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 3, Channel: "g"}, protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 4, Channel: "user/u1"})
		w.settle()
		close(release)
		w.settle()
		w.publish("g", "1")
		frames := c.next()
		if got := events(slices.DeleteFunc(slices.Clone(frames), func(f protocol.ServerFrame) bool { return f.ID == 0 })); fmt.Sprint(got) != "[error superseded reply =user/u1 =g]" &&
			fmt.Sprint(got) != "[error superseded reply =g =user/u1]" {
			t.Errorf("answers: %q", got)
		}
		if got := data(frames, "g"); fmt.Sprint(got) != "[1]" {
			t.Errorf("heard %q", got)
		}
	})
}

// A channel's actor that fails starts again, and those whom the server put there hear what they missed, without a word
// more.
func TestAChannelThatFailsKeepsWhomTheServerPutThere(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, identified(t, closed)), func(w *world) {
		w.grant(Whom{User: "u1"}, 0, "g")
		c := w.visit(sign(t, "u1", time.Hour), "")
		c.hears("+authenticated", "+user/u1", "+g")
		for i := 1; i <= 3; i++ {
			f.poison("g")
			w.publish("g", fmt.Sprint(i))
			w.settle()
		}
		c.hears("g:1", "g:2", "g:3")
		w.take(Whom{User: "u1"}, 1, "g")
		c.hears("-g")
	})
}

// Who signs out gives back what the user holds, and is parked as nobody's.
func TestASignOutGivesTheUsersPlaceBack(t *testing.T) {
	inBubble(t, func(c *Config) {
		identified(t, closed)(c)
		c.ConnectionsPerUser, c.ParkedPerIdentity = 1, 1
	}, func(w *world) {
		c, err := w.open(protocol.Peer{Transport: protocol.Poll}, &protocol.ClientFrame{Type: protocol.TypeConnect, Token: sign(t, "u1", time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.open(protocol.Peer{}, &protocol.ClientFrame{Type: protocol.TypeConnect, Token: sign(t, "u1", time.Hour)}); code(err) != protocol.CodeLimitReached {
			t.Fatalf("a second connection: %v", err)
		}
		c.cut()
		if err := c.conn.Send(context.Background(), &protocol.Send{Seq: 1, Frames: []protocol.ClientFrame{{Type: protocol.TypeRefresh, ID: 1}}}); err != nil {
			t.Fatal(err)
		}
		w.settle()
		other := w.visit(sign(t, "u1", time.Hour), "")
		other.cut() // one more parked of u1: c is not one any more
		if c.conn.ended.Load() || other.conn.ended.Load() || len(w.bus.parking.users) != 1 {
			t.Errorf("ended: %v, %v; %d users have parked connections", c.conn.ended.Load(), other.conn.ended.Load(), len(w.bus.parking.users))
		}
		c = c.resume()
		if !c.resumed {
			t.Fatal("not resumed")
		}
		c.hears("+authenticated", "+user/u1", "reply", "-authenticated", "-user/u1", "+anonymous")
		w.pass(2 * w.bus.cfg.Park)
		if n := len(w.bus.parking.users); n != 0 {
			t.Errorf("%d users have parked connections", n)
		}
	})
}
