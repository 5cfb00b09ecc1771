package actors

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tidings/access"
	"tidings/protocol"
)

// In random days backends grant and take, clients come, sign in and out, are cut, come back and leave, and hours pass.
// After each step every channel gets a message, and each client must have heard those, and only those, of the channels
// that the model says.

var grantedChannels = []protocol.Channel{"g1", "g2", "g3", "open/1", "open/2", "anonymous", "authenticated", "user/u1", "user/u2"}

// visitor is a connection as the model sees it.
type visitor struct {
	*client
	user  string
	page  int // from 1; 0: none
	own   map[protocol.Channel]bool
	until time.Time // end of its park; zero if it is linked
}

// subjects are those whose grants it has.
func (v *visitor) subjects() []string {
	list := []string{"connection " + v.conn.ID()}
	if v.user != "" {
		list = append(list, "user "+v.user)
	}
	if v.page > 0 {
		list = append(list, fmt.Sprint("page ", v.page), fmt.Sprint("session ", v.page%2))
	}
	return list
}

// take returns what came since the last call, and forgets it.
func (v *visitor) take() []protocol.ServerFrame {
	list := v.next()
	v.link.mu.Lock()
	defer v.link.mu.Unlock()
	v.link.frames, v.read = nil, 0
	return list
}

// remembered is what was granted to a subject.
type remembered struct {
	channels map[protocol.Channel]bool
	until    time.Time // while nobody is connected
}

// tenure is the model.
type tenure struct {
	*world
	r        *rand.Rand
	fault    string // planted
	visitors []*visitor
	granted  map[string]*remembered
	n, heard int
	faults   []string
}

func (d *tenure) of(who string) *remembered {
	if d.granted[who] == nil {
		d.granted[who] = &remembered{channels: map[protocol.Channel]bool{}}
	}
	return d.granted[who]
}

func (d *tenure) connected(who string) (n int) {
	for _, v := range d.visitors {
		if slices.Contains(v.subjects(), who) {
			n++
		}
	}
	return n
}

// mayHear is the model in ten lines.
func (d *tenure) mayHear(v *visitor, ch protocol.Channel) bool {
	put := ch == "anonymous" && v.user == "" || v.user != "" && (ch == "authenticated" || ch == protocol.Channel("user/"+v.user))
	for _, who := range v.subjects() {
		put = put || d.of(who).channels[ch]
	}
	open := ch == "open/1" || ch == "open/2"
	return put || open && v.own[ch]
}

// arrive forgets what is over for who comes; go says when who was there last has left.
func (d *tenure) arrive(subjects []string) {
	for _, who := range subjects {
		if m := d.of(who); d.connected(who) == 0 && !time.Now().Before(m.until) {
			clear(m.channels)
		}
	}
}

func (d *tenure) leave(subjects []string, at time.Time) {
	for _, who := range subjects {
		if m := d.of(who); d.connected(who) == 0 && at.Add(grantAfter).After(m.until) {
			m.until = at.Add(grantAfter)
		}
	}
}

func (d *tenure) end(v *visitor, at time.Time) {
	d.visitors = slices.DeleteFunc(d.visitors, func(w *visitor) bool { return v == w })
	d.leave(v.subjects(), at)
}

// become changes who is behind v.
func (d *tenure) become(v *visitor, user string) {
	old := v.user
	if user != "" {
		d.arrive([]string{"user " + user})
	}
	v.user = user
	if old != "" {
		d.leave([]string{"user " + old}, time.Now())
	}
	for _, ch := range grantedChannels {
		if v.own[ch] && !d.mayHear(v, ch) { // ended with forbidden
			delete(v.own, ch)
		}
	}
}

// prune drops the client's own subscriptions that it may not have any more: they do not come back with the next grant.
func (d *tenure) prune() {
	for _, v := range d.visitors {
		for ch := range v.own {
			if !d.mayHear(v, ch) {
				delete(v.own, ch)
			}
		}
	}
}

func (d *tenure) token(user string) string {
	if user == "" {
		return ""
	}
	return sign(d.t, user, 20*time.Hour)
}

func (d *tenure) connect() {
	v := &visitor{user: []string{"", "", "u1", "u2"}[d.r.IntN(4)], page: d.r.IntN(4), own: map[protocol.Channel]bool{}}
	id := ""
	if v.page > 0 {
		id = d.signed(v.page)
	}
	v.client = d.visit(d.token(v.user), id)
	d.arrive(v.subjects())
	d.visitors = append(d.visitors, v)
}

