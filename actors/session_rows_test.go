package actors

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tidings/access"
	"tidings/protocol"
)

const (
	orders   = protocol.Channel("crm/orders")
	byTenant = `{"equals": {"tenant": "{tenant}"}}`
)

// entrance is a way in which a client comes to hear or read orders.
type entrance struct {
	name  string
	peer  protocol.Peer
	joins bool // the rules put it there
	enter func(w *world, c *client)
	read  func(c *client) []protocol.ServerFrame // nil: what comes by itself
}

var entrances = []entrance{
	{name: "subscribe", enter: func(_ *world, c *client) { c.tell(protocol.ClientFrame{Type: protocol.TypeSubscribe}) }},
	{name: "subscribe with a filter", enter: func(_ *world, c *client) {
		c.tell(protocol.ClientFrame{Type: protocol.TypeSubscribe, Filter: []byte(`{"exists": "n"}`)})
	}},
	{name: "subscribe with a filter for another tenant", enter: func(_ *world, c *client) {
		c.tell(protocol.ClientFrame{Type: protocol.TypeSubscribe, Filter: []byte(`{"or": [{"equals": {"tenant": "t2"}}, {"exists": "n"}]}`)})
	}},
	{name: "subscribe with a scope", enter: func(_ *world, c *client) {
		c.tell(protocol.ClientFrame{Type: protocol.TypeSubscribe, Scope: protocol.ScopeOut})
		c.tell(protocol.ClientFrame{Type: protocol.TypeSubscribe, Scope: protocol.ScopeIn})
	}},
	{name: "recover", enter: func(w *world, c *client) {
		page, err := w.bus.History(w.t.Context(), orders, protocol.Position{}, 256)
		if err != nil {
			w.t.Fatal(err)
		}
		since := protocol.Position{Epoch: page.Top.Epoch}
		c.tell(protocol.ClientFrame{Type: protocol.TypeSubscribe, Since: &since})
	}},
	{name: "a plain stream", peer: protocol.Peer{Transport: protocol.SSE, Plain: true}, enter: func(_ *world, c *client) { c.tell(protocol.ClientFrame{Type: protocol.TypeSubscribe}) }},
	{name: "a plain poll", peer: protocol.Peer{Transport: protocol.Poll, Plain: true}, enter: func(_ *world, c *client) { c.tell(protocol.ClientFrame{Type: protocol.TypeSubscribe}) }},
	{name: "put there by joins", joins: true, enter: func(*world, *client) {}},
	{name: "put there by joins, and subscribed", joins: true, enter: func(_ *world, c *client) { c.tell(protocol.ClientFrame{Type: protocol.TypeSubscribe}) }},
	{name: "put there by a backend", enter: func(w *world, _ *client) { w.grant(Whom{User: "ann"}, 1, orders); w.settle() }},
	{name: "history", enter: func(*world, *client) {}, read: func(c *client) []protocol.ServerFrame {
		c.tell(protocol.ClientFrame{Type: protocol.TypeHistory})
		return c.next()
	}},
	{name: "history after a position", enter: func(*world, *client) {}, read: func(c *client) []protocol.ServerFrame {
		page, err := c.w.bus.History(c.w.t.Context(), orders, protocol.Position{}, 256)
		if err != nil {
			c.w.t.Fatal(err)
		}
		since := protocol.Position{Epoch: page.Top.Epoch}
		c.tell(protocol.ClientFrame{Type: protocol.TypeHistory, Since: &since, Limit: 200})
		return c.next()
	}},
}

// tell says a request about orders, whatever its answer will be.
func (c *client) tell(f protocol.ClientFrame) {
	c.id++
	f.ID, f.Channel = c.id, orders
	c.say(f)
	c.w.settle()
}

func tenancy(joins bool, filter string) access.Rules {
	r := access.Rules{Subscribe: access.Nobody, Channels: []access.Rule{{Pattern: "crm/*", Subscribe: access.User, Filter: filter}}}
	if joins {
		r.Joins.Authenticated = []string{string(orders)}
	}
	return r
}

// shows returns the contents that frames bring, with what else they say of a change.
func contentsOf(frames []protocol.ServerFrame) (list []string) {
	add := func(m *protocol.Message) {
		line := string(m.Data)
		if x := m.Extra; x != nil && m.View().Out {
			line += " out " + string(x.Meta) + string(x.Changed)
		}
		list = append(list, strings.TrimSpace(line))
	}
	for _, f := range frames {
		if f.Msg != nil {
			add(f.Msg)
		}
		for _, m := range f.Messages {
			add(m)
		}
	}
	return list
}

