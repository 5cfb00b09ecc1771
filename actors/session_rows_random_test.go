package actors

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"tidings/access"
	"tidings/protocol"
)

// In random stories documents move between tenants and owners, while clients come by every entrance, rules and tokens
// change, links break and the channel's actor fails. Nobody is ever shown a row that is not its own, and nobody misses
// one of its own without a gap. mine is all that this test knows of row filters.

// row is the content of a document, and n names that content: no other has it.
type row struct {
	Tenant string `json:"tenant"`
	Owner  string `json:"owner"`
	N      int    `json:"n"`
}

// tenant is who stands behind a link. The zero tenant is anonymous.
type tenant struct {
	user, tenant string
	tenants      string // texts of two characters, one after the other
}

// ruleOf is a rule of orders.
type ruleOf struct {
	name, filter string
	subscribe    access.Allowance
	mine         func(who tenant, r row) bool
}

var ruleKinds = []ruleOf{
	{"all", "", access.User, func(who tenant, _ row) bool { return who.user != "" }},
	{"one tenant", `{"equals": {"tenant": "{tenant}"}}`, access.User, func(who tenant, r row) bool { return who.user != "" && r.Tenant == who.tenant }},
	{"some tenants", `{"in": {"tenant": "{tenants}"}}`, access.User, func(who tenant, r row) bool {
		return who.user != "" && (r.Tenant == who.tenants[:min(2, len(who.tenants))] || len(who.tenants) > 2 && r.Tenant == who.tenants[2:])
	}},
	{"the owner", `{"equals": {"owner": "{user}"}}`, access.User, func(who tenant, r row) bool { return who.user != "" && r.Owner == who.user }},
	{"its own or the tenant's", `{"or": [{"equals": {"owner": "{user}"}}, {"equals": {"tenant": "{tenant}"}}]}`, access.User, func(who tenant, r row) bool {
		return who.user != "" && who.tenant != "" && (r.Owner == who.user || r.Tenant == who.tenant)
	}},
	{"not another's", `{"not": {"equals": {"tenant": "{tenant}"}}}`, access.User, func(who tenant, r row) bool {
		return who.user != "" && who.tenant != "" && r.Tenant != who.tenant
	}},
	{"t2 for anyone", `{"equals": {"tenant": "t2"}}`, access.Anyone, func(_ tenant, r row) bool { return r.Tenant == "t2" }},
	{"nobody but who is put there", `{"equals": {"tenant": "{tenant}"}}`, access.Nobody, func(who tenant, r row) bool { return who.user != "" && r.Tenant == who.tenant }},
}

// written is a message of orders.
type written struct {
	before, after *row // nil: it was not, or is not, there
}

// view is who may hear what, at one time.
type view struct {
	who  tenant
	rule int
}

func (v view) sees(r *row) bool { return r != nil && ruleKinds[v.rule].mine(v.who, *r) }

// hears reports whether a message is for a subscription of a scope.
func (v view) hears(w written, scope string) bool {
	in, out := v.sees(w.after), v.sees(w.before)
	return in && scope != protocol.ScopeOut || !in && out && scope != protocol.ScopeIn
}

// rower is a link in a story, and what its client knows.
type rower struct {
	*client
	now, then view              // after, and before the step at hand
	gone      bool              // cut, or taken over
	asked     map[uint64]string // scopes, by request
	left      map[uint64]string // rooms, by request
	cursors   map[string]uint64 // by room, of live subscriptions
	scopes    map[string]string // by room
}

type tale struct {
	*world
	r     *rand.Rand
	f     *faulty
	rule  int
	joins bool
	log   []written // by offset-1
	docs  []*row    // as they are
	byN   map[int]row
	links []*rower
	plant string

	faults                         []string
	heard, gaps, outs, refused, ns int
	ids                            uint64
}

func (d *tale) draw() (who tenant, token string) {
	if d.r.IntN(8) == 0 {
		return tenant{}, ""
	}
	who = tenant{user: []string{"u1", "u2"}[d.r.IntN(2)], tenant: []string{"t1", "t1", "t2", "t2", ""}[d.r.IntN(5)], tenants: []string{"t1", "t2", "t1t3", ""}[d.r.IntN(4)]}
	return who, d.tokenOf(who)
}

