package httpapi

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/access"
	"tidings/actors"
	"tidings/internal/memnet"
	"tidings/protocol"
	"tidings/transports/transporttest"
)

// Random stories of who may hear what, over the whole server and each transport: rules, tokens and links change while
// messages flow. No frame comes to an identity that may not have it, and who may hear a channel and stays misses
// nothing: both are compared with mayHear and put, which is all that this test knows of rules.
// actors/session_authority_random_test.go does the first of it below the transports, where a link can be held up.

var (
	stories  = flag.Int("stories", 0, "how many random stories of who may hear what; 0: 150, or 30 in short runs")
	oneStory = flag.Uint64("story", 0, "play this one alone, and tell it")
)

// mayHear is the model: the first of the channel's patterns that has a rule decides.
func mayHear(rules map[string]access.Allowance, p person, ch protocol.Channel) bool {
	for _, pattern := range places[ch].patterns {
		if rule, ok := rules[pattern]; ok {
			hasTenant := !strings.Contains(pattern, "{tenant}") || p.user != "" && p.tenant == places[ch].tenant
			isOwner := p.user != "" && (!strings.Contains(pattern, "{user}") || p.user == places[ch].owner)
			return rule == access.Anyone || hasTenant && (strings.HasPrefix(string(rule), "user") && isOwner ||
				strings.HasSuffix(string(rule), "role:desk") && p.role == "desk")
		}
	}
	return false
}

// places are the channels, and the patterns that match them, the most specific first.
var places = map[protocol.Channel]struct {
	owner, tenant string
	patterns      []string
}{
	"news":         {"", "", []string{"news", "**"}},
	"inbox/u1":     {"u1", "", []string{"inbox/{user}", "**"}},
	"inbox/u2":     {"u2", "", []string{"inbox/{user}", "**"}},
	"shop/t1/open": {"", "t1", []string{"shop/t1/open", "shop/{tenant}/*", "shop/**", "**"}},
	"shop/t1/x":    {"", "t1", []string{"shop/{tenant}/*", "shop/**", "**"}},
	"shop/t2/x":    {"", "t2", []string{"shop/{tenant}/*", "shop/**", "**"}},
	"other":        {"", "", []string{"**"}},

	"joins/anonymous": {"", "", []string{"**"}},
	"joins/user/u1":   {"", "", []string{"**"}},
	"joins/role/desk": {"", "", []string{"**"}},
}

// put is what the server does by itself: the joins of its configuration, and what the backend granted.
func put(granted map[string]bool, p person, ch protocol.Channel) bool {
	switch ch {
	case "joins/anonymous":
		return p.user == ""
	case "joins/user/u1":
		return p.user == "u1"
	case "joins/role/desk":
		return p.role == "desk"
	}
	return granted[p.user+" "+string(ch)]
}

var theJoins = access.Joins{Anonymous: []string{"joins/anonymous"}, Authenticated: []string{"joins/user/{user}", "joins/role/{role}"}}

var (
	placeNames    = []protocol.Channel{"news", "inbox/u1", "inbox/u2", "shop/t1/open", "shop/t1/x", "shop/t2/x", "other", "joins/anonymous", "joins/user/u1", "joins/role/desk"}
	placePatterns = []string{"news", "inbox/{user}", "shop/t1/open", "shop/{tenant}/*", "shop/**", "**"}
)

// person is who a client is, as the model sees it. The zero person is anonymous.
type person struct {
	user, role, tenant string
	token, id          string
	issued, until      time.Time // until: of the token
}

// grace is how long a connection outlives its token.
const grace = 25 * time.Second

// listener is a client, and what the model knows of it.
type listener struct {
	*transporttest.Client
	name     string
	who, was person // after and before the step at hand
	linked   bool
	cutAt    time.Time                         // if it is not linked
	gone     bool                              // its session is no more
	mayEnd   bool                              // its link, in this step
	resumed  bool                              // its last connect
	subs     map[protocol.Channel]map[int]bool // what it must yet hear
	own      map[protocol.Channel]bool         // those of subs that it asked for
	got      map[int]bool
	answers  map[uint64]protocol.Code // of requests; "" for a yes
	nextID   uint64
}