// round publishes what belongs to t1 and t2, and moves between them. n numbers what it says.
func (w *world) round(n int) {
	row := func(tenant string, k int) string { return fmt.Sprintf(`{"tenant":%q,"n":%d}`, tenant, n*10+k) }
	w.publish(orders, row("t1", 1))
	w.publish(orders, row("t2", 2))
	w.moveRow(row("t1", 3), row("t2", 4), false)
	w.moveRow(row("t2", 5), row("t1", 6), false)
	w.moveRow("", row("t2", 7), true)
	w.publish(orders, `"nobody's"`)
	w.settle()
}

func (w *world) moveRow(before, after string, gone bool) {
	w.t.Helper()
	x := &protocol.Extra{Change: 7, Gone: gone, Meta: []byte(`{"by":"t2"}`)}
	if before != "" {
		x.Before, x.Changed = []byte(before), []byte(`["tenant"]`)
	}
	if _, err := w.bus.Publish(w.t.Context(), Publish{Channel: orders, Data: []byte(after), Extra: x}); err != nil {
		w.t.Fatal(err)
	}
}

// own returns what a tenant may hear of a round.
func own(tenant string, n int) []string {
	row := func(k int) string { return fmt.Sprintf(`{"tenant":%q,"n":%d}`, tenant, n*10+k) }
	switch tenant {
	case "t1":
		return []string{row(1), row(3) + " out", row(6)}
	case "t2":
		return []string{row(2), row(4), row(5) + " out", row(7) + ` out {"by":"t2"}`}
	}
	return nil
}

// tenants returns whose rows are among contents.
func tenants(t *testing.T, contents []string) (list []string) {
	t.Helper()
	for _, c := range contents {
		data, _, _ := strings.Cut(c, " out")
		var row struct{ Tenant string }
		if json.Unmarshal([]byte(data), &row) != nil {
			row.Tenant = "nobody"
		}
		if !slices.Contains(list, row.Tenant) {
			list = append(list, row.Tenant)
		}
	}
	slices.Sort(list)
	return list
}

// By whichever entrance a client comes to a channel whose rule has a filter, it hears and reads its own rows, and never
// another's.
func TestB102_NobodyHearsAForeignRow(t *testing.T) {
	for _, e := range entrances {
		if e.peer.Transport == "" {
			e.peer.Transport = protocol.WebSocket
		}
		for _, as := range []struct {
			name   string
			claims map[string]any
			then   string // what happens after a round
			want   string // whose rows come at first
			after  string // whose come after that
		}{
			{name: "its own tenant", claims: map[string]any{"tenant": "t1"}, want: "t1", after: "t1"},
			{name: "no claim"},
			{name: "an empty claim", claims: map[string]any{"tenant": ""}},
			{name: "two values for one", claims: map[string]any{"tenant": []string{"t1", "t2"}}},
			{name: "another tenant", claims: map[string]any{"tenant": "t2"}, want: "t2", after: "t2"},
			{name: "injection of a condition", claims: map[string]any{"tenant": `t1"}},{"exists":"n"},{"equals":{"tenant":"t1`}},
			{name: "injection of a placeholder", claims: map[string]any{"tenant": `{user}`}},
			{name: "injection of a filter", claims: map[string]any{"tenant": `{"exists":"n"}`}},
			{name: "refresh to another tenant", claims: map[string]any{"tenant": "t1"}, then: "refresh", want: "t1", after: "t2"},
			{name: "refresh without the claim", claims: map[string]any{"tenant": "t1"}, then: "lose", want: "t1"},
			{name: "new rules", claims: map[string]any{"tenant": "t1"}, then: "rules", want: "t1", after: "t2"},
			{name: "panic of the channel", claims: map[string]any{"tenant": "t1"}, then: "panic", want: "t1", after: "t1"},
			{name: "a cut", claims: map[string]any{"tenant": "t1"}, then: "cut", want: "t1", after: "t1"},
		} {
			t.Run(e.name+"/"+as.name, func(t *testing.T) {
				f := &faulty{}
				inBubble(t, withFaults(f, withTokens(t, tenancy(e.joins, byTenant))), func(w *world) {
					w.round(0)
					connect := protocol.ClientFrame{Type: protocol.TypeConnect, Token: signAs(t, "ann", as.claims)}
					c, err := w.open(e.peer, &connect)
					if err != nil {
						t.Fatal(err)
					}
					e.enter(w, c)
					read := func() []string {
						if e.read != nil {
							return contentsOf(e.read(c))
						}
						return contentsOf(c.next())
					}
					w.round(1)
					heard := read()
					check := func(when, tenant string, heard []string, round int) {
						t.Helper()
						if got := tenants(t, heard); tenant == "" && len(got) > 0 || tenant != "" && !slices.Equal(got, []string{tenant}) {
							t.Errorf("%s: heard %q, want rows of %q alone", when, heard, tenant)
						}
						for _, row := range own(tenant, round) {
							if !slices.Contains(heard, row) {
								t.Errorf("%s: heard %q, want %s among it", when, heard, row)
							}
						}
					}
					check("at first", as.want, heard, 1)
					if as.then == "" {
						return
					}
					c.link.stall(as.then != "cut")
					w.round(2) // waits when it happens
					switch as.then {
					case "refresh", "lose":
						if e.peer.Plain { // it cannot; its token is another one when it comes again
							return
						}
						claims := map[string]any{}
						if as.after != "" {
							claims["tenant"] = as.after
						}
						c.say(protocol.ClientFrame{Type: protocol.TypeRefresh, ID: 77, Token: signAs(t, "ann", claims)})
					case "rules":
						if err := w.bus.SetRules(tenancy(e.joins, `{"equals": {"tenant": "t2"}}`)); err != nil {
							t.Fatal(err)
						}
					case "panic":
						f.poison(orders)
					case "cut":
						if e.peer.Plain {
							return
						}
						c.next()
						c.cut()
						w.publish(orders, `{"tenant":"t2","n":99}`)
						connect.Session, connect.Received = c.session, &c.received
						n, err := w.open(e.peer, &connect)
						if err != nil || !n.resumed {
							t.Fatalf("resume: %v", err)
						}
						n.id, c = c.id, n
					}
					w.settle()
					w.round(3)
					c.link.stall(false)
					check("after it", as.after, read(), 3)
				})
			})
		}
	}
}

