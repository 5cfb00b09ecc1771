package access

import (
	"errors"
	"strings"
	"testing"

	"tidings/protocol"
)

func TestRules(t *testing.T) {
	for _, c := range []struct {
		name                         string
		rules                        Rules
		subscribe, publish, presence bool
	}{
		{name: "default", rules: DefaultRules(), subscribe: true},
		{name: "zero, as default", subscribe: true},
		{name: "open", rules: Rules{Subscribe: Anyone, Publish: Anyone, Presence: Anyone}, subscribe: true, publish: true, presence: true},
		{name: "presence of channels that nobody may hear", rules: Rules{Subscribe: Nobody, Presence: Anyone}},
		{name: "closed", rules: Rules{Subscribe: Nobody, Publish: Nobody}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.rules.Validate(); err != nil {
				t.Fatal(err)
			}
			check(t, "subscribe", c.rules.MaySubscribe(Identity{}, "a"), c.subscribe)
			check(t, "publish", c.rules.MayPublish(Identity{}, "a"), c.publish)
			check(t, "presence", c.rules.MaySeePresence(Identity{}, "a"), c.presence)
		})
	}
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

func TestValidateNamesTheField(t *testing.T) {
	for _, c := range []struct {
		rules Rules
		want  string
	}{
		{Rules{Subscribe: "everyone"}, "Subscribe"},
		{Rules{Publish: "Anyone"}, "Publish"},
		{Rules{Presence: "all"}, "Presence"},
	} {
		if err := c.rules.Validate(); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%+v: got %v", c.rules, err)
		}
	}
}

func TestIdentity(t *testing.T) {
	id, err := DefaultRules().Identify("whatever")
	if err != nil || !id.Anonymous() {
		t.Errorf("a token that cannot be verified gave %+v, %v", id, err)
	}
	if (Identity{User: "u"}).Anonymous() {
		t.Error("u is anonymous")
	}
}