func (d *tale) tokenOf(who tenant) string {
	if who.user == "" {
		return ""
	}
	claims := map[string]any{"extra": d.ns}
	if who.tenant != "" {
		claims["tenant"] = who.tenant
	}
	switch {
	case len(who.tenants) > 2:
		claims["tenants"] = []string{who.tenants[:2], who.tenants[2:]}
	case who.tenants != "":
		claims["tenants"] = who.tenants
	}
	return signAs(d.t, who.user, claims)
}

func (d *tale) rules() access.Rules {
	k := ruleKinds[d.rule]
	r := access.Rules{Subscribe: access.Nobody, Channels: []access.Rule{{Pattern: "crm/*", Subscribe: k.subscribe, Filter: k.filter}}}
	if d.joins {
		r.Joins.Authenticated = []string{string(orders)}
	}
	return r
}

func (d *tale) open(from *rower) {
	who, token := d.draw()
	connect := &protocol.ClientFrame{Type: protocol.TypeConnect}
	peer := protocol.Peer{Transport: []string{protocol.WebSocket, protocol.SSE, protocol.Poll}[d.r.IntN(3)], Plain: from == nil && d.r.IntN(5) == 0}
	if from != nil {
		if d.r.IntN(4) > 0 {
			who = from.now.who
			token = d.tokenOf(who)
		}
		received := from.received
		connect.Session, connect.Received = from.session, &received
	}
	connect.Token = token
	c, err := d.world.open(peer, connect)
	if err != nil {
		return
	}
	v := view{who, d.rule}
	l := &rower{client: c, now: v, then: v, asked: map[uint64]string{}, left: map[uint64]string{}, cursors: map[string]uint64{}, scopes: map[string]string{}}
	if from != nil && c.resumed {
		from.gone = true
		c.id, c.received = from.id, from.received
		l.asked, l.left, l.cursors, l.scopes, l.then = from.asked, from.left, from.cursors, from.scopes, from.then
	}
	d.links = append(d.links, l)
	if c.conn.plain {
		d.subscribe(l)
	}
}

func (d *tale) say(l *rower, f protocol.ClientFrame) {
	d.ids++ // one count for all links: a session may be taken up from an older one of its links
	f.ID = d.ids
	if f.Type == protocol.TypeSubscribe {
		l.asked[f.ID] = f.Scope
	}
	l.conn.Receive(l.gen, []protocol.ClientFrame{f}) // the connection may have ended
}

func (d *tale) subscribe(l *rower) {
	f := protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: orders}
	switch d.r.IntN(6) {
	case 0:
		f.Filter = []byte(`{"exists":"n"}`)
	case 1:
		f.Filter, f.Scope = []byte(`{"or":[{"equals":{"tenant":"t1"}},{"exists":"n"}]}`), protocol.ScopeOut
	case 2:
		f.Scope = protocol.ScopeIn
	}
	if d.r.IntN(2) == 0 {
		page, err := d.bus.History(d.t.Context(), orders, protocol.Position{}, 256)
		if err != nil {
			d.t.Fatal(err)
		}
		since := protocol.Position{Epoch: page.Top.Epoch}
		if n := len(page.Messages); n > 0 && d.r.IntN(2) == 0 {
			since = page.Messages[d.r.IntN(n)].Position()
		}
		f.Since = &since
	}
	d.say(l, f)
}

// write publishes a change of a random document, or a message that is none.
func (d *tale) write() {
	fresh := func() *row {
		d.ns++
		r := row{[]string{"t1", "t2", "t3"}[d.r.IntN(3)], []string{"u1", "u2"}[d.r.IntN(2)], d.ns}
		d.byN[r.N] = r
		return &r
	}
	text := func(r *row) []byte { b, _ := json.Marshal(r); return b }
	if d.r.IntN(4) == 0 {
		r := fresh()
		d.publish(orders, string(text(r)))
		d.log = append(d.log, written{after: r})
		return
	}
	i := d.r.IntN(len(d.docs))
	before, after := d.docs[i], fresh()
	x := &protocol.Extra{Change: uint64(d.ns), Changed: []byte(`["tenant"]`), Meta: fmt.Appendf(nil, `{"n":%d}`, after.N)}
	w := written{before, after}
	switch {
	case before == nil:
		x.Changed = nil
	case d.r.IntN(4) == 0:
		x.Gone, x.Meta, x.Changed = true, fmt.Appendf(nil, `{"n":%d}`, before.N), nil
		after, w = before, written{before: before}
	default:
		x.Before = text(before)
	}
	if _, err := d.bus.Publish(d.t.Context(), Publish{Channel: orders, Data: text(after), Extra: x}); err != nil {
		d.t.Fatal(err)
	}
	d.docs[i] = w.after
	d.log = append(d.log, w)
}