// Who may hear other rows than before is told once, with a gap, and everything from there on is whole.
func TestOtherRowsAreAGap(t *testing.T) {
	inBubble(t, withTokens(t, tenancy(false, byTenant)), func(w *world) {
		c := w.signIn(signAs(t, "ann", map[string]any{"tenant": "t1"}), "")
		c.subscribe(orders, nil)
		room, _ := c.subscribeTo(orders, `{"exists":"n"}`, "", nil)
		c.link.stall(true)
		w.round(1)
		c.say(protocol.ClientFrame{Type: protocol.TypeRefresh, ID: 50, Token: signAs(t, "ann", map[string]any{"tenant": "t2"})})
		w.settle()
		w.publish(orders, `{"tenant":"t2","n":1}`)
		w.publish(orders, `{"tenant":"t1","n":2}`)
		w.publish(orders, `{"tenant":"t2","n":3}`)
		c.link.stall(false)
		got := c.next()
		for _, name := range []string{"", room} {
			same(t, "room "+name, slices.DeleteFunc(heardIn(got, name), func(s string) bool { return s == "withdrawn" || s == "reply" }), []string{"gap", `6<7:{"tenant":"t2","n":1}`, `7<9:{"tenant":"t2","n":3}`})
		}
		for _, g := range only(got, protocol.TypeGap) {
			if g.Reason != string(protocol.GapRulesChanged) || g.From == nil || g.From.Offset != 6 || g.Last != nil {
				t.Errorf("got %+v, want a gap by rules_changed, from 6", g)
			}
		}
		if n := w.bus.Stats().Gaps[protocol.GapRulesChanged]; n != 2 {
			t.Errorf("%d gaps are counted, want one for each subscription", n)
		}
		if s := w.bus.Stats(); s.Rooms != 2 || s.Subscriptions != 2 {
			t.Errorf("%d groups and %d subscriptions, want 2 and 2", s.Rooms, s.Subscriptions)
		}
		w.why(c, orders, 7, WhyWritten)
		w.why(c, orders, 8, WhyFiltered)
		w.why(c, orders, 1, WhyGap)
	})
}

