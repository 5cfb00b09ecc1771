package actors

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/core"
	"tidings/filter"
	"tidings/protocol"
)

const taxis = `{"equals":{"type":"taxi"}}`

// subscribeTo subscribes with a filter and a scope, and returns the room and what came after it.
func (c *client) subscribeTo(ch protocol.Channel, asked, scope string, since *protocol.Position) (room string, rest []protocol.ServerFrame) {
	c.w.t.Helper()
	f := protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: ch, Scope: scope, Since: since}
	if asked != "" {
		f.Filter = []byte(asked)
	}
	answer, rest := c.ask(f)
	if answer.Type != protocol.TypeSubscribed || answer.Room == "" {
		c.w.t.Fatalf("subscribe with %s %q: %+v", asked, scope, answer)
	}
	return answer.Room, rest
}

// change publishes the change of a document from before, "" for none, to after.
func (w *world) change(ch protocol.Channel, before, after string, gone bool) protocol.Position {
	w.t.Helper()
	x := &protocol.Extra{Change: 7, Gone: gone}
	if before != "" {
		x.Before = []byte(before)
	}
	p, err := w.bus.Publish(context.Background(), Publish{Channel: ch, Data: []byte(after), Extra: x})
	if err != nil {
		w.t.Fatalf("publish to %s: %v", ch, err)
	}
	return p.Position
}

// heardIn is told for the frames of one room, with what is out marked.
func heardIn(frames []protocol.ServerFrame, room string) (list []string) {
	for _, f := range frames {
		if f.Room != room {
			continue
		}
		line := told([]protocol.ServerFrame{f}, f.Channel)[0]
		if f.Msg != nil && f.Msg.View().Out {
			line += " out"
		}
		list = append(list, line)
	}
	return list
}

func TestARoomHearsWhatItsFilterMatches(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		all, both, in, out, none := w.connect(), w.connect(), w.connect(), w.connect(), w.connect()
		all.subscribe("cars", nil)
		rooms := []string{""}
		for _, c := range []struct {
			*client
			scope string
		}{{both, ""}, {in, "in"}, {out, "out"}, {none, "none"}} {
			room, _ := c.subscribeTo("cars", taxis, c.scope, nil)
			rooms = append(rooms, room)
		}
		w.publish("cars", `{"type":"taxi","n":1}`)
		w.publish("cars", `{"type":"bus","n":2}`)
		w.change("cars", `{"type":"taxi"}`, `{"type":"bus","n":3}`, false) // out
		w.change("cars", `{"type":"bus"}`, `{"type":"taxi","n":4}`, false) // in
		w.change("cars", "", `{"type":"taxi","n":5}`, true)                // out: removed
		w.change("cars", "", `{"type":"bus","n":6}`, true)
		w.settle()
		w.pass(6 * time.Second)
		const taxi1, bus3, taxi4, taxi5 = `0<1:{"type":"taxi","n":1}`, `{"type":"bus","n":3} out`, `{"type":"taxi","n":4}`, `{"type":"taxi","n":5} out`
		for i, row := range []struct {
			*client
			want []string
		}{
			{all, []string{taxi1, `1<2:{"type":"bus","n":2}`, `2<3:{"type":"bus","n":3}`, "3<4:" + taxi4, "4<5:" + taxi5, `5<6:{"type":"bus","n":6} out`}},
			{both, []string{taxi1, "1<3:" + bus3, "3<4:" + taxi4, "4<5:" + taxi5, "at 6"}},
			{in, []string{taxi1, "1<4:" + taxi4, "at 6"}},
			{out, []string{"0<3:" + bus3, "3<5:" + taxi5, "at 6"}},
			{none, []string{"at 6"}},
		} {
			got := row.next()
			same(t, fmt.Sprintf("client %d in room %q", i, rooms[i]), heardIn(got, rooms[i]), row.want)
			if len(got) != len(row.want) {
				t.Errorf("client %d got %d frames, want %d: none of another room", i, len(got), len(row.want))
			}
		}
		if s := w.bus.Stats(); s.Rooms != 4 || s.Subscriptions != 5 {
			t.Errorf("%d rooms, %d subscriptions; want 4 and 5", s.Rooms, s.Subscriptions)
		}
	})
}

