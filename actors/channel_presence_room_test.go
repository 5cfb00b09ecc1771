package actors

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/access"
	"tidings/core"
	"tidings/protocol"
)

// watchRoom subscribes with a filter and a scope, and asks for news.
func (c *client) watchRoom(ch protocol.Channel, asked, scope, users string) (room string, rest []protocol.ServerFrame) {
	c.w.t.Helper()
	f := protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: ch, Scope: scope, Users: users}
	if asked != "" {
		f.Filter = []byte(asked)
	}
	answer, rest := c.ask(f)
	if answer.Type != protocol.TypeSubscribed || answer.Room == "" {
		c.w.t.Fatalf("subscribe with %s %q and users %q: %+v", asked, scope, users, answer)
	}
	return answer.Room, rest
}

// numbers returns the frames of presence of a room by their types and counts, and fails if others came.
func (c *client) numbers(room string, frames []protocol.ServerFrame) string {
	c.w.t.Helper()
	var out []string
	for _, f := range frames {
		if f.Count == nil || f.Room != room || f.Channel != "cars" {
			c.w.t.Errorf("want news of the room %q, got %+v", room, f)
			continue
		}
		out = append(out, fmt.Sprintf("%s %d", f.Type, *f.Count))
	}
	return strings.Join(out, ", ")
}

// Who subscribed with the same filter is in one room, whatever the scope and however it is written. Each connection
// counts, and each watcher hears what it asked for, under the name that its own subscription has.
func TestWhoIsInARoom(t *testing.T) {
	inBubble(t, withPresence, func(w *world) {
		ann, ann2, bob, zoe, all := w.as("ann"), w.as("ann"), w.as("bob"), w.as("zoe"), w.as("")
		whole := all.watchAs("cars", protocol.UsersAll)
		room, rest := ann.watchRoom("cars", taxis, "", protocol.UsersAll)
		wantNews(t, "who comes first", ann.numbers(room, rest), "presence 1")
		w.pass(time.Second)
		out, rest := ann2.watchRoom("cars", `{"in":{"type":["taxi"]}}`, "out", protocol.UsersOut)
		if out != room+".out" {
			t.Errorf("the rooms are %q and %q", room, out)
		}
		w.pass(time.Second)
		wantNews(t, "the second, who is not counted yet, and hears of those who go", ann2.numbers(out, append(rest, ann2.next()...)), "presence 1")
		wantNews(t, "the first", ann.numbers(room, ann.next()), "joined 2")
		zoe.watchRoom("cars", `{"equals":{"type":"bus"}}`, "", protocol.UsersAll)
		silent, _ := bob.watchRoom("cars", taxis, "none", "")
		w.pass(time.Second)
		wantNews(t, "the first, when a third comes", ann.numbers(room, ann.next()), "joined 3")
		for _, row := range []struct {
			who  *client
			room string
			want protocol.Code
		}{{bob, silent, ""}, {ann, room, ""}, {ann2, out, ""}, {zoe, room, protocol.CodeNotSubscribed}, {bob, room, protocol.CodeNotSubscribed}, {bob, "no room", protocol.CodeNotSubscribed}} {
			got, _ := row.who.ask(protocol.ClientFrame{Type: protocol.TypePresence, Channel: "cars", Room: row.room})
			if got.Code != row.want || row.want == "" && (*got.Count != 3 || len(got.Members) != 3 || got.Members[0].User != "") {
				t.Errorf("presence of %s: %+v, want %q or three connections", row.room, got, row.want)
			}
		}
		bob.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "cars", Room: silent})
		w.pass(time.Second)
		wantNews(t, "the first, when one goes", ann.numbers(room, ann.next()), "left 2")
		wantNews(t, "the second, when one goes", ann2.numbers(out, ann2.next()), "left 2")
		if got := bob.next(); len(got) != 0 {
			t.Errorf("who asked for no news heard %+v", got)
		}
		wantNews(t, "who watches the channel", all.short(append(whole, all.next()...)), fmt.Sprintf("presence %s 1, joined ann 2, joined zoe 3, joined bob 4, left bob 3", all.conn.ID()))
		if s := w.bus.Stats(); s.Members != 3+3 || s.Watchers != 4 {
			t.Errorf("%d members and %d watchers, want 3 of the channel and 3 of rooms, and 4", s.Members, s.Watchers)
		}
		for _, c := range []*client{ann, ann2, bob, zoe, all} {
			c.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		}
		w.pass(2 * time.Minute)
		if s := w.bus.Stats(); s.Members != 0 || s.Watchers != 0 || s.Channels != 0 {
			t.Errorf("in the end: members %d, watchers %d, channels %d", s.Members, s.Watchers, s.Channels)
		}
	})
}