// The same claims in another token, and rules that let the client hear the same, disturb nobody.
func TestTheSameRowsAreNoGap(t *testing.T) {
	inBubble(t, withTokens(t, tenancy(false, byTenant)), func(w *world) {
		token := func() string { return signAs(t, "ann", map[string]any{"tenant": "t1", "other": w.log.String()}) }
		c := w.signIn(token(), "")
		c.subscribe(orders, nil)
		w.publish(orders, `{"tenant":"t1","n":1}`)
		c.say(protocol.ClientFrame{Type: protocol.TypeRefresh, ID: 50, Token: token()})
		w.settle()
		if err := w.bus.SetRules(tenancy(false, `{"in": {"tenant": ["{tenant}"]}}`)); err != nil {
			t.Fatal(err)
		}
		if err := w.bus.SetRules(tenancy(false, byTenant)); err != nil {
			t.Fatal(err)
		}
		w.settle()
		w.publish(orders, `{"tenant":"t1","n":2}`)
		if got := only(c.next(), protocol.TypeGap); len(got) > 2 {
			t.Errorf("told %d gaps, want at most one for each change of the rule's text", len(got))
		}
	})
}

// What waits of a channel that the client left before is taken back as well, and so is the answer to its history.
func TestWhatWasLeftOrReadIsTakenBack(t *testing.T) {
	inBubble(t, withTokens(t, tenancy(false, byTenant)), func(w *world) {
		c := w.signIn(signAs(t, "ann", map[string]any{"tenant": "t1"}), "")
		c.subscribe(orders, nil)
		c.link.stall(true)
		w.round(1)
		c.tell(protocol.ClientFrame{Type: protocol.TypeHistory})
		c.tell(protocol.ClientFrame{Type: protocol.TypeUnsubscribe})
		c.tell(protocol.ClientFrame{Type: protocol.TypeRefresh, Token: signAs(t, "ann", map[string]any{"tenant": "t2"})})
		c.link.stall(false)
		if got := contentsOf(c.next()); len(got) > 0 {
			t.Errorf("heard %q after the refresh, want nothing", got)
		}
	})
}

// A history reads on until it has as much as was asked for of what the client may read.
func TestHistoryOfOwnRows(t *testing.T) {
	inBubble(t, withTokens(t, tenancy(false, byTenant)), func(w *world) {
		for n := range 900 {
			tenant := "t2"
			if n%300 == 0 {
				tenant = "t1"
			}
			w.publish(orders, fmt.Sprintf(`{"tenant":%q,"n":%d}`, tenant, n))
		}
		page, err := w.bus.History(t.Context(), orders, protocol.Position{}, 1)
		if err != nil {
			t.Fatal(err)
		}
		begin := protocol.Position{Epoch: page.Top.Epoch}
		c := w.signIn(signAs(t, "ann", map[string]any{"tenant": "t1"}), "")
		row := func(n int) string { return fmt.Sprintf(`{"tenant":"t1","n":%d}`, n) }
		for _, tt := range []struct {
			name     string
			since    *protocol.Position
			limit    int
			want     []string
			complete bool
		}{
			{"all of the newest", nil, 0, []string{row(0), row(300), row(600)}, true},
			{"the newest two", nil, 2, []string{row(300), row(600)}, false},
			{"the newest one", nil, 1, []string{row(600)}, false},
			{"all after the beginning", &begin, 0, []string{row(0), row(300), row(600)}, true},
			{"two after the beginning", &begin, 2, []string{row(0), row(300)}, false},
			{"after the top", &page.Top, 0, nil, true},
		} {
			answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeHistory, Channel: orders, Since: tt.since, Limit: tt.limit})
			got := contentsOf([]protocol.ServerFrame{answer})
			if !slices.Equal(got, tt.want) || answer.Complete != tt.complete || answer.Position != page.Top {
				t.Errorf("%s: got %q, complete %t, at %v; want %q, %t and the top", tt.name, got, answer.Complete, answer.Position, tt.want, tt.complete)
			}
		}
	})
}

// A list of claims that makes the filter too large is no way in.
func TestClaimsThatAreTooManyAreForbidden(t *testing.T) {
	inBubble(t, withTokens(t, tenancy(false, `{"in": {"tenant": "{tenant}"}}`)), func(w *world) {
		many := make([]string, 200)
		for i := range many {
			many[i] = fmt.Sprint("t", i)
		}
		c := w.signIn(signAs(t, "ann", map[string]any{"tenant": many}), "")
		answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: orders})
		if answer.Code != protocol.CodeForbidden || !strings.Contains(answer.Message, "cannot be used") || answer.Hint == "" {
			t.Errorf("got %+v, want forbidden that says why", answer)
		}
		w.publish(orders, `{"tenant":"t1","n":1}`)
		if got := contentsOf(c.next()); len(got) > 0 {
			t.Errorf("heard %q", got)
		}
	})
}