func (d *tenure) pageOf(n int) string { return fmt.Sprintf("page-%d-0123456789abc", n) }

func (d *tenure) signed(page int) string {
	if d.fault == "sessions" { // of another session
		page += 2
		return pageID(d.t, d.pageOf(page-2), fmt.Sprint("session ", (page+1)%2))
	}
	return pageID(d.t, d.pageOf(page), fmt.Sprint("session ", page%2))
}

// whom draws a subject, by its name in the model and for the API.
func (d *tenure) whom() (string, Whom) {
	switch n := d.r.IntN(4); {
	case n == 0 && len(d.visitors) > 0:
		id := d.visitors[d.r.IntN(len(d.visitors))].conn.ID()
		return "connection " + id, Whom{Connection: id}
	case n == 1:
		user := []string{"u1", "u2"}[d.r.IntN(2)]
		return "user " + user, Whom{User: user}
	case n == 2:
		session := fmt.Sprint("session ", d.r.IntN(2))
		return session, Whom{Session: session}
	}
	page := 1 + d.r.IntN(3)
	return fmt.Sprint("page ", page), Whom{Connection: d.pageOf(page)}
}

func (d *tenure) grantOrTake() {
	name, who := d.whom()
	channels := []protocol.Channel{grantedChannels[d.r.IntN(len(grantedChannels))], grantedChannels[d.r.IntN(len(grantedChannels))]}
	do, give := d.bus.Grant, d.r.IntN(5) < 3
	if !give {
		do = d.bus.Ungrant
	}
	m, now := d.of(name), time.Now()
	if d.connected(name) == 0 && !now.Before(m.until) {
		clear(m.channels)
	}
	if len(m.channels) == 0 {
		m.until = time.Time{} // nothing was remembered
	}
	for _, ch := range channels {
		if give {
			m.channels[ch] = true
		} else {
			delete(m.channels, ch)
		}
	}
	if d.connected(name) == 0 && give && m.until.Before(now.Add(grantBefore)) {
		m.until = now.Add(grantBefore)
	}
	if done, err := do(who, channels); err != nil || (give || len(m.channels) > 0) && done.Connections != d.connected(name) {
		d.faults = append(d.faults, fmt.Sprintf("%+v: got %+v, %v, want %d connections", who, done, err, d.connected(name)))
	}
	d.prune()
}

func (d *tenure) step() {
	var v *visitor
	if len(d.visitors) > 0 {
		v = d.visitors[d.r.IntN(len(d.visitors))]
	}
	switch n := d.r.IntN(20); {
	case n < 7:
		d.grantOrTake()
	case v == nil || n < 10 && len(d.visitors) < 8:
		d.connect()
	case n < 12:
		d.pass(time.Duration(1+d.r.IntN(90_000)) * time.Millisecond)
	case n == 12 && d.r.IntN(3) == 0: // the broker's janitor makes hours long
		d.pass(time.Duration(1+d.r.IntN(26*3600_000)) * time.Millisecond)
	case !v.until.IsZero(): // parked
		n, err := d.open(protocol.Peer{Transport: protocol.Poll}, &protocol.ClientFrame{
			Type: protocol.TypeConnect, Token: d.token(v.user), Session: v.session, Received: &v.received, ConnectionID: d.signed(1 + d.r.IntN(3))})
		if err != nil || !n.resumed {
			d.t.Fatalf("not resumed: %v", err)
		}
		n.id, n.received, v.client, v.until = v.id, v.received, n, time.Time{}
	case n == 13:
		v.cut()
		v.until = time.Now().Add(d.bus.cfg.Park)
	case n == 14:
		v.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		d.settle()
		d.end(v, time.Now())
	case n < 17:
		user := ""
		if v.user == "" {
			user = []string{"u1", "u2"}[d.r.IntN(2)]
		}
		if f := (protocol.ClientFrame{Type: protocol.TypeRefresh, Token: d.token(user)}); d.fault != "sign-out" || user != "" {
			v.ask(f)
		}
		d.become(v, user)
	default:
		ch := grantedChannels[d.r.IntN(len(grantedChannels))]
		f := protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: ch}
		if v.own[ch] {
			f.Type = protocol.TypeUnsubscribe
			delete(v.own, ch)
			v.ask(f)
		} else if answer, _ := v.ask(f); answer.Type == protocol.TypeSubscribed {
			v.own[ch] = true
			if ch[0] != 'o' && !d.mayHear(v, ch) {
				d.faults = append(d.faults, fmt.Sprintf("%+v may subscribe to %s", v, ch))
			}
		} else if ch[0] == 'o' || d.mayHear(v, ch) {
			d.faults = append(d.faults, fmt.Sprintf("%+v may not subscribe to %s: %s", v, ch, answer.Code))
		}
	}
}

