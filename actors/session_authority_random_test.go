package actors

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/access"
	"tidings/protocol"
)

// In random days rules, identities, tokens and transports change while messages flow, and no frame ever comes to an
// identity that may not have it: what arrives is compared with may, which is all that this test knows of rules.

// someone is who stands behind a link, as the model sees it. The zero someone is anonymous.
type someone struct {
	user, role, tenant string
	until              time.Time // the end of the token, with the grace of a refresh; zero for an anonymous one
	issued             time.Time
	id                 string // of the token
}

// patterns are those that a day's rules are drawn from, the most specific first.
var patterns = []string{"inbox/{user}", "inbox/*", "news", "shop/t1/open", "shop/{tenant}/*", "shop/**", "**"}

var randomChannels = []protocol.Channel{"news", "inbox/u1", "inbox/u2", "shop/t1/open", "shop/t1/x", "shop/t2/x", "other"}

// may is the model: the first pattern that matches and has a rule decides.
func may(rules map[string]access.Allowance, p someone, now time.Time, ch protocol.Channel) bool {
	for _, pattern := range patterns {
		owner, tenant, ok := fits(pattern, string(ch))
		if allowance, is := rules[pattern]; ok && is {
			signedIn := p.user != "" && now.Before(p.until) && (tenant == "" || tenant == p.tenant)
			return allowance == access.Anyone || signedIn && (strings.Contains(string(allowance), "user") && (owner == "" || owner == p.user) ||
				strings.Contains(string(allowance), "role:"+p.role) && p.role != "")
		}
	}
	return false
}

// fits matches, and returns what stands for {user} and {tenant}.
func fits(pattern, ch string) (owner, tenant string, ok bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(ch, "/")
	for i, w := range want {
		switch {
		case w == "**" && len(got) > i:
			return owner, tenant, true
		case i >= len(got):
			return "", "", false
		case w == "{user}":
			owner = got[i]
		case w == "{tenant}":
			tenant = got[i]
		case w != "*" && w != got[i]:
			return "", "", false
		}
	}
	return owner, tenant, len(want) == len(got)
}

// day is one random run.
type day struct {
	*world
	r       *rand.Rand
	rules   map[string]access.Allowance
	before  map[string]access.Allowance // of the step at hand
	revoked func(someone) bool
	tokens  map[string]someone // by their text
	links   []*watched
	fault   string // planted
	faults  []string
	heard   int
	n       int
}

// watched is a link, and who was behind it before and after the step at hand.
type watched struct {
	*client
	who, before someone
	wasRevoked  bool
	gone        bool // cut, or taken over
}

func (d *day) drawRules() (map[string]access.Allowance, access.Rules) {
	rules, out := map[string]access.Allowance{}, access.Rules{}
	for _, pattern := range patterns {
		if pattern == "inbox/*" || d.r.IntN(4) == 0 { // the same channels as inbox/{user}
			continue
		}
		pool := []access.Allowance{access.Nobody, "user", "user", "user, role:desk"}
		if !strings.Contains(pattern, "{") {
			pool = append(pool, access.Anyone, "role:desk", access.Anyone)
		}
		rules[pattern] = pool[d.r.IntN(len(pool))]
		if rules[pattern] == access.Nobody && strings.Contains(pattern, "{user}") {
			rules[pattern] = "user"
		}
	}
	for pattern, allowance := range rules {
		out.Channels = append(out.Channels, access.Rule{Pattern: pattern, Subscribe: allowance})
	}
	if len(out.Channels) == 0 {
		out.Subscribe = access.Nobody
	}
	return rules, out
}

// draw draws who signs in, and a token.
func (d *day) draw() (someone, string) {
	if d.r.IntN(4) == 0 {
		return someone{}, ""
	}
	p := someone{user: []string{"u1", "u2"}[d.r.IntN(2)], role: []string{"", "desk"}[d.r.IntN(2)], tenant: []string{"t1", "t2"}[d.r.IntN(2)]}
	lifetime := []time.Duration{5 * time.Second, time.Minute, time.Hour}[d.r.IntN(3)]
	d.n++
	p.issued = time.Now()
	p.until, p.id = p.issued.Truncate(time.Second).Add(lifetime+refreshGrace), fmt.Sprint("t", d.n)
	s, _ := access.NewSigner(tokenSecret)
	claims := map[string]any{"tenant": p.tenant}
	if p.role != "" {
		claims["roles"] = []string{p.role}
	}
	token, err := s.Sign(access.TokenClaims{Issuer: "tests", Audience: "tidings", User: p.user, ID: p.id, Lifetime: lifetime, Claims: claims})
	if err != nil {
		d.t.Fatal(err)
	}
	d.tokens[token] = p
	return p, token
}