// story is one run.
type story struct {
	*world
	target  transporttest.Target
	r       *rand.Rand
	rules   map[string]access.Allowance
	before  map[string]access.Allowance // of the step at hand
	granted map[string]bool             // "user channel"
	had     map[string]bool             // before the step at hand
	revoked []func(person) bool
	all     []*listener
	sent    map[protocol.Channel][]int
	began   time.Time // the step at hand
	pinged  time.Time
	racing  bool // it does two things at once
	n       int
	told    []string
	faults  []string
	tally   storyTally
}

// storyTally shows that stories are about something.
type storyTally struct{ heard, refused, resumed, thefts, revoked, ended int }

func (s *story) say(format string, args ...any) {
	s.told = append(s.told, fmt.Sprintf("%7.2fs  ", time.Since(bubbleEpoch).Seconds())+fmt.Sprintf(format, args...))
}

func (s *story) fault(format string, args ...any) {
	s.say("FAULT: "+format, args...)
	s.faults = append(s.faults, fmt.Sprintf(format, args...))
}

var bubbleEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // of synctest

func (p person) String() string {
	if p.user == "" {
		return "nobody"
	}
	return fmt.Sprintf("%s (%s %s, %s until %.0fs)", p.user, p.role, p.tenant, p.id, p.until.Sub(bubbleEpoch).Seconds())
}

// startStory starts the whole server in the bubble of the caller.
func startStory(t *testing.T, seed uint64) *story {
	s := &story{r: rand.New(rand.NewPCG(seed, 2)), sent: map[protocol.Channel][]int{}, granted: map[string]bool{}}
	var rules access.Rules
	s.rules, rules = s.drawRules()
	s.world, s.target = startWithTokens(t, rules)
	return s
}

// startWithTokens starts the whole server, whose clients sign in, over a network in memory.
func startWithTokens(t *testing.T, rules access.Rules) (*world, transporttest.Target) {
	tokens, err := access.NewTokens(access.TokenConfig{Issuer: "tests", Audience: "tidings", Secret: tokenSecret})
	if err != nil {
		t.Fatal(err)
	}
	w := startBus(t, actors.Config{Tokens: tokens, Rules: rules})
	network := memnet.Listen()
	server := w.api.Server("")
	go server.Serve(network)
	t.Cleanup(func() { server.Close() })
	return w, transporttest.Target{URL: "http://tidings.test/bus", Dial: network.Dial}
}

func (s *story) oneIn(n int) bool { return s.r.IntN(n) == 0 }

func oneOf[T any](s *story, list ...T) T { return list[s.r.IntN(len(list))] }

func (s *story) drawRules() (map[string]access.Allowance, access.Rules) {
	rules, out := map[string]access.Allowance{}, access.Rules{Subscribe: access.Nobody, Joins: theJoins}
	for _, pattern := range placePatterns {
		if s.oneIn(5) {
			continue
		}
		pool := []access.Allowance{"user", "user", "user, role:desk"}
		if !strings.Contains(pattern, "{") {
			pool = append(pool, access.Nobody, access.Anyone, access.Anyone, "role:desk")
		}
		rules[pattern] = oneOf(s, pool...)
		out.Channels = append(out.Channels, access.Rule{Pattern: pattern, Subscribe: rules[pattern]})
	}
	return rules, out
}

// draw draws somebody, with a token if it is not an anonymous one.
func (s *story) draw() person {
	return s.sign(person{user: oneOf(s, "", "u1", "u1", "u2", "u2"), role: oneOf(s, "", "desk"), tenant: oneOf(s, "t1", "t2")})
}

// sign makes a token for p that begins now.
func (s *story) sign(p person) person {
	if p.user == "" {
		return person{}
	}
	s.n++
	lifetime := oneOf(s, 4*time.Second, 20*time.Second, time.Hour, time.Hour)
	p.id, p.issued = fmt.Sprint("t", s.n), time.Now()
	p.until = p.issued.Truncate(time.Second).Add(lifetime)
	claims := map[string]any{"tenant": p.tenant}
	if p.role != "" {
		claims["roles"] = []string{p.role}
	}
	signer, err := access.NewSigner(tokenSecret)
	if err == nil {
		p.token, err = signer.Sign(access.TokenClaims{Issuer: "tests", Audience: "tidings", User: p.user, ID: p.id, Lifetime: lifetime, Claims: claims})
	}
	if err != nil {
		s.Fatal(err)
	}
	return p
}

func (s *story) isRevoked(p person) bool {
	return p.user != "" && slices.ContainsFunc(s.revoked, func(is func(person) bool) bool { return is(p) })
}

// over reports whether p's token, and the grace of a refresh, are.
func (p person) over(now time.Time) bool { return p.user != "" && !now.Before(p.until.Add(grace)) }