// Rules with a filter that is none change nothing, and no bus starts with them.
func TestFiltersOfRulesAreChecked(t *testing.T) {
	wrong := tenancy(false, `{"and": [{"equals": {"tenant": "{tenant}"}}, {"equal": {"a": 1}}]}`)
	inBubble(t, withTokens(t, tenancy(false, byTenant)), func(w *world) {
		c := w.signIn(signAs(t, "ann", map[string]any{"tenant": "t1"}), "")
		c.subscribe(orders, nil)
		if err := w.bus.SetRules(wrong); err == nil || !strings.Contains(err.Error(), `"crm/*": Filter`) || !strings.Contains(err.Error(), "and.equal") {
			t.Errorf("got %v, want one that names the pattern and the place", err)
		}
		w.round(1)
		same(t, "under the rules as they were", contentsOf(c.next()), own("t1", 1))
		cfg := Config{Broker: w.bus.broker, Rules: wrong}
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "and.equal") {
			t.Errorf("a config with such rules: %v", err)
		}
	})
}

// A history that the broker answers after the client's rows have changed is read again.
func TestAHistoryIsReadAgainForOtherRows(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, withTokens(t, tenancy(false, byTenant))), func(w *world) {
		w.round(1)
		page, err := w.bus.History(t.Context(), orders, protocol.Position{}, 1)
		if err != nil {
			t.Fatal(err)
		}
		c := w.signIn(signAs(t, "ann", map[string]any{"tenant": "t1"}), "")
		gate, reads := make(chan struct{}, 9), 0
		f.before(func(_ context.Context, call string) error {
			if call == "history" {
				reads++
				<-gate
			}
			return nil
		})
		c.tell(protocol.ClientFrame{Type: protocol.TypeHistory, Since: &protocol.Position{Epoch: page.Top.Epoch}})
		asked := c.id
		if reads != 1 {
			t.Fatalf("the broker was asked %d times, want once", reads)
		}
		c.tell(protocol.ClientFrame{Type: protocol.TypeRefresh, Token: signAs(t, "ann", map[string]any{"tenant": "t2"})})
		gate <- struct{}{}
		gate <- struct{}{}
		got := c.next()
		same(t, "read", contentsOf(got), own("t2", 1))
		if answers := slices.DeleteFunc(got, func(f protocol.ServerFrame) bool { return f.ID != asked }); len(answers) != 1 || answers[0].Type != protocol.TypeReply {
			t.Errorf("the request was answered by %+v, want one reply", answers)
		}
		f.before(nil)
	})
}

// Row filters count as rooms: a member that would be in one too many ends, and hears nothing.
func TestAMoveToOneGroupTooMany(t *testing.T) {
	inBubble(t, func(c *Config) { withTokens(t, tenancy(false, byTenant))(c); c.MaxGroups = 20 }, func(w *world) {
		for i := range 19 {
			c := w.signIn(signAs(t, fmt.Sprint("u", i), map[string]any{"tenant": fmt.Sprint("x", i)}), "")
			c.subscribe(orders, nil)
		}
		a, b := w.signIn(signAs(t, "ann", map[string]any{"tenant": "t1"}), ""), w.signIn(signAs(t, "bob", map[string]any{"tenant": "t1"}), "")
		a.subscribe(orders, nil)
		b.subscribe(orders, nil)
		answer, rest := a.ask(protocol.ClientFrame{Type: protocol.TypeRefresh, Token: signAs(t, "ann", map[string]any{"tenant": "t2"})})
		ended := only(rest, protocol.TypeUnsubscribed)
		if answer.Type != protocol.TypeReply || len(ended) != 1 || ended[0].Code != protocol.CodeOverloaded {
			t.Fatalf("got %+v and %+v, want one subscription ended as overloaded", answer, rest)
		}
		w.round(1)
		if got := contentsOf(a.next()); len(got) > 0 {
			t.Errorf("heard %q", got)
		}
		same(t, "the other", contentsOf(b.next()), own("t1", 1))
		if s := w.bus.Stats(); s.Subscriptions != 20 {
			t.Errorf("%d subscriptions, want 20", s.Subscriptions)
		}
	})
}

