package actors

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/access"
	"tidings/broker"
	"tidings/core"
	"tidings/filter"
	"tidings/protocol"
)

// withPresence lets everybody see who is there.
func withPresence(c *Config) {
	c.Rules = access.Rules{Subscribe: access.Anyone, Publish: access.Anyone, Presence: access.Anyone}
}

// as opens a connection of a user, or an anonymous one.
func (w *world) as(user string) *client {
	return w.asOver(user, protocol.Peer{Transport: protocol.WebSocket})
}

func (w *world) asOver(user string, peer protocol.Peer) *client {
	w.t.Helper()
	c := &client{w: w, link: &link{}, transport: peer.Transport}
	conn, gen := w.bus.begin(peer, access.Identity{User: user}, nil, places{}, c.link)
	if !w.bus.sessions.Enter() {
		w.t.Fatal("the bus has stopped")
	}
	c.use(conn, gen)
	w.settle()
	c.session = c.frames()[0].Session
	c.read = 1
	return c
}

// back takes up the connection of c, which is a user's.
func (c *client) back() *client {
	c.w.t.Helper()
	n := &client{w: c.w, link: &link{}, transport: c.transport, session: c.session, id: c.id, received: c.received, read: 1}
	conn, gen, _ := c.w.bus.resume(protocol.Peer{Transport: c.transport}, &protocol.ClientFrame{Session: c.session, Received: &c.received}, c.conn.Identity(), n.link)
	if conn != c.conn {
		c.w.t.Fatal("not resumed")
	}
	n.use(conn, gen)
	c.w.settle()
	return n
}

// watchAs subscribes and asks for news.
func (c *client) watchAs(ch protocol.Channel, users string) []protocol.ServerFrame {
	c.w.t.Helper()
	answer, rest := c.ask(protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: ch, Users: users})
	if answer.Type != protocol.TypeSubscribed {
		c.w.t.Fatalf("subscribe with users %q: %+v", users, answer)
	}
	return rest
}

// news returns the frames of presence in short, and fails if other frames came.
func (c *client) news() string {
	c.w.t.Helper()
	return c.short(c.next())
}

func (c *client) short(frames []protocol.ServerFrame) string {
	c.w.t.Helper()
	var out []string
	for _, f := range frames {
		if f.Count == nil {
			c.w.t.Errorf("a frame that is no news: %+v", f)
			continue
		}
		names := "unnamed"
		if f.Members != nil {
			slices.SortFunc(f.Members, protocol.Member.Compare)
			list := []string{}
			for _, m := range f.Members {
				list = append(list, m.User+m.Connection)
			}
			names = strings.Join(list, "+")
		}
		if len(f.Members) > 5 {
			names = fmt.Sprintf("%d names", len(f.Members))
		}
		out = append(out, fmt.Sprintf("%s %s %d", f.Type, names, *f.Count))
	}
	return strings.Join(out, ", ")
}

func wantNews(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: heard %q, want %q", what, got, want)
	}
}

func TestWhoIsInAChannel(t *testing.T) {
	inBubble(t, withPresence, func(w *world) {
		ann, other := w.as("ann"), w.as("zoe")
		wantNews(t, "who comes first", ann.short(ann.watchAs("news", protocol.UsersAll)), "presence ann 1")
		w.pass(time.Second)
		bob := w.as("bob")
		bob.subscribe("news", nil)
		wantNews(t, "one comes", ann.news(), "joined bob 2")
		reply, _ := other.ask(protocol.ClientFrame{Type: protocol.TypePresence, Channel: "news"})
		if want := []protocol.Member{{User: "ann"}, {User: "bob"}}; !slices.Equal(reply.Members, want) || *reply.Count != 2 {
			t.Errorf("presence: %+v, want %v", reply, want)
		}
		bob.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "news"})
		w.pass(time.Second)
		wantNews(t, "one goes", ann.news(), "left bob 1")
		if got := bob.next(); len(got) != 0 {
			t.Errorf("who did not ask for news heard %+v", got)
		}
		ann.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "news"})
		w.pass(time.Second)
		page, err := w.bus.Presence(context.Background(), "news", protocol.Member{}, 10)
		if err != nil || page.Count != 0 {
			t.Errorf("in the end: %+v, %v", page, err)
		}
		if s := w.bus.Stats(); s.Members != 0 || s.Watchers != 0 || s.Joined != 2 || s.Left != 2 {
			t.Errorf("stats: members %d, watchers %d, joined %d, left %d", s.Members, s.Watchers, s.Joined, s.Left)
		}
		w.pass(2 * time.Minute)
		if s := w.bus.Stats(); s.Channels != 0 {
			t.Error("the channel does not come to rest")
		}
	})
}