func (d *tale) step() {
	var live, parked []*rower
	for _, l := range d.links {
		if l.link.end() == "" && !l.gone {
			live = append(live, l)
		} else if l.link.end() == "" {
			parked = append(parked, l)
		}
	}
	n := d.r.IntN(26)
	if len(live) == 0 || n == 0 && len(d.links) < 12 {
		d.open(nil)
		return
	}
	l := live[d.r.IntN(len(live))]
	switch {
	case n < 7:
		d.subscribe(l)
	case n == 7:
		room := slices.Sorted(maps.Keys(l.cursors))
		if len(room) > 0 {
			leave := room[d.r.IntN(len(room))]
			l.left[d.ids+1] = leave
			d.say(l, protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: orders, Room: leave})
		}
	case n == 8:
		d.say(l, protocol.ClientFrame{Type: protocol.TypeHistory, Channel: orders, Limit: 1 + d.r.IntN(20)})
	case n < 15:
		for range 1 + d.r.IntN(4) {
			d.write()
		}
	case n == 15:
		l.link.stall(!l.link.isStalled())
	case n == 16:
		if !l.link.isStalled() {
			d.look(l)
			l.gone = true
			l.cut()
		}
	case n == 17 || n == 18:
		if len(parked) > 0 {
			d.open(parked[d.r.IntN(len(parked))])
		}
	case n < 21:
		d.rule = d.r.IntN(len(ruleKinds))
		d.joins = d.r.IntN(4) == 0
		d.setRules()
	case n < 23:
		if !l.conn.plain {
			d.refresh(l)
		}
	case n == 23:
		d.f.poison(orders)
	case n == 24:
		if d.r.IntN(2) == 0 {
			d.bus.Grant(Whom{User: "u1"}, []protocol.Channel{orders})
		} else {
			d.bus.Ungrant(Whom{User: "u1"}, []protocol.Channel{orders})
		}
	default:
		d.pass(time.Duration(d.r.IntN(7000)) * time.Millisecond)
	}
}

func (d *tale) setRules() {
	if d.plant == "rules" { // nobody is told
		policy, err := d.rules().Compile()
		if err != nil {
			d.t.Fatal(err)
		}
		d.bus.policy.Store(policy)
		return
	}
	if err := d.bus.SetRules(d.rules()); err != nil {
		d.t.Fatal(err)
	}
}

func (d *tale) refresh(l *rower) {
	who, token := d.draw()
	if l.now.who.user != "" && who.user != "" && who.user != l.now.who.user {
		who.user = l.now.who.user
		token = d.tokenOf(who)
	}
	if d.plant == "refresh" { // its subscriptions stay as they are
		if id, fault := d.bus.tokens.Load().Verify(d.t.Context(), token); fault == nil && token != "" {
			l.conn.identity.Store(&id)
			l.now.who = who
		}
		return
	}
	d.say(l, protocol.ClientFrame{Type: protocol.TypeRefresh, Token: token})
	l.now.who = who
}

// look reads what came to a link, and compares it with what may and must come.
func (d *tale) look(l *rower) {
	l.now.rule = d.rule
	for _, f := range l.next() {
		d.frame(l, &f)
	}
}

func (d *tale) fault(l *rower, format string, args ...any) {
	d.faults = append(d.faults, fmt.Sprintf("link %p of %+v (before %+v): ", l, l.now, l.then)+fmt.Sprintf(format, args...))
}

func (d *tale) frame(l *rower, f *protocol.ServerFrame) {
	for _, m := range append(f.Messages, f.Msg) {
		if m != nil {
			d.message(l, m)
		}
	}
	switch f.Type {
	case protocol.TypeSubscribed:
		l.cursors[f.Room], l.scopes[f.Room] = f.Position.Offset, l.asked[f.ID]
	case protocol.TypeReply:
		if room, is := l.left[f.ID]; is {
			delete(l.cursors, room)
		}
	case protocol.TypeUnsubscribed:
		delete(l.cursors, f.Room)
	case protocol.TypeGap:
		d.gaps++
		if _, there := l.cursors[f.Room]; there || f.ID == 0 {
			l.cursors[f.Room] = f.From.Offset
		}
	case protocol.TypePosition:
		d.follows(l, f.Room, f.Position.Offset+1, 0)
		if at, there := l.cursors[f.Room]; there {
			l.cursors[f.Room] = max(at, f.Position.Offset)
		}
	case protocol.TypeMessage:
		d.follows(l, f.Room, f.Msg.Offset, f.Msg.Prev)
		if at, there := l.cursors[f.Room]; there {
			l.cursors[f.Room] = max(at, f.Msg.Offset)
		}
	case protocol.TypeError:
		d.refused++
	}
}

