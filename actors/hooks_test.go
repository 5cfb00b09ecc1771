package actors

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/access"
	"tidings/protocol"
)

var errNo = &protocol.Error{Code: protocol.CodeForbidden, Reason: "not you", Hint: "Ask."}

// application is a backend whose answers a test holds back until it says so.
type application struct {
	mu     sync.Mutex
	asked  []string
	events []Event
	gated  bool       // what is asked waits for its answer at gate; else it is allowed at once
	gate   chan error // with room for 100, of the test's bubble
}

func (a *application) ask(ctx context.Context, what string) error {
	a.mu.Lock()
	a.asked = append(a.asked, what)
	a.mu.Unlock()
	if !a.gated {
		return nil
	}
	select {
	case err := <-a.gate:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *application) was() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.asked)
}

func (a *application) happened() (list []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.events {
		list = append(list, strings.TrimSpace(e.What+" "+string(e.Channel)+string(e.Code)))
	}
	a.events = nil
	return list
}

func withApplication(a *application, change func(h *Hooks)) func(*Config) {
	return func(c *Config) {
		a.gate = make(chan error, 100)
		c.Hooks = Hooks{
			Subscribe: func(ctx context.Context, by Caller, ch protocol.Channel) error { return a.ask(ctx, "hear "+string(ch)) },
			Tell: func(e Event) {
				a.mu.Lock()
				defer a.mu.Unlock()
				a.events = append(a.events, e)
			},
		}
		if change != nil {
			change(&c.Hooks)
		}
	}
}

// A subscription waits for the application's leave, and a publish after it waits too: it is heard.
func TestASubscriptionWaitsForTheApplication(t *testing.T) {
	app := &application{gated: true}
	inBubble(t, withApplication(app, nil), func(w *world) {
		c := w.connect()
		c.say(
			protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "a"},
			protocol.ClientFrame{Type: protocol.TypePublish, ID: 2, Channel: "a", Data: []byte("1")},
			protocol.ClientFrame{Type: protocol.TypePing, ID: 3},
		)
		w.settle()
		if got := c.next(); len(got) != 1 || got[0].Type != protocol.TypePong {
			t.Fatalf("before the answer: %v, want the pong alone", got)
		}
		w.publish("a", "0") // before it is allowed: not heard
		app.gate <- nil
		w.settle()
		got := c.next()
		same(t, "heard", data(got, "a"), []string{"1"})
		if len(only(got, protocol.TypeSubscribed)) != 1 || len(only(got, protocol.TypeReply)) != 1 {
			t.Errorf("answers: %v", got)
		}
	})
}

func TestTheApplicationRefusesASubscription(t *testing.T) {
	for _, row := range []struct {
		name   string
		answer error
		want   protocol.Code
		retry  bool
	}{
		{"with its own words", errNo, protocol.CodeForbidden, false},
		{"by failing", errors.New("connection refused"), protocol.CodeBackendUnavailable, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			app := &application{gated: true}
			inBubble(t, withApplication(app, nil), func(w *world) {
				c := w.connect()
				c.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "a"}, protocol.ClientFrame{Type: protocol.TypePublish, ID: 2, Channel: "a", Data: []byte("1")})
				w.settle()
				app.gate <- row.answer
				w.settle()
				got := c.next()
				refused := only(got, protocol.TypeError)
				if len(refused) != 1 || refused[0].ID != 1 || refused[0].Code != row.want || refused[0].Retry != row.retry {
					t.Fatalf("answer %v, want %s", got, row.want)
				}
				if len(only(got, protocol.TypeReply)) != 1 {
					t.Error("the publish that waited is lost")
				}
				w.publish("a", "2")
				same(t, "heard", data(c.next(), "a"), nil)
				if n := w.bus.Stats().Hooks["subscribe"]; n.Refused+n.Failed != 1 {
					t.Errorf("counted %+v", n)
				}
			})
		})
	}
}