func TestUsersSaysWhatIsHeard(t *testing.T) {
	inBubble(t, withPresence, func(w *world) {
		heard := map[string]*client{}
		for _, users := range []string{protocol.UsersIn, protocol.UsersOut, protocol.UsersNone, protocol.UsersAll} {
			c := w.as("watcher-" + users)
			heard[users] = c
			c.watchAs("news", users)
			w.pass(time.Second)
		}
		for _, c := range heard {
			c.next()
		}
		bob := w.as("bob")
		bob.subscribe("news", nil)
		w.pass(time.Second)
		bob.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		w.pass(time.Second)
		for users, want := range map[string]string{"in": "joined bob 5", "out": "left bob 4", "all": "joined bob 5, left bob 4", "none": ""} {
			wantNews(t, users, heard[users].news(), want)
		}
	})
}

// presence with users changes what a subscription hears, without another subscribe.
func TestWhatIsHeardCanChange(t *testing.T) {
	inBubble(t, withPresence, func(w *world) {
		c := w.as("ann")
		hear := func(users string) []protocol.ServerFrame {
			t.Helper()
			answer, rest := c.ask(protocol.ClientFrame{Type: protocol.TypePresence, Channel: "news", Users: users})
			if answer.Type != protocol.TypeReply || answer.Count == nil {
				t.Errorf("users %s: %+v", users, answer)
			}
			return rest
		}
		if answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypePresence, Channel: "news", Users: protocol.UsersAll}); answer.Code != protocol.CodeNotSubscribed {
			t.Errorf("without a subscription: %+v", answer)
		}
		c.subscribe("news", nil)
		w.pass(time.Second)
		wantNews(t, "all, after nothing", c.short(hear(protocol.UsersAll)), "presence ann 1")
		wantNews(t, "all, again", c.short(hear(protocol.UsersAll)), "presence ann 1")
		bob := w.as("bob")
		bob.subscribe("news", nil)
		w.pass(time.Second)
		wantNews(t, "one comes", c.news(), "joined bob 2")
		wantNews(t, "in alone", c.short(hear(protocol.UsersIn)), "presence ann+bob 2")
		bob.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "news"})
		w.pass(time.Second)
		wantNews(t, "one goes", c.news(), "")
		if got := hear(protocol.UsersNone); len(got) != 0 {
			t.Errorf("none: %+v", got)
		}
		bob.subscribe("news", nil)
		w.pass(time.Second)
		wantNews(t, "one comes back", c.news(), "")
		if s := w.bus.Stats(); s.Watchers != 0 {
			t.Errorf("%d watchers", s.Watchers)
		}
		// In one message with its subscribe, which waits for others to recover.
		first := w.publish("old", "1")
		c.say(
			protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 901, Channel: "old", Since: &first},
			protocol.ClientFrame{Type: protocol.TypePresence, ID: 902, Channel: "old", Users: protocol.UsersAll},
		)
		w.pass(time.Second)
		var news []protocol.ServerFrame
		for _, f := range c.next() {
			if f.Count != nil && f.ID == 0 {
				news = append(news, f)
			}
		}
		if len(news) == 0 || len(news[len(news)-1].Members) != 1 {
			t.Errorf("heard %+v", news)
		}
	})
}