// Every spelling of a filter is one room. A connection may have several of one channel, and ends each by its name.
func TestRoomsOfOneConnection(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		one, _ := c.subscribeTo("cars", `{"and":[{"equals":{"a":1}},{"exists":"b"}]}`, "", nil)
		two, _ := c.subscribeTo("cars", `{"and":[{"exists":"b"},{"equals":{"a":1}}]}`, "all", nil)
		other, _ := c.subscribeTo("cars", `{}`, "", nil)
		scoped, _ := c.subscribeTo("cars", "", "in", nil)
		if one != two || one == other || scoped != other+".in" {
			t.Errorf("rooms %q, %q, %q, %q: want the first two the same, and .in behind the third", one, two, other, scoped)
		}
		if s := w.bus.Stats(); s.Rooms != 3 || s.Subscriptions != 3 {
			t.Errorf("%d rooms and %d subscriptions, want 3 and 3", s.Rooms, s.Subscriptions)
		}
		for _, row := range []struct {
			room string
			want string
		}{{one, protocol.TypeReply}, {one, protocol.TypeError}, {"", protocol.TypeError}, {"nonsense", protocol.TypeError}} {
			if answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "cars", Room: row.room}); answer.Type != row.want {
				t.Errorf("unsubscribe from %q: %s %s, want %s", row.room, answer.Type, answer.Code, row.want)
			}
		}
		w.publish("cars", `{"a":1,"b":2}`)
		got := c.next()
		same(t, "the room that was left", heardIn(got, one), nil)
		same(t, "the room that was kept", heardIn(got, other), []string{`0<1:{"a":1,"b":2}`})
		c.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "cars", Room: other})
		c.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "cars", Room: scoped})
		if s := w.bus.Stats(); s.Rooms != 0 || s.Always != 0 || s.Subscriptions != 0 {
			t.Errorf("%d rooms and %d subscriptions are left", s.Rooms, s.Subscriptions)
		}
	})
}

func TestB105_FiltersThatAreRefused(t *testing.T) {
	inBubble(t, func(c *Config) { c.MaxGroups = 20 }, func(w *world) {
		c := w.connect()
		ask := func(asked, users string) protocol.ServerFrame {
			answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: "cars", Filter: []byte(asked), Users: users})
			return answer
		}
		for _, row := range []struct {
			filter, users string
			want          protocol.Code
			names         string
		}{
			{`{"and":[{"range":{"seats":{"gt":1,"gte":2}}}]}`, "", protocol.CodeBadFilter, "and.range.seats"},
			{`{"equals":{"a":"` + strings.Repeat("x", 8<<10) + `"}}`, "", protocol.CodeFilterTooComplex, ""},
			{taxis, "all", protocol.CodeForbidden, ""},
		} {
			if got := ask(row.filter, row.users); got.Code != row.want || !strings.Contains(got.Message, row.names) || got.Hint == "" {
				t.Errorf("%.60s: %s %q %q, want %s that names %q, and a hint", row.filter, got.Code, got.Message, got.Hint, row.want, row.names)
			}
		}
		// A tenth may be filters that are looked at for each message.
		for i, want := range []protocol.Code{"", "", protocol.CodeOverloaded} {
			if got := ask(fmt.Sprintf(`{"not":{"equals":{"a":%d}}}`, i), ""); got.Code != want {
				t.Errorf("negation %d: %q, want %q", i, got.Code, want)
			}
		}
		for i := range 18 {
			if got := ask(fmt.Sprintf(`{"equals":{"a":%d}}`, i), ""); got.Code != "" {
				t.Fatalf("filter %d: %s", i, got.Code)
			}
		}
		if got := ask(`{"equals":{"a":18}}`, ""); got.Code != protocol.CodeOverloaded || !got.Retry || got.Hint == "" {
			t.Errorf("one filter too many: %+v", got)
		}
		if got := ask(`{"equals":{"a":17}}`, ""); got.Code != "" {
			t.Errorf("a filter that is there already: %s", got.Code)
		}
		if s := w.bus.Stats(); s.Rooms != 20 || s.Subscriptions != 20 || s.Always != 2 {
			t.Errorf("%d rooms, %d subscriptions, %d looked at always; want 20, 20 and 2", s.Rooms, s.Subscriptions, s.Always)
		}
	})
}