// If the application says nothing for 10 s the answer is no; nobody else waits for it.
func TestASilentApplicationAllowsNothing(t *testing.T) {
	app := &application{gated: true}
	inBubble(t, withApplication(app, nil), func(w *world) {
		c := w.connect()
		c.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "a"})
		w.pass(9 * time.Second)
		if got := c.next(); len(got) != 0 {
			t.Fatalf("early: %v", got)
		}
		w.pass(2 * time.Second)
		if got := codes(c.next()); !slices.Equal(got, []protocol.Code{protocol.CodeBackendUnavailable}) {
			t.Fatalf("got %v", got)
		}
	})
}

// An answer to what was left or replaced meanwhile counts for nothing.
func TestALateAnswerOfTheApplication(t *testing.T) {
	app := &application{gated: true}
	inBubble(t, withApplication(app, nil), func(w *world) {
		c := w.connect()
		c.say(
			protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "a"},
			protocol.ClientFrame{Type: protocol.TypeUnsubscribe, ID: 2, Channel: "a"},
			protocol.ClientFrame{Type: protocol.TypePublish, ID: 3, Channel: "a", Data: []byte("1")},
			protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 4, Channel: "b"},
		)
		w.settle()
		got := c.next()
		if codes := codes(got); !slices.Equal(codes, []protocol.Code{protocol.CodeSuperseded}) || len(only(got, protocol.TypeReply)) != 2 {
			t.Fatalf("answers %v", got)
		}
		app.gate <- nil
		app.gate <- nil
		w.settle()
		w.publish("a", "2")
		w.publish("b", "3")
		got = c.next()
		same(t, "a, which was left", data(got, "a"), nil)
		same(t, "b", data(got, "b"), []string{"3"})
	})
}

// History shows what a subscription shows: it is asked for in the same way.
func TestHistoryNeedsTheApplicationsLeave(t *testing.T) {
	app := &application{gated: true}
	inBubble(t, withApplication(app, nil), func(w *world) {
		w.publish("a", "1")
		c := w.connect()
		app.gate <- errNo
		if got, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeHistory, Channel: "a"}); got.Code != protocol.CodeForbidden {
			t.Errorf("history: %+v", got)
		}
		app.gate <- nil
		if got, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeHistory, Channel: "a"}); len(got.Messages) != 1 {
			t.Errorf("history: %+v", got)
		}
	})
}

// The application sees a client's publish first: it may change it, send it elsewhere, or refuse it.
func TestTheApplicationRevisesAPublish(t *testing.T) {
	revise := func(_ context.Context, by Caller, p *Publish) error {
		switch string(p.Data) {
		case `"bad"`:
			return errNo
		case `"far"`:
			p.Channel = "elsewhere"
		case `"odd"`:
			p.Channel = "//"
		}
		p.Data = []byte(`{"by": "` + by.Connection + `"}`)
		return nil
	}
	app := &application{}
	inBubble(t, withApplication(app, func(h *Hooks) { h.Publish, h.Subscribe = revise, nil }), func(w *world) {
		c := w.connect()
		c.subscribe("a", nil)
		c.subscribe("elsewhere", nil)
		var delivered []string
		tell := func(what string) protocol.Code {
			answer, rest := c.ask(protocol.ClientFrame{Type: protocol.TypePublish, Channel: "a", Data: []byte(what)})
			w.settle()
			got := append(rest, c.next()...)
			for _, ch := range []protocol.Channel{"a", "elsewhere"} {
				for _, d := range data(got, ch) {
					delivered = append(delivered, string(ch)+" "+d)
				}
			}
			return answer.Code
		}
		for _, row := range []struct {
			data string
			want protocol.Code
		}{{`1`, ""}, {`"bad"`, protocol.CodeForbidden}, {`"far"`, ""}, {`"odd"`, protocol.CodeInternal}} {
			if got := tell(row.data); got != row.want {
				t.Errorf("publish %s: %q, want %q", row.data, got, row.want)
			}
		}
		by := ` {"by":"` + c.conn.ID() + `"}`
		same(t, "delivered", delivered, []string{"a" + by, "elsewhere" + by})
	})
}

