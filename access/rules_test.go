package access

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tidings/protocol"
)

// who are the identities of these tests.
var who = map[string]Identity{
	"nobody":  {},
	"ann":     NewIdentity("ann", nil, nil, nil),
	"bob":     NewIdentity("bob", []string{"admin", "desk"}, []string{"orders:read"}, map[string][]string{"tenant": {"t1", "t2"}}),
	"cy/1":    NewIdentity("cy/1", []string{"admins"}, nil, map[string][]string{"tenant": {"t3"}}),
	"no-user": {grants: &grants{roles: []string{"admin"}}},
}

func policyOf(t testing.TB, r Rules) *Policy {
	t.Helper()
	p, err := r.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSimpleRules(t *testing.T) {
	for _, c := range []struct {
		name                                string
		rules                               Rules
		subscribe, publish, presence, write bool
	}{
		{name: "default", rules: DefaultRules(), subscribe: true},
		{name: "zero, as default", subscribe: true},
		{name: "open", rules: Rules{Subscribe: Anyone, Publish: Anyone, Presence: Anyone, Write: Anyone}, subscribe: true, publish: true, presence: true, write: true},
		{name: "writing alone", rules: Rules{Subscribe: Nobody, Write: Anyone}, write: true},
		{name: "presence of channels that nobody may hear", rules: Rules{Subscribe: Nobody, Presence: Anyone}},
		{name: "closed", rules: Rules{Subscribe: Nobody, Publish: Nobody}},
		{name: "patterns close the rest", rules: Rules{Channels: []Rule{{Pattern: "b", Subscribe: Anyone}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := policyOf(t, c.rules)
			check(t, "subscribe", p.MaySubscribe(Identity{}, "a"), c.subscribe)
			check(t, "publish", p.MayPublish(Identity{}, "a"), c.publish)
			check(t, "presence", maySeePresence(p, Identity{}, "a"), c.presence)
			check(t, "write", p.MayWrite(Identity{}, "a"), c.write)
		})
	}
}

// maySeePresence asks both rules that a client needs to see who is in a channel.
func maySeePresence(p *Policy, id Identity, ch protocol.Channel) *protocol.Error {
	if fault := p.MaySubscribe(id, ch); fault != nil {
		return fault
	}
	return p.MaySeeMembers(id, ch)
}

func check(t *testing.T, what string, err *protocol.Error, allowed bool) {
	t.Helper()
	switch {
	case allowed && err != nil:
		t.Errorf("%s: %v", what, err)
	case !allowed && (err == nil || !errors.Is(err, &protocol.Error{Code: protocol.CodeForbidden}) || err.Hint == ""):
		t.Errorf("%s: got %v, want forbidden with a hint", what, err)
	}
}

func TestWhoMaySubscribe(t *testing.T) {
	p := policyOf(t, Rules{Channels: []Rule{
		{Pattern: "**", Subscribe: Nobody},
		{Pattern: "visitor-management/**", Subscribe: Anyone},
		{Pattern: "visitor-management/arrival/{user}", Subscribe: User},
		{Pattern: "admin/**", Subscribe: "role:admin"},
		{Pattern: "members/**", Subscribe: User},
		{Pattern: "orders/*", Subscribe: "permission:orders:read, role:boss"},
		{Pattern: "inbox/{user}", Subscribe: "user,role:admin"},
		{Pattern: "shop/{tenant}/**", Subscribe: User},
		{Pattern: "shop/{tenant}/desk/{user}", Subscribe: "user, role:desk"},
		{Pattern: "profile/{user}", Subscribe: Anyone, Publish: User},
		{Pattern: "documents/home/{user}", Write: User},
		{Pattern: "between/{user}/and/{user}", Subscribe: User},
	}})
	for _, c := range []struct{ ch, may string }{
		{"other", ""},
		{"visitor-management", ""},
		{"visitor-management/desk", "nobody ann bob cy/1 no-user"},
		{"visitor-management/arrival/ann", "ann"},
		{"visitor-management/arrival/cy/1", "nobody ann bob cy/1 no-user"}, // two segments: another channel, of the rule above
		{"visitor-management/arrival/zed", ""},
		{"admin", ""},
		{"admin/x", "bob"},
		{"members/x", "ann bob cy/1"},
		{"between/ann/and/ann", "ann"},
		{"between/ann/and/bob", ""}, // each {user} is the same user: neither the first nor the last decides
		{"between/bob/and/ann", ""},
		{"orders/1", "bob"},
		{"orders/1/x", ""},
		{"inbox/ann", "ann bob"},
		{"inbox/bob", "bob"},
		{"shop/t1/x", "bob"},
		{"shop/t3/x", "cy/1"},
		{"shop/t4/x", ""},
		{"shop/t1/desk/ann", "bob"},
		{"shop/t3/desk/bob", ""},
		{"profile/ann", "nobody ann bob cy/1 no-user"},
	} {
		for name, id := range who {
			t.Run(c.ch+" by "+name, func(t *testing.T) {
				check(t, "subscribe", p.MaySubscribe(id, protocol.Channel(c.ch)), contains(c.may, name))
			})
		}
	}
	for name, id := range who {
		check(t, "publish by "+name, p.MayPublish(id, "profile/ann"), name == "ann")
		check(t, "write by "+name, p.MayWrite(id, "documents/home/ann"), name == "ann")
		check(t, "write where nothing is said, by "+name, p.MayWrite(id, "members/x"), false)
		check(t, "publish where nothing is said, by "+name, p.MayPublish(id, "members/x"), false)
		check(t, "presence where nothing is said, by "+name, maySeePresence(p, id, "members/x"), false)
	}
}

func contains(words, word string) bool {
	return strings.Contains(" "+words+" ", " "+word+" ")
}

// B52: nothing is found by texts put together.
func TestB52_NamesThatLookAlikeAreOthers(t *testing.T) {
	p := policyOf(t, Rules{Channels: []Rule{
		{Pattern: "a/{user}", Subscribe: User}, {Pattern: "b/*", Subscribe: "role:x:y"}, {Pattern: "c/*", Subscribe: "permission:x"},
	}})
	for _, c := range []struct {
		ch   protocol.Channel
		id   Identity
		want bool
	}{
		{"a/u", NewIdentity("u", nil, nil, nil), true},
		{"a/u", NewIdentity("U", nil, nil, nil), false}, // B51
		{"a/u", NewIdentity("u/", nil, nil, nil), false},
		{"a/u", NewIdentity("a/u", nil, nil, nil), false},
		{"a/u", NewIdentity("*", nil, nil, nil), false},
		{"a/u", NewIdentity("{user}", nil, nil, nil), false},
		{"b/1", NewIdentity("u", []string{"x:y"}, nil, nil), true},
		{"b/1", NewIdentity("u", []string{"x", "y"}, nil, nil), false},
		{"b/1", NewIdentity("u", nil, []string{"x:y"}, nil), false},
		{"c/1", NewIdentity("u", []string{"permission:x"}, nil, nil), false},
		{"c/1", NewIdentity("u", nil, []string{"x "}, nil), false},
	} {
		check(t, fmt.Sprintf("%s by %s", c.ch, c.id.User), p.MaySubscribe(c.id, c.ch), c.want)
	}
}

func TestRulesThatAreRefused(t *testing.T) {
	one := func(pattern string, subscribe Allowance) Rules {
		return Rules{Channels: []Rule{{Pattern: pattern, Subscribe: subscribe}}}
	}
	for _, c := range []struct {
		name  string
		rules Rules
		want  string
	}{
		{"what is none", Rules{Subscribe: "everyone"}, "Subscribe"},
		{"another case", Rules{Publish: "Anyone"}, "Publish"},
		{"presence", Rules{Presence: "x"}, "Presence"},
		{"a role without a name", one("a", "role:"), "neither"},
		{"a role of two words", one("a", "role:a b"), "neither"},
		{"an empty part", one("a", "user,"), "neither"},
		{"anyone in a list", one("a", "user,anyone"), "stands alone"},
		{"nobody in a list", one("a", "nobody,role:x"), "stands alone"},
		{"said twice", one("a", "role:x, role:x"), "said twice"},
		{"the same channels", Rules{Channels: []Rule{{Pattern: "a/*"}, {Pattern: "a/{user}", Subscribe: User}}}, "name the same channels"},
		{"no pattern", one("", Anyone), "is no segment"},
		{"anyone where a claim is named", one("shop/{tenant}", Anyone), "need not have the claim"},
		{"a user that has no effect", one("inbox/{user}", Anyone), "has no effect"},
		{"a user that has no effect for a role", one("inbox/{user}", "role:admin"), "has no effect"},
		{"a payload above the protocol's", Rules{Channels: []Rule{{Pattern: "a", Limits: Limits{Payload: protocol.MaxPayloadBytes + 1}}}}, "Payload"},
		{"a negative limit", Rules{Channels: []Rule{{Pattern: "a", Limits: Limits{Rate: -1}}}}, "negative"},
		{"too many", Rules{Channels: make([]Rule, MaxRules+1)}, "at most"},
	} {
		if err := c.rules.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	several := Rules{Channels: []Rule{{Pattern: "a//b"}, {Pattern: "ok"}, {Pattern: "b", Publish: "x"}}}
	if err := several.Validate(); err == nil || !strings.Contains(err.Error(), "a//b") || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("several faults: %v", err)
	}
}

func TestEquivalentIdentities(t *testing.T) {
	p := policyOf(t, Rules{Channels: []Rule{{Pattern: "shop/{tenant}/*", Subscribe: User}}})
	base := func() Identity {
		return NewIdentity("u", []string{"a", "b"}, []string{"p"}, map[string][]string{"tenant": {"t"}, "nonce": {"1"}})
	}
	for _, c := range []struct {
		name string
		id   Identity
		want bool
	}{
		{"the same", base(), true},
		{"another order", NewIdentity("u", []string{"b", "a"}, []string{"p"}, map[string][]string{"tenant": {"t"}}), true},
		{"a claim that no rule names", NewIdentity("u", []string{"a", "b"}, []string{"p"}, map[string][]string{"tenant": {"t"}, "nonce": {"2"}}), true},
		{"another user", NewIdentity("v", []string{"a", "b"}, []string{"p"}, map[string][]string{"tenant": {"t"}}), false},
		{"a role less", NewIdentity("u", []string{"a"}, []string{"p"}, map[string][]string{"tenant": {"t"}}), false},
		{"a permission more", NewIdentity("u", []string{"a", "b"}, []string{"p", "q"}, map[string][]string{"tenant": {"t"}}), false},
		{"another tenant", NewIdentity("u", []string{"a", "b"}, []string{"p"}, map[string][]string{"tenant": {"t2"}}), false},
		{"anonymous", Identity{}, false},
	} {
		if got := p.Equivalent(base(), c.id); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if !p.Equivalent(Identity{}, Identity{}) {
		t.Error("two anonymous clients differ")
	}
}

func BenchmarkMaySubscribe(b *testing.B) {
	for _, n := range []int{0, 10, 1000} {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			rules := Rules{Subscribe: Anyone}
			for i := range n {
				rules.Channels = append(rules.Channels, Rule{Pattern: fmt.Sprintf("area%d/{user}/%s", i, []string{"*", "list", "**"}[i%3]), Subscribe: "user, role:admin"})
			}
			p := policyOf(b, rules)
			var channels []protocol.Channel
			for i := range 64 {
				channels = append(channels, protocol.Channel(fmt.Sprintf("area%d/u1/list", i*n/64)))
			}
			id := NewIdentity("u1", []string{"desk"}, nil, nil)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := p.MaySubscribe(id, channels[i%64]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