// A room that lets messages pass is told the position after five seconds, or after some messages, and not else.
func TestAQuietRoomIsToldItsPosition(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		room, _ := c.subscribeTo("cars", taxis, "", nil)
		w.pass(time.Minute)
		same(t, "before anything came", heardIn(c.next(), room), nil)
		w.publish("cars", `{"type":"bus"}`)
		w.pass(4 * time.Second)
		same(t, "after four seconds", heardIn(c.next(), room), nil)
		w.pass(2 * time.Second)
		same(t, "after six", heardIn(c.next(), room), []string{"at 1"})
		w.pass(time.Minute)
		same(t, "after a minute", heardIn(c.next(), room), nil)
		for range 65 {
			w.publish("cars", `{"type":"bus"}`)
		}
		w.settle()
		same(t, "after 65 messages", heardIn(c.next(), room), []string{"at 66"})
		w.publish("cars", `{"type":"taxi"}`)
		same(t, "then one that matches", heardIn(c.next(), room), []string{`66<67:{"type":"taxi"}`})
	})
}

// Positions that messages make due are told at most four times a second, and none of them later than that.
func TestABusyChannelTellsItsQuietRoomsNowAndThen(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		room, _ := c.subscribeTo("cars", taxis, "", nil)
		publish := func(n int) {
			for range n {
				w.publish("cars", `{"type":"bus"}`)
			}
			w.settle()
		}
		publish(65)
		same(t, "the first 65", heardIn(c.next(), room), []string{"at 65"})
		publish(1000)
		same(t, "1,000 at the same moment", heardIn(c.next(), room), nil)
		w.pass(pacedFor)
		same(t, "after 250 ms", heardIn(c.next(), room), []string{"at 1065"})
		w.pass(time.Second)
		publish(64)
		same(t, "64 more", heardIn(c.next(), room), nil)
		publish(1)
		same(t, "and one", heardIn(c.next(), room), []string{"at 1130"})
	})
}

// What a subscriber of a room missed comes from history: what matches, and then where it stands.
func TestARoomRecovers(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		first := w.publish("cars", `{"type":"taxi","n":0}`)
		for i := range 600 {
			if i%200 == 7 {
				w.publish("cars", `{"type":"taxi"}`)
			} else {
				w.publish("cars", `{"type":"bus"}`)
			}
		}
		w.change("cars", `{"type":"taxi"}`, `{"type":"bus"}`, false)
		w.publish("cars", `{"type":"bus"}`)
		c := w.connect()
		room, rest := c.subscribeTo("cars", taxis, "", &first)
		rest = append(rest, c.next()...)
		var got []string
		for _, line := range heardIn(rest, room) {
			if !strings.HasPrefix(line, "at ") || strings.HasSuffix(line, "603") {
				got = append(got, line)
			}
		}
		same(t, "recovered", got, []string{`1<9:{"type":"taxi"}`, `9<209:{"type":"taxi"}`, `209<409:{"type":"taxi"}`, `409<602:{"type":"bus"} out`, "at 603"})
		w.publish("cars", `{"type":"taxi","n":9}`)
		same(t, "live", heardIn(c.next(), room), []string{`603<604:{"type":"taxi","n":9}`})
	})
}

// A channel's actor that fails must not make those who hear a part hear everything.
func TestAFailedChannelKeepsItsRooms(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, nil), func(w *world) {
		c, all := w.connect(), w.connect()
		room, _ := c.subscribeTo("cars", taxis, "", nil)
		all.subscribe("cars", nil)
		w.publish("cars", `{"type":"taxi","n":1}`)
		w.publish("cars", `{"type":"bus","n":2}`)
		w.settle()
		f.losing(func(*protocol.Message) bool { return true })
		w.publish("cars", `{"type":"taxi","n":3}`) // the failed actor never hears of it
		f.losing(nil)
		f.poison("cars")
		w.publish("cars", `{"type":"bus","n":4}`)
		w.publish("cars", `{"type":"taxi","n":5}`)
		w.settle()
		w.pass(6 * time.Second)
		last := uint64(0)
		var heard []string
		for _, m := range c.next() {
			switch {
			case m.Room != room:
				t.Errorf("a frame of another room: %+v", m)
			case m.Type == protocol.TypePosition:
				last = max(last, m.Position.Offset)
			case m.Type != protocol.TypeMessage:
				t.Errorf("heard %s", m.Type)
			case m.Msg.Offset > last: // what comes twice the client drops
				if m.Msg.Prev > last {
					t.Errorf("offset %d says that %d came before; the client stands at %d", m.Msg.Offset, m.Msg.Prev, last)
				}
				heard, last = append(heard, string(m.Msg.Data)), m.Msg.Offset
			}
		}
		same(t, "the filtered one", heard, []string{`{"type":"taxi","n":1}`, `{"type":"taxi","n":3}`, `{"type":"taxi","n":5}`})
		if n := len(data(all.next(), "cars")); n < 5 {
			t.Errorf("the other heard %d, want all 5", n)
		}
		if s := w.bus.Stats(); s.ActorRestarts != 1 || s.Rooms != 1 || s.Subscriptions != 2 {
			t.Errorf("%d restarts, %d rooms, %d subscriptions; want 1, 1 and 2", s.ActorRestarts, s.Rooms, s.Subscriptions)
		}
	})
}

