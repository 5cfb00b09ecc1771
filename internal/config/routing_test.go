package config

import (
	"reflect"
	"strings"
	"testing"

	"tidings/access"
)

func TestRouting(t *testing.T) {
	s, err := load(t, `
rules: {subscribe: anyone}
routing:
  - {event: "messages *", if: userId, to: "user/{userId}"}
  - {event: "internal *", to: nobody}
  - if: room.id
    to: ["room/{room.id}", lobby]
  - to: authenticated
`, []string{"TIDINGS_API_KEY=" + secret})
	want := access.Routing{
		{Event: "messages *", If: "userId", To: []string{"user/{userId}"}}, {Event: "internal *"},
		{If: "room.id", To: []string{"room/{room.id}", "lobby"}}, {To: []string{"authenticated"}},
	}
	if err != nil || !reflect.DeepEqual(s.Routing, want) {
		t.Errorf("got %+v, %v", s.Routing, err)
	}
}

func TestFaultsOfRoutingAreNamed(t *testing.T) {
	const head = "api_key: " + secret + "\nrules: {subscribe: anyone}\nrouting:\n"
	for _, c := range []struct{ name, routes, want string }{
		{"no list", "  to: a", "tidings.yaml:4: routing: must be a list"},
		{"an empty list", "  []", "tidings.yaml:4: routing: must be a list"},
		{"a text", "  - authenticated", "tidings.yaml:4: route 1: must be a mapping"},
		{"an unknown field", "  - {to: a, when: b}", `tidings.yaml:4: route 1: a route does not say "when"`},
		{"a field twice", "  - to: a\n  - if: b\n    to: c\n    to: d", "tidings.yaml:7: route 2: to is set twice"},
		{"nowhere", "  - {if: a}", "tidings.yaml:4: route 1: it does not say where to"},
		{"to nothing", "  - {to: }", "route 1: to has no value"},
		{"an empty event", `  - {event: "", to: a}`, "route 1: event has no value"},
		{"no channels", "  - {to: []}", "route 1: to: names no channel"},
		{"nobody among others", "  - {to: [a, nobody]}", "route 1: to: nobody stands alone"},
		{"a number", "  - {to: 7}", "route 1: to: must be a channel"},
		{"no channel's name", `  - {to: "a b"}`, "tidings.yaml:4: route 1: to: \"a b\""},
		{"two fields in a segment", `  - {to: "{a}-{b}"}`, "one {field} at most"},
		{"an expression", `  - {if: "a > 1", to: a}`, "route 1: if: \"a > 1\" is no field"},
		{"one that never decides", "  - {to: a}\n  - {if: b, to: c}", "tidings.yaml:4: routing: route 2: it never decides, since route 1"},
	} {
		_, err := load(t, head+c.routes+"\n", nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := load(t, "rules: {subscribe: anyone}\n", []string{"TIDINGS_API_KEY=" + secret, "TIDINGS_ROUTING=a"}); err == nil || !strings.Contains(err.Error(), "in the file alone") {
		t.Errorf("the environment: got %v", err)
	}
}