// The application may say who a client is that has no token, such as by its cookie; and it may turn it away.
func TestTheApplicationSaysWhoAClientIs(t *testing.T) {
	who := func(_ context.Context, peer protocol.Peer, id access.Identity) (access.Identity, error) {
		name, ok := strings.CutPrefix(peer.Cookie, "user=")
		if !ok {
			return id, errNo
		}
		return access.NewIdentity(name, nil, nil, nil), nil
	}
	change := func(c *Config) {
		c.Hooks.Connect = who
		c.Rules = access.Rules{Channels: []access.Rule{{Pattern: "home/{user}", Subscribe: "user"}}}
	}
	inBubble(t, change, func(w *world) {
		if _, err := w.open(protocol.Peer{Transport: protocol.Poll}, &protocol.ClientFrame{Type: protocol.TypeConnect}); !errors.Is(err, errNo) {
			t.Fatalf("without a cookie: %v", err)
		}
		peer := protocol.Peer{Transport: protocol.Poll, Cookie: "user=ann"}
		c, err := w.open(peer, &protocol.ClientFrame{Type: protocol.TypeConnect})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: "home/bob"}); got.Code != protocol.CodeForbidden {
			t.Errorf("another's channel: %+v", got)
		}
		c.subscribe("home/ann", nil)
		if found, err := w.bus.Find(c.session, peer); err != nil || found != c.conn {
			t.Errorf("its next poll does not find it: %v", err)
		}
		again, err := w.open(peer, &protocol.ClientFrame{Type: protocol.TypeConnect, Session: c.session, Received: new(uint64)})
		if err != nil || !again.resumed {
			t.Errorf("it does not resume: %v", err)
		}
		peer.Cookie = "user=bob"
		other, err := w.open(peer, &protocol.ClientFrame{Type: protocol.TypeConnect, Session: c.session, Received: new(uint64)})
		if err != nil || other.resumed {
			t.Errorf("another takes its session: %v", err)
		}
	})
}

func TestTheApplicationHearsWhatHappens(t *testing.T) {
	app := &application{}
	inBubble(t, withApplication(app, nil), func(w *world) {
		a, b := w.connect(), w.connect()
		a.subscribe("x", nil)
		b.subscribe("x", nil)
		same(t, "begin", app.happened(), []string{"connected", "connected", "occupied x"})
		a.cut()
		a = a.resume()
		a.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		b.say(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, ID: 50, Channel: "x"})
		w.settle()
		same(t, "one leaves", app.happened(), []string{"disconnected"})
		b.subscribe("x", nil)
		b.cut()
		w.pass(31 * time.Second)
		same(t, "the other is lost", app.happened(), []string{"disconnected session_gone"})
		w.pass(2 * time.Minute)
		same(t, "nobody is left", app.happened(), []string{"vacated x"})
	})
}