// pass lets time go by, and those end who were parked for long enough. Tokens do not: each client brings another in
// time.
func (d *tenure) pass(t time.Duration) {
	for end := time.Now().Add(t); time.Now().Before(end); {
		d.world.pass(min(time.Until(end), 10*time.Hour))
		for _, v := range d.visitors {
			if v.user != "" && v.until.IsZero() {
				v.ask(protocol.ClientFrame{Type: protocol.TypeRefresh, Token: d.token(v.user)})
			}
		}
	}
	parked := slices.DeleteFunc(slices.Clone(d.visitors), func(v *visitor) bool { return v.until.IsZero() })
	slices.SortFunc(parked, func(a, b *visitor) int { return a.until.Compare(b.until) })
	for _, v := range parked {
		if !time.Now().Before(v.until) {
			d.end(v, v.until)
		}
	}
}

// check publishes to every channel, and compares.
func (d *tenure) check(step int) {
	d.settle()
	for _, v := range d.visitors {
		if v.until.IsZero() {
			v.take()
		}
	}
	d.n++
	for _, ch := range grantedChannels {
		d.publish(ch, fmt.Sprint(d.n))
	}
	for _, v := range d.visitors {
		if !v.until.IsZero() {
			continue // it hears when it is back, with the next step
		}
		got, want := map[protocol.Channel]bool{}, map[protocol.Channel]bool{}
		for _, f := range v.take() {
			if f.Type != protocol.TypeMessage || got[f.Channel] || string(f.Msg.Data) != fmt.Sprint(d.n) {
				d.faults = append(d.faults, fmt.Sprintf("step %d: %s of %s twice, or not in its step", step, f.Type, f.Channel))
			}
			got[f.Channel] = true
			d.heard++
		}
		for _, ch := range grantedChannels {
			if d.mayHear(v, ch) {
				want[ch] = true
			}
		}
		if !maps.Equal(got, want) {
			d.faults = append(d.faults, fmt.Sprintf("step %d: %q on page %d hears %v, want %v", step, v.user, v.page, got, want))
		}
	}
}

func playTenure(t *testing.T, seed uint64, fault string) (faults []string, heard int) {
	inBubble(t, func(c *Config) {
		identified(t, access.Rules{Subscribe: access.Nobody, Channels: []access.Rule{{Pattern: "open/*", Subscribe: access.Anyone}},
			Joins: access.Joins{Anonymous: []string{"anonymous"}, Authenticated: []string{"authenticated", "user/{user}"}}})(c)
		c.CheckInterval = 24 * time.Hour // of which there are many
	}, func(w *world) {
		d := &tenure{world: w, r: rand.New(rand.NewPCG(seed, 2)), fault: fault, granted: map[string]*remembered{}}
		for i := range 120 {
			d.step()
			d.check(i)
			if len(d.faults) > 0 {
				break
			}
		}
		faults, heard = d.faults, d.heard
	})
	return faults, heard
}

func TestWhoIsPutWhereIsWhatTheModelSays(t *testing.T) {
	days, heard := uint64(15), 0
	if testing.Short() {
		days = 5
	}
	for seed := range days {
		faults, n := playTenure(t, seed, "")
		if heard += n; len(faults) > 0 {
			t.Fatalf("seed %d: %q", seed, faults[:min(len(faults), 5)])
		}
	}
	if heard < int(days)*300 {
		t.Errorf("in %d days only %d messages came: nothing is shown", days, heard)
	}
	t.Logf("%d days, %d messages", days, heard)
}

// The days find a bus that takes pages for those of another session, and one that hears no sign-out.
func TestTheModelOfGrantsFindsPlantedFaults(t *testing.T) {
	for _, fault := range []string{"sessions", "sign-out"} {
		found := 0
		for seed := range uint64(8) {
			if faults, _ := playTenure(t, seed, fault); len(faults) > 0 {
				found++
			}
		}
		if found == 0 {
			t.Errorf("%s: not found in 8 days", fault)
		}
	}
}