func TestAUserOfSeveralConnectionsIsOneMember(t *testing.T) {
	inBubble(t, withPresence, func(w *world) {
		watcher := w.as("watcher")
		watcher.watchAs("news", protocol.UsersAll)
		w.pass(time.Second)
		watcher.next()
		first, second, nobody, nobodyElse := w.as("ann"), w.as("ann"), w.as(""), w.as("")
		first.subscribe("news", nil)
		second.subscribe("news", nil)
		w.pass(time.Second)
		wantNews(t, "both come", watcher.news(), "joined ann 2")
		first.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		w.pass(time.Second)
		wantNews(t, "one of them goes", watcher.news(), "")
		second.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		w.pass(time.Second)
		wantNews(t, "the other goes", watcher.news(), "left ann 1")
		nobody.subscribe("news", nil)
		nobodyElse.subscribe("news", nil)
		w.pass(time.Second)
		page, _ := w.bus.Presence(context.Background(), "news", protocol.Member{}, 10)
		want := []protocol.Member{{Connection: nobody.conn.ID()}, {Connection: nobodyElse.conn.ID()}, {User: "watcher"}}
		slices.SortFunc(want, protocol.Member.Compare)
		if !slices.Equal(page.Members, want) {
			t.Errorf("anonymous ones are %v, want %v", page.Members, want)
		}
		if strings.Contains(fmt.Sprint(page.Members), nobody.session) {
			t.Error("a session id is shown")
		}
	})
}

func TestAParkedConnectionDoesNotFlap(t *testing.T) {
	inBubble(t, withPresence, func(w *world) {
		watcher, bob := w.as("watcher"), w.as("")
		watcher.watchAs("news", protocol.UsersAll)
		bob.watchAs("news", protocol.UsersAll)
		w.pass(time.Second)
		watcher.next()
		bob.next()
		bob.cut()
		w.pass(29 * time.Second)
		carl := w.as("carl")
		carl.subscribe("news", nil)
		w.pass(900 * time.Millisecond)
		wantNews(t, "away for 29.9 s", watcher.news(), "joined carl 3")
		bob = bob.resume()
		wantNews(t, "what came meanwhile", bob.news(), "joined carl 3")
		w.pass(time.Minute)
		bob.cut()
		w.pass(31 * time.Second)
		wantNews(t, "away for 31 s", watcher.news(), "left "+bob.conn.ID()+" 2")
	})
}

func TestAReplacedSubscriptionDoesNotFlap(t *testing.T) {
	inBubble(t, withPresence, func(w *world) {
		watcher, bob := w.as("watcher"), w.as("bob")
		watcher.watchAs("news", protocol.UsersAll)
		at, _ := bob.subscribe("news", nil)
		w.pass(time.Second)
		watcher.next()
		bob.subscribe("news", &at)
		wantNews(t, "a second subscribe begins anew", bob.short(bob.watchAs("news", protocol.UsersAll)), "presence bob+watcher 2")
		w.as("carl").subscribe("news", nil) // what is said at once must not say more
		w.pass(time.Second)
		wantNews(t, "the watcher", watcher.news(), "joined carl 3")
		wantNews(t, "who subscribed twice", bob.news(), "joined carl 3")
	})
}

// A crowd that comes and goes costs a few frames, and the count is always right.
func TestManyAreToldTogether(t *testing.T) {
	inBubble(t, withPresence, func(w *world) {
		watcher := w.as("watcher")
		watcher.watchAs("news", protocol.UsersAll)
		w.pass(time.Second)
		watcher.next()
		var crowd []*client
		come := func(n int) {
			for range n {
				c := w.as(fmt.Sprintf("u%04d", len(crowd)))
				c.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "news"})
				crowd = append(crowd, c)
			}
			w.pass(5 * time.Second)
		}
		come(200)
		wantNews(t, "200 in a moment", watcher.news(), "joined u0000 2, joined 199 names 201")
		come(500)
		wantNews(t, "500 in a moment", watcher.news(), "joined u0200 202, presence 701 names 701")
		come(300)
		wantNews(t, "up to more than can be named", watcher.news(), "joined u0700 702, presence unnamed 1001")
		late := w.as("u0000")
		wantNews(t, "who begins to watch then", late.short(late.watchAs("news", protocol.UsersAll)), "presence unnamed 1001")
		come(100)
		wantNews(t, "100 more", watcher.news(), "presence unnamed 1002, presence unnamed 1101")
		for _, c := range crowd[900:] {
			c.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		}
		w.pass(5 * time.Second)
		wantNews(t, "200 go", watcher.news(), "presence 901 names 901")
		s := w.bus.Stats()
		if s.Members != 901 || s.NewsUnnamed != 3 || s.PresenceLost != 0 {
			t.Errorf("members %d, unnamed %d, lost %d", s.Members, s.NewsUnnamed, s.PresenceLost)
		}
	})
}