// pick returns somebody who is still there.
func (s *story) pick(match func(*listener) bool) *listener {
	var list []*listener
	for _, l := range s.all {
		if !l.gone && match(l) {
			list = append(list, l)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return oneOf(s, list...)
}

func anybody(*listener) bool    { return true }
func isLinked(l *listener) bool { return l.linked }
func isAway(l *listener) bool   { return !l.linked }

// enter brings a new client, who says that a session is his; "" for none.
func (s *story) enter(p person, session string) *listener {
	l := &listener{name: fmt.Sprint("c", len(s.all)), subs: map[protocol.Channel]map[int]bool{}, own: map[protocol.Channel]bool{}, got: map[int]bool{}, answers: map[uint64]protocol.Code{}}
	l.Client = transporttest.NewClient(s.T, s.target, protocol.WebSocket)
	s.all = append(s.all, l)
	s.connect(l, p, session)
	return l
}

// connect opens a link as p on whatever transport.
func (s *story) connect(l *listener, p person, session string) {
	kind := oneOf(s, protocol.WebSocket, protocol.SSE, protocol.Poll)
	s.say("%s connects by %s as %s, session %.4s", l.name, kind, p, session)
	if s.racing {
		l.was = p // else the old session's due would be allowed by what its client was
	}
	l.who, l.resumed, l.linked = p, false, true
	l.Sign(p.token)
	connect := `{"type":"connect"`
	if p.token != "" {
		connect += fmt.Sprintf(`,"token":%q`, p.token)
	}
	if _, received := l.Session(); session != "" {
		connect += fmt.Sprintf(`,"session":%q,"received":%d`, session, received)
	}
	err := l.OpenOn(kind, connect+"}")
	if err == nil {
		s.settle()
		s.listen(l)
		if end, ended := l.Ended(); ended {
			err = &protocol.Error{Code: end.Code}
		}
	}
	if err != nil {
		l.gone, l.linked = true, false
		s.say("%s is refused: %v", l.name, err)
		if s.tally.refused++; !errors.Is(err, &protocol.Error{Code: protocol.CodeUnauthorized}) || !s.isRevoked(p) {
			s.fault("%s is refused: %v", l.name, err)
		}
	}
}

// settle lets all that is under way arrive; a channel may collect for 10 ms.
func (s *story) settle() {
	synctest.Wait()
	time.Sleep(50 * time.Millisecond)
	synctest.Wait()
}

// send sends a request, and returns its answer: "-" if there is none.
func (s *story) send(l *listener, format string, args ...any) protocol.Code {
	l.nextID++
	text := fmt.Sprintf(format, args...)
	s.say("%s says %.80s", l.name, text)
	err := l.Send(fmt.Sprintf(`{"id":%d,`, l.nextID) + text[1:])
	s.settle()
	s.listen(l)
	var refusal *protocol.Error
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	if code, ok := l.answers[l.nextID]; ok && err == nil {
		return code
	}
	return "-"
}

func (s *story) subscribe(l *listener, ch protocol.Channel) {
	if l.own[ch] {
		return
	}
	all, since := s.oneIn(2), ""
	if all {
		page, err := s.bus.History(context.Background(), ch, protocol.Position{}, 1)
		if err != nil {
			s.Fatal(err)
		}
		since = fmt.Sprintf(`,"since":{"epoch":%q,"offset":0}`, page.Top.Epoch)
	}
	answer := s.send(l, `{"type":"subscribe","channel":%q%s}`, ch, since)
	may, might := s.mayHear(l, ch)
	switch {
	case answer == "" && might:
		if l.own[ch] = true; l.subs[ch] == nil {
			l.subs[ch] = map[int]bool{}
		}
		for _, n := range s.sent[ch] {
			if all && !l.got[n] {
				l.subs[ch][n] = true
			}
		}
	case answer == protocol.CodeForbidden && !may:
		s.tally.refused++
	default:
		s.fault("%s as %s subscribes to %s: answered %q", l.name, l.who, ch, answer)
	}
}

// mayHear reports whether a client surely may hear a channel in this step, and whether it might: in a step that does
// two things at once either may be the first.
func (s *story) mayHear(l *listener, ch protocol.Channel) (may, might bool) {
	after := !s.isRevoked(l.who) && (mayHear(s.rules, l.who, ch) || put(s.granted, l.who, ch))
	before := after
	if s.racing {
		before = mayHear(s.before, l.was, ch) || put(s.had, l.was, ch)
	}
	return before && after, before || after
}

// publish has messages on their way, in order.
func (s *story) publish(ch protocol.Channel, count int) (done func()) {
	var data []string
	for range count {
		s.n++
		s.say("message %d on %s", s.n, ch)
		s.sent[ch] = append(s.sent[ch], s.n)
		data = append(data, fmt.Sprint(s.n))
		for _, l := range s.all {
			if due := l.subs[ch]; due != nil && !l.gone {
				due[s.n] = true
			}
		}
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for _, text := range data {
			if _, err := s.bus.Publish(context.Background(), actors.Publish{Channel: ch, Data: []byte(text)}); err != nil {
				s.Errorf("publish: %v", err)
			}
		}
	}()
	return func() { <-over }
}

func (s *story) changeRules() {
	var rules access.Rules
	s.rules, rules = s.drawRules()
	s.say("rules %v", s.rules)
	if err := s.bus.SetRules(rules); err != nil {
		s.Fatal(err)
	}
}

// grant puts a user in a channel, or takes it back.
func (s *story) grant(user string, ch protocol.Channel) {
	if strings.HasPrefix(string(ch), "joins/") {
		return
	}
	key, do := user+" "+string(ch), "subscribe"
	if s.granted[key] {
		do = "unsubscribe"
	}
	s.granted[key] = !s.granted[key]
	s.say("the backend: %s %s", do, key)
	s.ok(s.do(request{path: "/api/" + do, body: fmt.Sprintf(`{"user":%q,"channel":%q}`, user, ch)}), &struct{}{})
}

// revoke lets a token, or all of a user's until now, count no more.
func (s *story) revoke(who person) {
	if who.user == "" {
		return
	}
	body, is := fmt.Sprintf(`{"token":%q}`, who.id), func(p person) bool { return p.id == who.id }
	if now := time.Now(); s.oneIn(2) {
		body, is = fmt.Sprintf(`{"user":%q}`, who.user), func(p person) bool { return p.user == who.user && !p.issued.Truncate(time.Second).After(now) }
	}
	s.tally.revoked++
	s.say("revoke %s", body)
	s.revoked = append(s.revoked, is)
	s.ok(s.do(request{path: "/api/revoke", body: body}), &struct{}{})
}

func (s *story) disconnect(user string) {
	if user == "" {
		return
	}
	s.say("disconnect %s", user)
	s.ok(s.do(request{path: "/api/disconnect", body: fmt.Sprintf(`{"user":%q}`, user)}), &struct{}{})
	for _, l := range s.all {
		if l.who.user == user && !l.gone {
			l.mayEnd, l.gone = true, true
		}
	}
}

// refresh signs an anonymous client in, changes what a user may, or, with another user's token, ends the connection.
func (s *story) refresh(l *listener) {
	p := s.draw()
	if l.who.user != "" && !s.oneIn(4) {
		p.user = l.who.user
		p = s.sign(p)
	}
	switch {
	case p.user == "" || s.isRevoked(p):
	case l.who.user != "" && l.who.user != p.user:
		l.mayEnd, l.gone = true, true
		s.send(l, `{"type":"refresh","token":%q}`, p.token)
	default:
		old := l.who
		l.who = p
		l.Sign(p.token) // the next poll is of whom the refresh named
		if answer := s.send(l, `{"type":"refresh","token":%q}`, p.token); answer != "" && !s.isRevoked(old) && !s.isRevoked(p) {
			s.fault("%s refreshes as %s: answered %q", l.name, p, answer)
		}
	}
}

func (s *story) cut(l *listener) {
	s.say("%s is cut", l.name)
	l.Cut()
	s.listen(l)
	l.linked, l.cutAt = false, time.Now()
}

// comeBack opens another link, if there is one over that: as who the client was, as the same with a new token, or as
// somebody else.
func (s *story) comeBack(l *listener) {
	session, _ := l.Session()
	old, p := l.who, l.who
	switch {
	case s.oneIn(5):
		p = s.draw()
	case s.oneIn(4):
		p = s.sign(person{user: p.user, role: oneOf(s, "", "desk"), tenant: oneOf(s, "t1", "t2")})
	case s.oneIn(2) || p.user != "" && !time.Now().Before(p.until):
		p = s.sign(p)
	}
	same := p.user == old.user && p.role == old.role && p.tenant == old.tenant
	must := same && (l.linked || time.Since(l.cutAt) < protocol.DefaultPark-time.Second) && !s.isRevoked(p) && !s.isRevoked(old)
	if l.linked && (!same || s.racing) {
		s.cut(l)
	}
	if s.connect(l, p, session); !l.linked {
		return
	}
	switch {
	case l.resumed && p.user != old.user:
		s.fault("%s took up a session of %s as %s", l.name, old, p)
	case l.resumed:
		s.tally.resumed++
	case must:
		s.fault("%s did not get its session", l.name)
	default:
		clear(l.subs)
		clear(l.own)
	}
}

// steal has somebody else say that a session is his, by each way that there is.
func (s *story) steal(l *listener) {
	p := s.draw()
	if p.user == l.who.user || l.who.user == "" {
		return
	}
	session, _ := l.Session()
	s.say("%s wants the session of %s", p, l.name)
	s.tally.thefts++
	if thief := s.enter(p, session); thief.resumed {
		s.fault("%s has the session of %s", p, l.who)
	}
	for path, body := range map[string]string{
		"/bus/poll": fmt.Sprintf(`{"type":"poll","session":%q,"received":0}`, session),
		"/bus/send": fmt.Sprintf(`{"session":%q,"seq":1,"frames":[{"type":"ping","id":1}]}`, session),
	} {
		header := http.Header{}
		if p.token != "" {
			header.Set("Authorization", "Bearer "+p.token)
		}
		if got := s.do(request{path: path, body: body, header: header, noKey: true}); got.Code != protocol.CodeSessionGone.Row().HTTP && !s.isRevoked(p) {
			s.fault("%s as %s with the session of %s: %d %s", path, p, l.who, got.Code, got.Body)
		}
	}
}

// listen takes what came to a client.
func (s *story) listen(l *listener) {
	for _, f := range l.All() {
		switch f.Type {
		case protocol.TypeConnected:
			l.resumed = f.Resumed
		case protocol.TypeSubscribed, protocol.TypeReply:
			l.answers[f.ID] = ""
		case protocol.TypeError:
			l.answers[f.ID] = f.Code
		case protocol.TypeGap:
			s.fault("%s lost something of %s: %s", l.name, f.Channel, f.Code)
		case protocol.TypeMessage:
			s.hear(l, f.Msg)
		}
		for _, m := range f.Messages {
			s.hear(l, m)
		}
	}
}

func (s *story) hear(l *listener, m *protocol.Message) {
	s.tally.heard++
	n, _ := strconv.Atoi(string(m.Data))
	l.got[n] = true
	if _, might := s.mayHear(l, m.Channel); !might || l.who.over(s.began) {
		s.fault("message %d of %s came to %s as %s", n, m.Channel, l.name, l.who)
	}
}

// check looks at everybody when a step is over.
func (s *story) check() {
	s.settle()
	for _, l := range s.all {
		s.listen(l)
		end, ended := l.Ended()
		if ended && l.linked {
			s.tally.ended++
			s.say("%s ended with %s", l.name, end.Code)
			if l.linked, l.cutAt = false, time.Now(); l.who.over(l.cutAt) {
				l.cutAt = l.who.until.Add(grace)
			}
			if !l.mayEnd && !s.isRevoked(l.who) && !l.who.over(time.Now()) {
				s.fault("%s as %s ended with %q", l.name, l.who, end.Code)
			}
		}
		if l.gone = l.gone || s.isRevoked(l.who); l.linked && (l.gone || l.who.over(time.Now().Add(-time.Second))) {
			s.fault("%s as %s is still connected", l.name, l.who)
		}
		for _, ch := range placeNames {
			may, _ := s.mayHear(l, ch)
			if isPut := put(s.granted, l.who, ch); !may || !l.own[ch] && !isPut {
				delete(l.own, ch)
				delete(l.subs, ch)
			}
			if isPut := put(s.granted, l.who, ch); isPut && l.subs[ch] == nil {
				l.subs[ch] = map[int]bool{}
			}
			due := l.subs[ch]
			for n := range due {
				if l.linked && !l.got[n] {
					s.fault("message %d of %s did not come to %s", n, ch, l.name)
				}
				if l.linked {
					delete(due, n)
				}
			}
		}
		l.was, l.mayEnd = l.who, false
	}
	s.before, s.had, s.racing = s.rules, maps.Clone(s.granted), false
}

// place returns a channel, most often one that somebody hears, or would if he were not away.
func (s *story) place() protocol.Channel {
	if l := s.pick(anybody); l != nil && !s.oneIn(3) {
		for _, ch := range placeNames {
			if l.subs[ch] != nil {
				return ch
			}
		}
	}
	return oneOf(s, placeNames...)
}

// ping keeps the links of those who say nothing else.
func (s *story) ping() {
	if time.Since(s.pinged) < 5*time.Second {
		return
	}
	s.pinged = time.Now()
	for _, l := range s.all {
		if _, ended := l.Ended(); !ended {
			l.Send(`{"type":"ping","id":1}`) // its token may be over
		}
	}
	synctest.Wait()
}

func (s *story) step() {
	s.ping()
	s.began = time.Now()
	ch := s.place()
	done := func() {}
	if s.oneIn(3) {
		s.racing = true
		done = s.publish(ch, 1+s.r.IntN(4))
	}
	s.act(ch)
	done()
	s.check()
}

// act does one thing, if there is somebody to do it.
func (s *story) act(ch protocol.Channel) {
	linked := s.pick(isLinked)
	switch n := s.r.IntN(26); {
	case linked == nil || n == 0 && len(s.all) < 9:
		s.enter(s.draw(), "")
	case n < 7:
		s.subscribe(linked, ch)
	case n == 7:
		if s.send(linked, `{"type":"unsubscribe","channel":%q}`, ch) == "" {
			if delete(linked.own, ch); !put(s.granted, linked.who, ch) {
				delete(linked.subs, ch)
			}
		}
	case n == 8:
		answer := s.send(linked, `{"type":"history","channel":%q}`, ch)
		if may, might := s.mayHear(linked, ch); answer == "" && !might || answer == protocol.CodeForbidden && may {
			s.fault("%s as %s reads %s: answered %q", linked.name, linked.who, ch, answer)
		}
	case n < 12:
		s.publish(ch, 1+s.r.IntN(3))()
	case n < 14:
		s.refresh(linked)
	case n < 16:
		s.cut(linked)
	case n < 18:
		if l := s.pick(isAway); l != nil {
			s.comeBack(l)
		}
	case n == 18:
		s.comeBack(linked)
	case n < 21:
		s.changeRules()
	case n > 23:
		if linked.who.user != "" {
			s.grant(linked.who.user, ch)
		}
	case n == 21:
		switch s.r.IntN(3) {
		case 0:
			s.revoke(linked.who)
		case 1:
			s.disconnect(linked.who.user)
		default:
			if old := oneOf(s, s.all...).who; s.isRevoked(old) && time.Now().Before(old.until) {
				s.enter(old, "")
			}
		}
	case n == 22:
		if l := s.pick(anybody); l != nil {
			s.steal(l)
		}
	default:
		for range 1 + s.r.IntN(4) {
			time.Sleep(time.Duration(s.r.IntN(6000)) * time.Millisecond)
			s.ping()
		}
	}
}

func TestRandomStoriesOfWhoMayHearWhat(t *testing.T) {
	first, count := uint64(1), 150
	if testing.Short() {
		count = 30
	}
	if *stories > 0 {
		count = *stories
	}
	if *oneStory > 0 {
		first, count = *oneStory, 1
	}
	var sum storyTally
	for seed := first; seed < first+uint64(count); seed++ {
		synctest.Test(t, func(t *testing.T) {
			s := startStory(t, seed)
			for range 100 {
				if s.step(); len(s.faults) > 0 {
					break
				}
			}
			if *oneStory > 0 || len(s.faults) > 0 {
				t.Logf("story %d (again: go test ./httpapi -run RandomStories -story %d):\n%s", seed, seed, strings.Join(s.told, "\n"))
			}
			for _, f := range s.faults {
				t.Errorf("story %d: %s", seed, f)
			}
			sum.add(s.tally)
		})
		if t.Failed() {
			return
		}
	}
	t.Logf("%d stories: %+v", count, sum)
	if least := count / 2; *oneStory == 0 && (sum.heard < 10*count || sum.refused < least || sum.resumed < least || sum.thefts < least || sum.revoked < least || sum.ended < least) {
		t.Errorf("the stories show nothing: %+v", sum)
	}
}

func (t *storyTally) add(u storyTally) {
	t.heard += u.heard
	t.refused += u.refused
	t.resumed += u.resumed
	t.thefts += u.thefts
	t.revoked += u.revoked
	t.ended += u.ended
}