func TestCalls(t *testing.T) {
	app := &application{gated: true}
	made := func(ctx context.Context, by Caller, call Call) ([]byte, error) {
		if err := app.ask(ctx, call.Method+" "+string(call.Data)+" "+call.Key); err != nil {
			return nil, err
		}
		return []byte(`{"done": true}`), nil
	}
	calls := func(h *Hooks) {
		h.Call = made
		h.Calls = map[string]CallFunc{
			"time": func(context.Context, Caller, Call) ([]byte, error) { return []byte(`12`), nil },
			"odd":  func(context.Context, Caller, Call) ([]byte, error) { return []byte(`{`), nil },
			"long": func(context.Context, Caller, Call) ([]byte, error) {
				return []byte(`"` + strings.Repeat("a", protocol.MaxPayloadBytes) + `"`), nil
			},
			"none": func(context.Context, Caller, Call) ([]byte, error) { return nil, nil },
			"dies": func(context.Context, Caller, Call) ([]byte, error) { panic("oh") },
		}
	}
	call := func(id uint64, method, key string) protocol.ClientFrame {
		return protocol.ClientFrame{Type: protocol.TypeCall, ID: id, Method: method, Data: []byte(`1`), IdempotencyKey: key}
	}
	run := func(name string, fn func(t *testing.T, w *world, c *client)) {
		t.Run(name, func(t *testing.T) {
			app.asked = nil
			inBubble(t, withApplication(app, calls), func(w *world) { fn(t, w, w.connect()) })
		})
	}

	run("answers", func(t *testing.T, w *world, c *client) {
		app.gate <- nil
		for _, row := range []struct {
			method, data string
			code         protocol.Code
		}{
			{"time", "12", ""},
			{"none", "null", ""},
			{"other", `{"done":true}`, ""},
			{"odd", "", protocol.CodeInternal},
			{"long", "", protocol.CodeInternal},
			{"dies", "", protocol.CodeInternal},
		} {
			got, _ := c.ask(call(0, row.method, ""))
			if string(got.Data) != row.data || got.Code != row.code {
				t.Errorf("%s: %s %s, want %s %s", row.method, got.Data, got.Code, row.data, row.code)
			}
		}
		same(t, "asked", app.was(), []string{"other 1 "})
	})

	run("an error of the application is told in its words", func(t *testing.T, w *world, c *client) {
		app.gate <- errNo
		if got, _ := c.ask(call(0, "x", "")); got.Code != protocol.CodeForbidden || got.Message != errNo.Reason || got.Hint != errNo.Hint {
			t.Errorf("%+v", got)
		}
	})

	// A client that resumed says again, with a new id, what was not answered.
	run("what is repeated is made once", func(t *testing.T, w *world, c *client) {
		c.say(call(1, "pay", "k"))
		w.settle()
		c.say(call(2, "pay", "k"))
		w.settle()
		app.gate <- nil
		w.settle()
		if got := c.next(); len(got) != 1 || got[0].ID != 2 || string(got[0].Data) != `{"done":true}` {
			t.Errorf("answer: %v, want one to the later request", got)
		}
		c.say(call(3, "pay", "k"))
		w.settle()
		if got := c.next(); len(got) != 1 || got[0].ID != 3 || string(got[0].Data) != `{"done":true}` {
			t.Errorf("answer again: %v", got)
		}
		app.gate <- nil
		if got, _ := c.ask(call(0, "pay", "another")); got.Code != "" {
			t.Errorf("another: %v", got)
		}
		same(t, "made", app.was(), []string{"pay 1 k", "pay 1 another"})
	})

	run("what may succeed later is made again", func(t *testing.T, w *world, c *client) {
		app.gate <- errors.New("down")
		app.gate <- nil
		c.say(call(1, "pay", "k"))
		w.settle()
		c.say(call(2, "pay", "k"))
		w.settle()
		got := c.next()
		if len(got) != 2 || got[0].Code != protocol.CodeBackendUnavailable || got[1].Type != protocol.TypeReply {
			t.Errorf("got %v", got)
		}
	})

	run("slow calls delay nothing else, and are bounded", func(t *testing.T, w *world, c *client) {
		for id := uint64(1); id <= maxCalls+1; id++ {
			c.say(call(id, "slow", ""))
		}
		w.settle()
		if got := c.next(); len(got) != 1 || got[0].Code != protocol.CodeOverloaded || got[0].ID != maxCalls+1 {
			t.Fatalf("call %d: %v", maxCalls+1, got)
		}
		w.pass(time.Second) // of its rate of requests
		if got, _ := c.ask(protocol.ClientFrame{Type: protocol.TypePublish, Channel: "a", Data: []byte("1")}); got.Code != "" {
			t.Errorf("publish: %v", got)
		}
		for range maxCalls {
			app.gate <- nil
		}
		w.settle()
		if got := only(c.next(), protocol.TypeReply); len(got) != maxCalls {
			t.Errorf("%d answers, want %d", len(got), maxCalls)
		}
	})
}

func TestMadeCallsAreBounded(t *testing.T) {
	l := &calls{}
	long := make([]byte, protocol.MaxPayloadBytes/4)
	for i := range 10 * maxMade {
		c := &madeCall{key: string(rune('a' + i))}
		l.add(c)
		l.running--
		l.finished(c, long[:len(long)*(i%2)], nil)
	}
	if len(l.made) > maxMade || l.bytes > maxMadeBytes {
		t.Errorf("%d calls with %d bytes are kept", len(l.made), l.bytes)
	}
	sum := 0
	for _, c := range l.made {
		sum += len(c.answer)
	}
	if sum != l.bytes {
		t.Errorf("counted %d bytes, kept %d", l.bytes, sum)
	}
}