// What is heard can change without another subscribe, and the rules decide.
func TestWhatIsHeardOfARoomCanChange(t *testing.T) {
	inBubble(t, withPresence, func(w *world) {
		ann, bob := w.as("ann"), w.as("bob")
		room, _ := ann.watchRoom("cars", taxis, "in", "")
		hear := func(users string) string {
			_, rest := ann.ask(protocol.ClientFrame{Type: protocol.TypePresence, Channel: "cars", Room: room, Users: users})
			return ann.numbers(room, rest)
		}
		w.pass(time.Second)
		wantNews(t, "all", hear(protocol.UsersAll), "presence 1")
		bob.watchRoom("cars", taxis, "", "")
		w.pass(time.Second)
		wantNews(t, "one comes", ann.numbers(room, ann.next()), "joined 2")
		wantNews(t, "none", hear(protocol.UsersNone), "")
		bob.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		w.pass(time.Second)
		wantNews(t, "one goes", ann.numbers(room, ann.next()), "")
		if s := w.bus.Stats(); s.Watchers != 0 {
			t.Errorf("%d watchers, want none", s.Watchers)
		}
		var c Config
		withPresence(&c)
		c.Rules.Presence = access.Nobody
		if err := w.bus.SetRules(c.Rules); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Second)
		if got, _ := ann.ask(protocol.ClientFrame{Type: protocol.TypePresence, Channel: "cars", Room: room, Users: protocol.UsersAll}); got.Code != protocol.CodeForbidden {
			t.Errorf("with rules that do not keep it: %+v", got)
		}
		if s := w.bus.Stats(); s.Members != 0 || s.Subscriptions != 1 {
			t.Errorf("%d members, %d subscriptions; want 0 and 1", s.Members, s.Subscriptions)
		}
	})
}

// A channel's actor that failed goes on with who is in its rooms, and those who watch see the truth.
func TestPresenceOfRoomsOutlastsAFailureOfTheChannel(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, withPresence), func(w *world) {
		watcher, ann, bob := w.as("watcher"), w.as("ann"), w.as("bob")
		watcher.watchRoom("cars", taxis, "", protocol.UsersAll)
		ann.watchRoom("cars", taxis, "in", "")
		bob.watchRoom("cars", taxis, "out", "")
		w.pass(time.Second)
		for i := range 3 {
			f.poison("cars")
			if i == 1 {
				ann.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
			}
			w.settle()
		}
		carl := w.as("carl")
		carl.watchRoom("cars", taxis, "none", "")
		w.pass(3 * time.Second)
		var v core.PresenceView
		for _, f := range watcher.frames() {
			v.Take(&f)
		}
		want := []string{watcher.conn.ID(), bob.conn.ID(), carl.conn.ID()}
		var got []string
		for _, m := range v.Members() {
			got = append(got, m.Connection)
		}
		slices.Sort(want)
		if !slices.Equal(got, want) || v.Count() != 3 {
			t.Errorf("the watcher sees %v, count %d, want %v", got, v.Count(), want)
		}
		for _, c := range []*client{watcher, bob, carl} {
			c.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		}
		w.pass(2 * time.Minute)
		if s := w.bus.Stats(); s.Members != 0 || s.Watchers != 0 || s.Channels != 0 || s.ActorFailures != 3 {
			t.Errorf("members %d, watchers %d, channels %d, failures %d", s.Members, s.Watchers, s.Channels, s.ActorFailures)
		}
	})
}

// People of a room come and go at random, as those of a channel do.
func TestPresenceOfARoomAtRandom(t *testing.T) { presenceAtRandom(t, 5, taxis) }