// Documents of a collection are read with the rows of its channel's rule, and an answer that waits is taken back.
func TestDocumentsOfOwnRows(t *testing.T) {
	rule := access.Rule{Pattern: "documents/city/*", Subscribe: access.User, Filter: byTenant}
	as := func(tenant string) string { return signAs(t, "ann", map[string]any{"tenant": tenant}) }
	for _, tt := range []struct {
		name string
		then func(w *world, c *client)
	}{
		{"refresh", func(_ *world, c *client) { c.tell(protocol.ClientFrame{Type: protocol.TypeRefresh, Token: as("t2")}) }},
		{"new rules", func(w *world, _ *client) {
			other := rule
			other.Filter = `{"equals": {"tenant": "t2"}}`
			if err := w.bus.SetRules(access.Rules{Channels: []access.Rule{other}}); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var asked []string // the rows of each call
			library := func(_ context.Context, c *DocumentCall) ([]byte, error) {
				if fault := c.MayRead("documents/city/cars"); fault != nil {
					return nil, fault
				}
				asked = append(asked, string(c.Rows("documents/city/cars")))
				return c.Data, nil
			}
			inBubble(t, func(c *Config) {
				withTokens(t, access.Rules{Channels: []access.Rule{rule}})(c)
				c.Documents = library
			}, func(w *world) {
				c := w.signIn(as("t1"), "")
				c.link.stall(true)
				c.say(documentCall(50, `"waits"`))
				w.settle()
				tt.then(w, c)
				w.settle()
				c.say(documentCall(51, `"comes after it"`))
				c.link.stall(false)
				got := c.next()
				refused := only(got, protocol.TypeError)
				if len(refused) != 1 || refused[0].ID != 50 || refused[0].Code != protocol.CodeForbidden {
					t.Errorf("the answer that waited: got %+v, want forbidden in its place", refused)
				}
				replies := only(got, protocol.TypeReply)
				if n := len(replies); n == 0 || replies[n-1].ID != 51 || string(replies[n-1].Data) != `"comes after it"` || replies[n-1].Channel != "" {
					t.Errorf("the answer after it: got %+v", replies)
				}
				same(t, "the rows asked for", asked, []string{`{"equals":{"tenant":"t1"}}`, `{"equals":{"tenant":"t2"}}`})
			})
		})
	}
}

// A subscription that waits, for the application or for the broker, hears what the client may hear when it begins.
func TestASubscribeThatWaitsHearsTheRowsOfItsBeginning(t *testing.T) {
	for _, tt := range []struct {
		name string
		asks bool // the application is asked, and answers late; else the broker does
	}{{"for the application", true}, {"for the broker", false}} {
		t.Run(tt.name, func(t *testing.T) {
			f := &faulty{}
			var gate chan struct{}
			rules := withTokens(t, tenancy(false, byTenant))
			inBubble(t, withFaults(f, func(c *Config) {
				rules(c)
				gate = make(chan struct{})
				if tt.asks {
					c.Hooks.Subscribe = func(context.Context, Caller, protocol.Channel) error { <-gate; return nil }
				}
			}), func(w *world) {
				w.round(1)
				other := w.signIn(signAs(t, "bob", map[string]any{"tenant": "t3"}), "")
				if !tt.asks {
					other.subscribe(orders, nil) // the channel is there, so that the next one reads for itself alone
				}
				page, err := w.bus.History(t.Context(), orders, protocol.Position{}, 1)
				if err != nil {
					t.Fatal(err)
				}
				c := w.signIn(signAs(t, "ann", map[string]any{"tenant": "t1"}), "")
				if !tt.asks {
					f.before(func(_ context.Context, call string) error {
						if call == "history" {
							<-gate
						}
						return nil
					})
				}
				c.tell(protocol.ClientFrame{Type: protocol.TypeSubscribe, Since: &protocol.Position{Epoch: page.Top.Epoch}})
				c.tell(protocol.ClientFrame{Type: protocol.TypeRefresh, Token: signAs(t, "ann", map[string]any{"tenant": "t2"})})
				close(gate)
				w.settle()
				w.round(2)
				got := c.next()
				same(t, "heard", contentsOf(got), append(own("t2", 1), own("t2", 2)...))
				if n := len(only(got, protocol.TypeSubscribed)); n != 1 {
					t.Errorf("answered %d times, want once", n)
				}
				f.before(nil)
			})
		})
	}
}
