package access

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tidings/protocol"
)

var fiveJoins = Joins{Anonymous: []string{"anonymous"}, Authenticated: []string{"authenticated", "user/{user}", "role/{role}", "permission/{permission}"}}

// B52: what a token says fills one segment of a name, whatever it is, or none.
func TestB52_Joins(t *testing.T) {
	for _, tt := range []struct {
		name  string
		joins Joins
		id    Identity
		want  string
		left  int
	}{
		{name: "nothing is configured", id: NewIdentity("u1", []string{"r"}, nil, nil), want: "[]"},
		{name: "an anonymous client", joins: fiveJoins, want: "[anonymous]"},
		{name: "a user", joins: fiveJoins, id: NewIdentity("u1", []string{"a", "b"}, []string{"p.q"}, nil), want: "[authenticated user/u1 role/a role/b permission/p.q]"},
		{name: "a user without roles", joins: fiveJoins, id: NewIdentity("u1", nil, nil, nil), want: "[authenticated user/u1]"},
		{name: "a claim", joins: Joins{Authenticated: []string{"shop/{tenant}/news"}}, id: NewIdentity("u1", nil, nil, map[string][]string{"tenant": {"t1", "t2"}}), want: "[shop/t1/news shop/t2/news]"},
		{name: "a claim that the token lacks", joins: Joins{Authenticated: []string{"shop/{tenant}"}}, id: NewIdentity("u1", nil, nil, nil), want: "[]"},
		{name: "two placeholders", joins: Joins{Authenticated: []string{"{tenant}/{role}"}}, id: NewIdentity("u1", []string{"a", "b"}, nil, map[string][]string{"tenant": {"t1", "t2"}}), want: "[t1/a t1/b t2/a t2/b]"},
		{name: "one name in two ways", joins: Joins{Authenticated: []string{"x/{user}", "x/{role}"}}, id: NewIdentity("u1", []string{"u1"}, nil, nil), want: "[x/u1]"},
		{name: "a user with a slash", joins: fiveJoins, id: NewIdentity("u1/x", nil, nil, nil), want: "[authenticated]", left: 1},
		{name: "a user that is a level up", joins: fiveJoins, id: NewIdentity("..", nil, nil, nil), want: "[authenticated]", left: 1},
		{name: "roles of which some are no segments", joins: fiveJoins, id: NewIdentity("u1", []string{"a b", "ok", "", "/", "$r", "é"}, nil, nil), want: "[authenticated user/u1 role/ok]", left: 5},
		{name: "a name that is too long", joins: Joins{Authenticated: []string{strings.Repeat("x", 100) + "/{user}"}}, id: NewIdentity(strings.Repeat("u", 100), nil, nil, nil), want: "[]", left: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, left := policyOf(t, Rules{Joins: tt.joins}).Joins(tt.id)
			if fmt.Sprint(got) != tt.want || left != tt.left {
				t.Errorf("got %v and %d left out, want %s and %d", got, left, tt.want, tt.left)
			}
		})
	}
}

func TestJoinsAreBounded(t *testing.T) {
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprint("r", i))
	}
	p := policyOf(t, Rules{Joins: Joins{Authenticated: []string{"{role}/{permission}", "user/{user}"}}})
	list, left := p.Joins(NewIdentity("u1", many, many, nil))
	if len(list) != MaxJoins || left == 0 || slices.Contains(list, "user/u1") {
		t.Errorf("%d joins, %d left out", len(list), left)
	}
}

func TestJoinsThatAreNone(t *testing.T) {
	for _, tt := range []struct {
		name  string
		joins Joins
		want  string
	}{
		{"a star", Joins{Authenticated: []string{"news/*"}}, `Joins.Authenticated: "news/*": "*" names no channel`},
		{"two stars", Joins{Anonymous: []string{"**"}}, `Joins.Anonymous: "**": "*" names no channel`},
		{"a placeholder of nobody", Joins{Anonymous: []string{"user/{user}"}}, "nothing is known of an anonymous client"},
		{"no channel", Joins{Authenticated: []string{"a//b"}}, "Joins.Authenticated: pattern"},
		{"nothing", Joins{Anonymous: []string{""}}, "Joins.Anonymous: pattern"},
		{"part of a segment", Joins{Authenticated: []string{"user-{user}"}}, "a placeholder is a whole segment"},
		{"a name of the server's", Joins{Authenticated: []string{"$reply/{user}"}}, "is no segment"},
		{"the same twice", Joins{Authenticated: []string{"a", "a"}}, "is said twice"},
		{"too many", Joins{Authenticated: make([]string, MaxJoins+1)}, "65 channels, at most 64"},
	} {
		if _, err := (Rules{Joins: tt.joins}).Compile(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

// A session is not taken up by who would be put elsewhere.
func TestJoinsTellIdentitiesApart(t *testing.T) {
	p := policyOf(t, Rules{Joins: Joins{Authenticated: []string{"shop/{tenant}"}}})
	a, b := NewIdentity("u1", nil, nil, map[string][]string{"tenant": {"t1"}}), NewIdentity("u1", nil, nil, map[string][]string{"tenant": {"t2"}})
	if p.Equivalent(a, b) || !p.Equivalent(a, a) {
		t.Error("users of two tenants are taken for one")
	}
	if !p.NeedsIdentity() || policyOf(t, Rules{Joins: Joins{Anonymous: []string{"a"}}}).NeedsIdentity() {
		t.Error("joins of users need tokens, and others none")
	}
}

func TestExplainNamesTheJoin(t *testing.T) {
	p := policyOf(t, Rules{Subscribe: Nobody, Presence: Anyone, Joins: fiveJoins})
	id := NewIdentity("u1", []string{"a"}, nil, nil)
	for ch, join := range map[protocol.Channel]string{"user/u1": "user/{user}", "role/a": "role/{role}", "authenticated": "authenticated", "user/u2": "", "anonymous": ""} {
		d := p.Explain(id, ch)
		if d.Join != join || d.Subscribe.Allowed != (join != "") || d.Presence.Allowed != (join != "") || strings.Contains(d.Subscribe.Why, "join") != (join != "") {
			t.Errorf("%s: got %+v", ch, d)
		}
	}
}

func FuzzJoins(f *testing.F) {
	f.Add("user/{user}", "u1", "a b")
	f.Add("{role}/{user}", "../x", "$")
	f.Add("a/{role}/{role}", "", "r/s")
	f.Fuzz(func(t *testing.T, pattern, user, role string) {
		p, err := (Rules{Joins: Joins{Authenticated: []string{pattern}}}).Compile()
		if err != nil {
			return
		}
		list, _ := p.Joins(NewIdentity("x"+user, []string{role}, nil, nil))
		for _, ch := range list {
			if _, err := protocol.ParseChannel(string(ch)); err != nil || strings.Count(string(ch), "/") != strings.Count(pattern, "/") {
				t.Fatalf("%q for %q and %q gives %q: %v", pattern, user, role, ch, err)
			}
		}
	})
}