func TestExclusionAndReachInARoom(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		author, other, all := w.connect(), w.connect(), w.connect()
		room, _ := author.subscribeTo("cars", taxis, "", nil)
		other.subscribeTo("cars", taxis, "", nil)
		all.subscribe("cars", nil)
		got := w.publishBut("cars", `{"type":"taxi","n":1}`, protocol.Exclude{Connection: author.conn.ID()})
		if got.Receivers != 1 || got.Filtered != 2 || got.ReceiversExact {
			t.Errorf("answered %+v, want 1 receiver, 2 that may or may not, and not exact", got)
		}
		w.publish("cars", `{"type":"bus","n":2}`)
		same(t, "the excluded", heardIn(author.next(), room), []string{"at 1"})
		same(t, "the other", heardIn(other.next(), room), []string{`0<1:{"type":"taxi","n":1}`})
		w.why(author, "cars", 1, WhyExcluded)
		w.why(other, "cars", 1, WhyWritten)
		w.why(other, "cars", 2, WhyFiltered)
		w.why(all, "cars", 2, WhyWritten)
	})
}

// A gap is told in each room by its name, and counted once for each subscription.
func TestAGapIsToldInEachRoom(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, nil), func(w *world) {
		c := w.connect()
		c.subscribe("cars", nil)
		one, _ := c.subscribeTo("cars", taxis, "", nil)
		two, _ := c.subscribeTo("cars", `{"equals":{"type":"bus"}}`, "", nil)
		f.losing(func(*protocol.Message) bool { return true })
		for range 1100 { // history keeps 1,000
			w.publish("cars", `{"type":"taxi"}`)
		}
		f.losing(nil)
		w.publish("cars", `{"type":"taxi"}`)
		w.settle()
		got := c.next()
		for _, room := range []string{"", one, two} {
			gaps := 0
			for _, g := range only(got, protocol.TypeGap) {
				if g.Room == room {
					gaps++
				}
			}
			if gaps != 1 {
				t.Errorf("room %q was told %d gaps, want one", room, gaps)
			}
		}
		if n := w.bus.Stats().Gaps[protocol.GapFeedLost]; n != 3 {
			t.Errorf("%d gaps are counted, want one for each of three subscriptions", n)
		}
	})
}

// What an index of groups finds is what scopeOf says of each.
func TestGroupIndexAgreesWithScopeOf(t *testing.T) {
	state := &channelState{groups: map[string]*group{}}
	index := newGroupIndex(state)
	for _, asked := range []string{`{}`, taxis, `{"not":` + taxis + `}`, `{"range":{"n":{"gte":2}}}`, `{"nothing":true}`} {
		for _, scope := range []string{"", "in", "out", "none", "all"} {
			h, fault := hearingOf(&protocol.ClientFrame{Channel: "cars", Filter: []byte(asked), Scope: scope})
			if fault != nil {
				t.Fatal(fault)
			}
			for _, rows := range []string{"", `{"equals":{"n":2}}`, `{"not":{"equals":{"n":3}}}`, `{"nothing":true}`} {
				h := h
				if rows != "" {
					own, err := filter.Parse([]byte(rows))
					if err != nil {
						t.Fatal(err)
					}
					h = h.within("cars", own)
				}
				if state.groups[h.key] == nil {
					state.groups[h.key] = newGroup(h)
					index.Add(h.key, nil)
				}
			}
		}
	}
	for _, before := range []string{"", `{"type":"taxi"}`, `{"type":"bus","n":3}`} {
		for _, after := range []string{`{"type":"taxi","n":1}`, `{"type":"bus","n":2}`, `"text"`} {
			for _, gone := range []bool{false, true} {
				m := &protocol.Message{Channel: "cars", Data: []byte(after), Extra: &protocol.Extra{Change: 1, Gone: gone}}
				if before != "" && !gone {
					m.Extra.Before = []byte(before)
				}
				got := map[string]bool{}
				index.Each(m, func(room string, s core.Scope) {
					if got[room] {
						t.Errorf("room %s is hit twice", room)
					}
					got[room] = true
					if want := state.groups[room].scopeOf(m); s != want {
						t.Errorf("%s %s: %d, want %d", state.groups[room].finds.JSON(), state.groups[room].scope, s, want)
					}
				})
				for room, g := range state.groups {
					if g.scopeOf(m) != 0 && !got[room] {
						t.Errorf("before %s, after %s, gone %t: %s %q is not hit", before, after, gone, g.finds.JSON(), g.scope)
					}
				}
			}
		}
	}
}