func TestOtherRulesOfPresence(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		ann, bob := w.as("ann"), w.as("bob")
		ann.subscribe("news", nil)
		if got, _ := ann.ask(protocol.ClientFrame{Type: protocol.TypePresence, Channel: "news"}); got.Code != protocol.CodeForbidden {
			t.Errorf("presence, with rules that do not keep it: %+v", got)
		}
		if got, _ := ann.ask(protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: "other", Users: protocol.UsersIn}); got.Code != protocol.CodeForbidden {
			t.Errorf("users, with rules that do not keep it: %+v", got)
		}
		if _, err := w.bus.Presence(context.Background(), "news", protocol.Member{}, 1); err == nil || err.(*protocol.Error).Code != protocol.CodeForbidden {
			t.Errorf("of the bus: %v", err)
		}
		if got := w.bus.Stats().Members; got != 0 {
			t.Errorf("%d members are kept", got)
		}
		var c Config
		withPresence(&c)
		if err := w.bus.SetRules(c.Rules); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Second)
		wantNews(t, "who was there before is counted", bob.short(bob.watchAs("news", protocol.UsersAll)), "presence ann+bob 2")
		if err := w.bus.SetRules(access.DefaultRules()); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Second)
		if got := bob.next(); len(got) != 1 || got[0].Type != protocol.TypeUnsubscribed || got[0].Code != protocol.CodeForbidden {
			t.Errorf("who may not watch any more got %+v", got)
		}
		w.publish("news", "1")
		same(t, "who did not ask goes on", data(ann.next(), "news"), []string{"1"})
		if s := w.bus.Stats(); s.Members != 0 || s.Watchers != 0 || s.Subscriptions != 1 {
			t.Errorf("members %d, watchers %d, subscriptions %d", s.Members, s.Watchers, s.Subscriptions)
		}
	})
}

// A connection that learns whose it is counts as that user from then on.
func TestASignInMovesTheMember(t *testing.T) {
	inBubble(t, withPresence, func(w *world) {
		watcher, c := w.as("watcher"), w.as("")
		watcher.watchAs("news", protocol.UsersAll)
		c.subscribe("news", nil)
		w.pass(time.Second)
		watcher.next()
		w.bus.send(c.conn.pid, verified{id: 9, identity: access.Identity{User: "ann"}})
		w.pass(time.Second)
		wantNews(t, "after the sign-in", watcher.news(), "joined ann 3, left "+c.conn.ID()+" 2")
		c.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		w.pass(time.Second)
		wantNews(t, "after the end", watcher.news(), "left ann 1")
	})
}

func TestAPlainPollIsNoMember(t *testing.T) {
	inBubble(t, withPresence, func(w *world) {
		for transport, want := range map[string]int{protocol.Poll: 0, protocol.SSE: 1} {
			c := w.asOver("", protocol.Peer{Transport: transport, Plain: true})
			ch := protocol.Channel("of-" + transport)
			c.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: ch})
			w.pass(time.Second)
			page, err := w.bus.Presence(context.Background(), ch, protocol.Member{}, 10)
			if err != nil || page.Count != want {
				t.Errorf("%s: %+v, %v, want %d", transport, page, err, want)
			}
		}
	})
}