func (d *day) pick() *watched {
	var live []*watched
	for _, l := range d.links {
		if !l.gone && l.link.end() == "" {
			live = append(live, l)
		}
	}
	if len(live) == 0 {
		return nil
	}
	return live[d.r.IntN(len(live))]
}

// open connects, where session is not "" as somebody who knows that.
func (d *day) open(session *watched) {
	who, token := d.draw()
	if session != nil && d.r.IntN(2) == 0 { // with a token of the same grants, as a refresh would give
		who, token = session.who, ""
		for text, p := range d.tokens {
			if p == session.who {
				token = text
			}
		}
	}
	connect := &protocol.ClientFrame{Type: protocol.TypeConnect, Token: token}
	if session != nil {
		connect.Session = session.session
		received := session.received
		connect.Received = &received
	}
	transport := []string{protocol.WebSocket, protocol.SSE, protocol.Poll}[d.r.IntN(3)]
	c, err := d.world.open(protocol.Peer{Transport: transport}, connect)
	if err != nil {
		return
	}
	if session != nil && c.resumed {
		session.gone = true
		c.id, c.received = session.id, session.received
	}
	d.links = append(d.links, &watched{client: c, who: who, before: who})
}

func (d *day) step() {
	l := d.pick()
	ch := randomChannels[d.r.IntN(len(randomChannels))]
	n := d.r.IntN(20)
	switch {
	case l == nil || n == 0 && len(d.links) < 12:
		d.open(nil)
	case n < 6:
		f := protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: ch}
		if d.r.IntN(2) == 0 {
			page, err := d.bus.History(d.t.Context(), ch, protocol.Position{}, 1)
			if err != nil {
				d.t.Fatal(err)
			}
			f.Since = &protocol.Position{Epoch: page.Top.Epoch}
		}
		d.say(l, f)
	case n == 6:
		d.say(l, protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: ch})
	case n == 7:
		d.say(l, protocol.ClientFrame{Type: protocol.TypeHistory, Channel: ch})
	case n < 12:
		for range 1 + d.r.IntN(3) {
			d.publish(ch, fmt.Sprint(d.n))
		}
	case n == 12:
		d.refresh(l)
	case n == 13:
		l.link.stall(!l.link.isStalled())
	case n == 14:
		if !l.link.isStalled() {
			l.gone = true
			l.cut()
		}
	case n < 17:
		var parked []*watched
		for _, l := range d.links {
			if l.link.end() == "" {
				parked = append(parked, l)
			}
		}
		if len(parked) > 0 {
			d.open(parked[d.r.IntN(len(parked))])
		}
	case n == 17:
		var rules access.Rules
		d.rules, rules = d.drawRules()
		d.setRules(rules)
	case n == 18:
		d.revoke(l)
	default:
		d.pass(time.Duration(d.r.IntN(8000)) * time.Millisecond)
	}
	d.settle()
}

func (d *day) say(l *watched, f protocol.ClientFrame) {
	l.id++
	f.ID = l.id
	l.conn.Receive(l.gen, []protocol.ClientFrame{f}) // the connection may have ended
}

func (d *day) refresh(l *watched) {
	p, token := d.draw()
	if token == "" {
		return
	}
	d.say(l, protocol.ClientFrame{Type: protocol.TypeRefresh, Token: token})
	d.settle()
	if l.link.end() == "" && l.conn.Identity().TokenID() == p.id {
		l.who = p
	}
}

func (d *day) setRules(rules access.Rules) {
	if d.fault == "rules" { // nobody is told
		policy, err := rules.Compile()
		if err != nil {
			d.t.Fatal(err)
		}
		d.bus.policy.Store(policy)
		return
	}
	if err := d.bus.SetRules(rules); err != nil {
		d.t.Fatal(err)
	}
}