// message checks that all that a message says is of rows that the client may see, before or after the step.
func (d *tale) message(l *rower, m *protocol.Message) {
	d.heard++
	may := func(r row) bool { return l.then.sees(&r) || l.now.sees(&r) }
	var r row
	if json.Unmarshal(m.Data, &r) != nil || d.byN[r.N] != r || !may(r) {
		d.fault(l, "was shown %s", m.Data)
	}
	if x := m.Extra; x != nil && x.Meta != nil {
		var about struct{ N int }
		if json.Unmarshal(x.Meta, &about) != nil || !may(d.byN[about.N]) {
			d.fault(l, "was told %s of %+v beside %s", x.Meta, d.byN[about.N], m.Data)
		}
	}
	if m.View().Out {
		d.outs++
	}
}

// follows checks that nothing of its own lies between what the client has in a room and a message, and that the message
// does not say that it missed something.
func (d *tale) follows(l *rower, room string, offset, prev uint64) {
	at, there := l.cursors[room]
	switch {
	case !there || offset <= at:
		return
	case prev > at:
		d.fault(l, "room %q is at %d and is told that %d came before %d", room, at, prev, offset)
	}
	for n := at + 1; n < offset; n++ {
		if w := d.log[n-1]; l.then.hears(w, l.scopes[room]) && l.now.hears(w, l.scopes[room]) {
			d.fault(l, "room %q is at %d and misses %d of its own before %d", room, at, n, offset)
		}
	}
}

// playTale plays a story, and returns what was wrong.
func playTale(t *testing.T, seed uint64, plant string) (d *tale) {
	f := &faulty{}
	inBubble(t, withFaults(f, withTokens(t, access.Rules{Subscribe: access.Nobody})), func(w *world) {
		d = &tale{world: w, r: rand.New(rand.NewPCG(seed, 15)), f: f, plant: plant, docs: make([]*row, 4), byN: map[int]row{}, rule: 1}
		d.setRules()
		for range 60 {
			d.step()
			d.settle()
			for _, l := range d.links {
				if !l.gone {
					d.look(l)
					l.then = l.now
				}
			}
		}
		for _, l := range d.links {
			l.link.stall(false)
		}
		w.pass(6 * time.Second) // each is told where it stands
		for _, l := range d.links {
			if l.gone {
				continue
			}
			d.look(l)
			if l.link.end() == "" {
				for room := range l.cursors {
					d.follows(l, room, uint64(len(d.log))+1, 0)
				}
			}
		}
	})
	return d
}

// TIDINGS_STORIES is how many are played; docs/PROOF.md has what 10,000 found.
func TestNobodyIsShownAForeignRow(t *testing.T) {
	stories := 60
	if testing.Short() {
		stories = 20
	}
	if n, err := strconv.Atoi(os.Getenv("TIDINGS_STORIES")); err == nil {
		stories = n
	}
	heard, gaps, outs, refused := 0, 0, 0, 0
	for seed := range uint64(stories) {
		d := playTale(t, seed, "")
		if len(d.faults) > 0 {
			t.Fatalf("seed %d: %d faults, of which the first: %s", seed, len(d.faults), d.faults[0])
		}
		heard, gaps, outs, refused = heard+d.heard, gaps+d.gaps, outs+d.outs, refused+d.refused
	}
	t.Logf("%d stories: %d messages heard or read, %d of them out, %d gaps, %d errors", stories, heard, outs, gaps, refused)
	if heard < stories*20 || outs < stories || gaps < stories {
		t.Error("too little happened: nothing is shown")
	}
}

// The stories find a bus that forgets to tell its connections.
func TestTheStoriesOfRowsFindPlantedFaults(t *testing.T) {
	for _, plant := range []string{"rules", "refresh"} {
		found := 0
		for seed := range uint64(20) {
			if len(playTale(t, seed, plant).faults) > 0 {
				found++
			}
		}
		t.Logf("%s: found in %d of 20 stories", plant, found)
		if found == 0 {
			t.Errorf("%s: not found in 20 stories", plant)
		}
	}
}