func TestABrokerWithoutPresence(t *testing.T) {
	type plain struct{ broker.Broker }
	inBubble(t, func(c *Config) {
		withPresence(c)
		c.Broker = plain{c.Broker}
	}, func(w *world) {
		c := w.connect()
		for _, f := range []protocol.ClientFrame{{Type: protocol.TypePresence, Channel: "news"}, {Type: protocol.TypeSubscribe, Channel: "news", Users: protocol.UsersAll}} {
			if got, _ := c.ask(f); got.Code != protocol.CodeUnsupported {
				t.Errorf("%s: %+v", f.Type, got)
			}
		}
		c.subscribe("news", nil)
		if _, err := w.bus.Presence(context.Background(), "news", protocol.Member{}, 1); err == nil || err.(*protocol.Error).Code != protocol.CodeUnsupported {
			t.Errorf("of the bus: %v", err)
		}
	})
}

// Calls of the broker that fail, or hang, are repeated until all is true again; messages do not suffer.
func TestPresenceOutlastsFailuresOfTheBroker(t *testing.T) {
	for _, call := range []string{"attend", "watch", "members"} {
		for _, hang := range []bool{false, true} {
			f := &faulty{}
			inBubble(t, withFaults(f, withPresence), func(w *world) {
				early, leaver := w.as("early"), w.as("leaver")
				early.watchAs("news", protocol.UsersAll)
				leaver.subscribe("news", nil)
				w.pass(time.Second)
				early.next()
				f.before(func(ctx context.Context, c string) error {
					if c != call {
						return nil
					}
					if hang {
						<-ctx.Done()
						return ctx.Err()
					}
					return errDown
				})
				ann := w.as("ann")
				ann.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "news", Users: protocol.UsersAll})
				late := w.as("late")
				late.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "quiet", Users: protocol.UsersAll})
				leaver.say(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, ID: 2, Channel: "news"})
				w.publish("news", "1")
				w.pass(20 * time.Second)
				same(t, "messages while "+call+" fails", data(ann.next(), "news"), []string{"1"})
				if w.bus.Stats().PresenceFailed == 0 {
					t.Errorf("no failed %s was counted", call)
				}
				f.before(nil)
				w.pass(10 * time.Second)
				for what, c := range map[string]*client{"of an early watcher": early, "of a late one": late} {
					var v core.PresenceView
					if what == "of an early watcher" {
						v.Take(&protocol.ServerFrame{Type: protocol.TypePresence, Count: new(uint64(2)), Members: []protocol.Member{{User: "early"}, {User: "leaver"}}})
					}
					for _, f := range c.frames() {
						v.Take(&f)
					}
					want := []protocol.Member{{User: "ann"}, {User: "early"}}
					if c == late {
						want = []protocol.Member{{User: "late"}}
					}
					if !slices.Equal(v.Members(), want) || v.Count() != len(want) {
						t.Errorf("%s (hang %v): the view %s is %v, count %d, want %v", call, hang, what, v.Members(), v.Count(), want)
					}
				}
			})
		}
	}
}

// A channel's actor that failed goes on with who is there, and those who watch see the truth.
func TestPresenceOutlastsAFailureOfTheChannel(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, withPresence), func(w *world) {
		watcher, ann, bob := w.as("watcher"), w.as("ann"), w.as("bob")
		watcher.watchAs("news", protocol.UsersAll)
		ann.subscribe("news", nil)
		bob.subscribe("news", nil)
		w.pass(time.Second)
		for i := range 3 {
			f.poison("news")
			if i == 1 {
				ann.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
			}
			w.settle()
		}
		carl := w.as("carl")
		carl.subscribe("news", nil)
		w.pass(3 * time.Second)
		var v core.PresenceView
		for _, f := range watcher.frames() {
			v.Take(&f)
		}
		if want := []protocol.Member{{User: "bob"}, {User: "carl"}, {User: "watcher"}}; !slices.Equal(v.Members(), want) || v.Count() != 3 {
			t.Errorf("the watcher sees %v, count %d", v.Members(), v.Count())
		}
		for _, c := range []*client{watcher, bob, carl} {
			c.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		}
		w.pass(2 * time.Minute)
		s := w.bus.Stats()
		if s.Members != 0 || s.Watchers != 0 || s.Channels != 0 || s.ActorFailures != 3 {
			t.Errorf("members %d, watchers %d, channels %d, failures %d", s.Members, s.Watchers, s.Channels, s.ActorFailures)
		}
	})
}