func (d *day) revoke(l *watched) {
	who := l.who
	if who.user == "" {
		return
	}
	old := d.revoked
	if d.r.IntN(2) == 0 {
		d.revoked = func(p someone) bool { return p.id == who.id || old(p) }
		if d.fault == "revocation" {
			d.bus.revocations.RevokeToken(who.id, time.Now().Add(time.Hour))
		} else if _, err := d.bus.RevokeToken(who.id); err != nil {
			d.t.Fatal(err)
		}
		return
	}
	now := time.Now()
	d.revoked = func(p someone) bool {
		return p.user == who.user && !p.issued.Truncate(time.Second).After(now) || old(p)
	}
	if d.fault == "revocation" {
		d.bus.revocations.RevokeUser(who.user, now, now.Add(time.Hour))
	} else if _, err := d.bus.RevokeUser(who.user); err != nil {
		d.t.Fatal(err)
	}
}

// check compares what came in the step with the model: as it was before the step, or as it is after it.
func (d *day) check(start time.Time) {
	for _, l := range d.links {
		for _, f := range l.next() {
			for _, ch := range shows(&f) {
				before := !l.wasRevoked && may(d.before, l.before, start, ch)
				after := !d.revoked(l.who) && may(d.rules, l.who, time.Now(), ch)
				if d.heard++; !before && !after {
					d.faults = append(d.faults, fmt.Sprintf("%s of %s came to %+v %p", f.Type, ch, l.who, l))
				}
			}
		}
		l.before, l.wasRevoked = l.who, d.revoked(l.who)
	}
	d.before = d.rules
}

// shows returns the channels of which a frame tells something. An answer to a subscribe that was allowed tells nothing
// more than that.
func shows(f *protocol.ServerFrame) (list []protocol.Channel) {
	switch f.Type {
	case protocol.TypeMessage, protocol.TypePosition, protocol.TypeGap, protocol.TypeJoined, protocol.TypeLeft:
		list = append(list, f.Channel)
	}
	for _, m := range f.Messages {
		list = append(list, m.Channel)
	}
	return list
}

// playDay plays a day, and returns what came to whom it must not, and how much came in all.
func playDay(t *testing.T, seed uint64, fault string) (faults []string, heard int) {
	inBubble(t, withTokens(t, access.Rules{Subscribe: access.Nobody}), func(w *world) {
		d := &day{
			world: w, r: rand.New(rand.NewPCG(seed, 1)), fault: fault, tokens: map[string]someone{},
			revoked: func(someone) bool { return false }, rules: map[string]access.Allowance{}, before: map[string]access.Allowance{},
		}
		for range 150 {
			start := time.Now()
			d.step()
			d.check(start)
		}
		for _, l := range d.links {
			l.link.stall(false)
		}
		d.check(time.Now())
		faults, heard = d.faults, d.heard
	})
	return faults, heard
}

func TestNoFrameComesToWhoMayNotHaveIt(t *testing.T) {
	days, heard := uint64(40), 0
	if testing.Short() {
		days = 20
	}
	for seed := range days {
		faults, n := playDay(t, seed, "")
		if heard += n; len(faults) > 0 {
			t.Fatalf("seed %d: %q", seed, faults[:min(len(faults), 5)])
		}
	}
	if heard < int(days)*10 {
		t.Errorf("in %d days only %d frames of channels came: nothing is shown", days, heard)
	}
	t.Logf("%d days, %d frames of channels", days, heard)
}

// The days find a bus that forgets to tell its connections.
func TestTheDaysFindPlantedFaults(t *testing.T) {
	for _, fault := range []string{"rules", "revocation"} {
		found := 0
		for seed := range uint64(20) {
			if faults, _ := playDay(t, seed, fault); len(faults) > 0 {
				found++
			}
		}
		t.Logf("%s: found in %d of 20 days", fault, found)
		if found == 0 {
			t.Errorf("%s: not found in 20 days", fault)
		}
	}
}

func TestTheModelsPatterns(t *testing.T) {
	for _, pattern := range patterns {
		p, err := access.ParsePattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, ch := range randomChannels {
			if _, _, ok := fits(pattern, string(ch)); ok != p.Match(ch) {
				t.Errorf("%s and %s: %v", pattern, ch, ok)
			}
		}
	}
	if !slices.IsSortedFunc(patterns, func(a, b string) int {
		p, _ := access.ParsePattern(a)
		q, _ := access.ParsePattern(b)
		return p.Compare(q)
	}) {
		t.Error("the patterns are not in their order")
	}
}