// inEachFunc calls look for each function of the package and each node in it.
func inEachFunc(t *testing.T, look func(fn string, n ast.Node)) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				ast.Inspect(fn, func(n ast.Node) bool { look(fn.Name.Name, n); return true })
			}
		}
	}
}

// Frames of messages are made in one place, which is given what scopeOf or the index decided: a second place could let
// a client hear what its subscription, or the rules, leave out.
func TestFramesOfMessagesAreMadeInOnePlace(t *testing.T) {
	places := map[string][]string{}
	inEachFunc(t, func(fn string, n ast.Node) {
		if s, ok := n.(*ast.SelectorExpr); ok && (s.Sel.Name == "Encoded" && !isType(s) || s.Sel.Name == "AppendMessage" || s.Sel.Name == "AppendHistoryMessage") {
			places[fn] = append(places[fn], s.Sel.Name)
		}
	})
	if len(places) != 1 || len(places["frameOf"]) != 2 {
		t.Errorf("frames of messages are made in %v, want in frameOf alone", places)
	}
}

// A client is answered messages in one place, of what historyWithin lets it read. Who reads history otherwise shows it to
// no client: the feed, whose port makes frames by frameOf, and what backends and operators ask.
func TestClientsReadHistoryInOnePlace(t *testing.T) {
	answers, reads := map[string]bool{}, map[string]bool{}
	inEachFunc(t, func(fn string, n ast.Node) {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Messages" {
				answers[fn] = true
			}
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && (s.Sel.Name == "History" || s.Sel.Name == "Last") {
				reads[fn] = true
			}
		}
	})
	same(t, "messages are answered in", slices.Sorted(maps.Keys(answers)), []string{"answerHistory"})
	same(t, "history is read in", slices.Sorted(maps.Keys(reads)), []string{"History", "ask", "historyWithin", "message", "openReply", "ownAfter", "top"})
}

// isType reports whether a selector is the type protocol.Encoded.
func isType(s *ast.SelectorExpr) bool {
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == "protocol"
}

func BenchmarkGroupIndex(b *testing.B) {
	state := &channelState{groups: map[string]*group{}}
	index := newGroupIndex(state)
	for i := range 10_000 {
		h, _ := hearingOf(&protocol.ClientFrame{Filter: fmt.Appendf(nil, `{"equals":{"driver":%d}}`, i)})
		state.groups[h.key] = newGroup(h)
		index.Add(h.key, nil)
	}
	m := &protocol.Message{Data: []byte(`{"type":"taxi","driver":17,"seats":4,"note":"arrived, please come down"}`)}
	b.ReportAllocs()
	for b.Loop() {
		index.Each(m, func(string, core.Scope) {})
	}
}

// The groups outlive a failure of the channel's actor, and so does the count by which the index tells that a message was
// already found for one: else a group would take what leaves it for what it has just been told.
func TestAFailedChannelTellsWhatLeavesARoom(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, nil), func(w *world) {
		c := w.connect()
		room, _ := c.subscribeTo("cars", taxis, "", nil)
		w.publish("cars", `{"type":"taxi","n":1}`)
		w.change("cars", "", `{"type":"taxi","n":2}`, false)
		w.settle()
		f.poison("cars")
		w.settle()
		c.next()
		for n := 3; n < 6; n++ {
			w.change("cars", `{"type":"taxi"}`, fmt.Sprintf(`{"type":"bus","n":%d}`, n), false)
		}
		got := heardIn(c.next(), room)
		same(t, "after a failure", got, []string{`2<3:{"type":"bus","n":3} out`, `3<4:{"type":"bus","n":4} out`, `4<5:{"type":"bus","n":5} out`})
	})
}