// People come, go, lose their network, come back and are parked for too long, at random: at rest each who watches sees
// those who are there.
func TestPresenceAtRandom(t *testing.T) {
	presenceAtRandom(t, 20, "")
}

// presenceAtRandom has them subscribe with a filter, if it is not "".
func presenceAtRandom(t *testing.T, seeds uint64, asked string) {
	var room string
	if asked != "" {
		f, err := filter.Parse([]byte(asked))
		if err != nil {
			t.Fatal(err)
		}
		room = f.ID("news")
	}
	for seed := range seeds {
		f := &faulty{}
		inBubble(t, withFaults(f, withPresence), func(w *world) {
			r := rand.New(rand.NewPCG(seed, 1))
			f.before(func(_ context.Context, call string) error {
				switch call {
				case "attend", "watch", "members":
					if rand.IntN(10) == 0 {
						return errDown
					}
				}
				return nil
			})
			people := make([]*person, 30)
			for i := range people {
				people[i] = &person{world: w, asked: asked, room: room, user: []string{"", fmt.Sprintf("u%d", i%10)}[r.IntN(2)]}
			}
			for range 300 {
				people[r.IntN(len(people))].live(r)
				w.pass(time.Duration(r.IntN(4)*r.IntN(4)*r.IntN(300)) * time.Millisecond)
				if r.IntN(40) == 0 {
					f.poison("news")
				}
			}
			f.before(nil)
			w.pass(10 * time.Second)
			want := map[protocol.Member]bool{}
			for _, p := range people {
				if p.subscribed && !p.over() {
					as := asItself
					if p.user != "" && room == "" {
						as = asItsUser
					}
					want[as.member(p.conn)] = true
				}
			}
			watching := 0
			for _, p := range people {
				if p.client == nil || p.away || !p.subscribed {
					continue
				}
				watching++
				p.hear()
				if len(p.view.Members()) != len(want) || p.view.Count() != len(want) {
					t.Errorf("seed %d: %v sees %v, count %d, want %v", seed, p.conn.ID(), p.view.Members(), p.view.Count(), want)
					continue
				}
				for _, m := range p.view.Members() {
					if !want[m] {
						t.Errorf("seed %d: sees %v, who is not there", seed, m)
					}
				}
			}
			if watching == 0 {
				t.Errorf("seed %d: nobody watches", seed)
			}
		})
	}
}

// person is one who lives at random.
type person struct {
	*client
	world      *world
	asked      string // a filter; "" for none
	room       string // of the filter
	user       string
	subscribed bool
	away       bool
	since      time.Time
	view       core.PresenceView
}

func (p *person) over() bool { return p.away && time.Since(p.since) >= protocol.DefaultPark }

// hear takes the news.
func (p *person) hear() {
	for _, f := range p.next() {
		if f.Type == protocol.TypeSubscribed {
			p.view.Forget()
		}
		p.view.Take(&f)
	}
}

func (p *person) live(r *rand.Rand) {
	switch {
	case p.client == nil || p.over():
		p.client, p.subscribed, p.away = p.world.as(p.user), false, false
	case p.away:
		p.client, p.away = p.back(), false
		p.hear()
	case !p.subscribed || r.IntN(8) == 0:
		subscribe := protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: r.Uint64N(1<<40) + 1, Channel: "news", Users: protocol.UsersAll}
		if p.asked != "" {
			subscribe.Filter = []byte(p.asked)
		}
		if r.IntN(2) == 0 {
			p.say(subscribe)
		} else {
			subscribe.Users = ""
			p.say(subscribe, protocol.ClientFrame{Type: protocol.TypePresence, ID: r.Uint64N(1<<40) + 1, Channel: "news", Room: p.room, Users: protocol.UsersAll})
		}
		p.subscribed = true
		p.hear()
	default:
		p.hear()
		switch r.IntN(3) {
		case 0:
			p.say(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, ID: r.Uint64N(1<<40) + 1, Channel: "news", Room: p.room})
			p.subscribed = false
		case 1:
			p.cut()
			p.away, p.since = true, time.Now()
		case 2:
			p.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
			p.client = nil
			p.subscribed = false
		}
	}
}
