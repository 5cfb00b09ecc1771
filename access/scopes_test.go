package access

import (
	"errors"
	"strings"
	"testing"

	"tidings/protocol"
)

func backend(t *testing.T, scopes string) Backend {
	t.Helper()
	keys, err := NewKeys(strings.TrimSpace("billing " + good + " " + scopes))
	if err != nil {
		t.Fatal(err)
	}
	b, ok := keys.Find(good)
	if !ok {
		t.Fatal("the key is not found")
	}
	return b
}

func TestScopes(t *testing.T) {
	for _, c := range []struct {
		scopes  string
		do      Action
		channel protocol.Channel // "": everywhere
		want    bool
	}{
		{"", ActionPublish, "a", true},
		{"", ActionAdmin, "", true},
		{"", ActionMetrics, "", true},
		{"publish=billing/**", ActionPublish, "billing/new", true},
		{"publish=billing/**", ActionPublish, "billing/new/eu", true},
		{"publish=billing/**", ActionPublish, "billing", false},
		{"publish=billing/**", ActionPublish, "billings/new", false},
		{"publish=billing/**", ActionPublish, "shop/new", false},
		{"publish=billing/**", ActionRead, "billing/new", false},
		{"publish=billing/**", ActionAdmin, "billing/new", false},
		{"publish=billing/**", ActionMetrics, "", false},
		{"publish=billing/*", ActionPublish, "billing/new", true},
		{"publish=billing/*", ActionPublish, "billing/new/eu", false},
		{"publish=billing/* publish=shop", ActionPublish, "shop", true},
		{"read=a publish=b", ActionRead, "b", false},
		{"admin=orders/**", ActionAdmin, "orders/1", true},
		{"admin=orders/**", ActionAdmin, "", false},
		{"admin=*", ActionAdmin, "", false},
		{"admin=**", ActionAdmin, "", true},
		{"admin=**", ActionAdmin, "a/b/c", true},
		{"admin=**", ActionPublish, "a", false},
		{"admin=**", ActionMetrics, "", false},
		{"metrics", ActionMetrics, "", true},
		{"metrics", ActionRead, "a", false},
	} {
		b := backend(t, c.scopes)
		var err error
		if c.channel == "" {
			err = b.MayEverywhere(c.do)
		} else {
			err = b.May(c.do, c.channel)
			if b.Allows(c.do, c.channel) != (err == nil) {
				t.Errorf("%q: Allows(%s, %q) contradicts May", c.scopes, c.do, c.channel)
			}
		}
		if (err == nil) != c.want {
			t.Errorf("%q: %s in %q: got %v", c.scopes, c.do, c.channel, err)
		}
	}
}

func TestRefusalNamesTheScopesAndNotTheKey(t *testing.T) {
	err := backend(t, "publish=billing/** metrics").May(ActionRead, "shop")
	var e *protocol.Error
	if !errors.As(err, &e) || e.Code != protocol.CodeForbidden {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(e.Reason, `"billing"`) || !strings.Contains(e.Reason, `"read"`) || !strings.Contains(e.Hint, "publish=billing/** metrics") {
		t.Errorf("got %q, %q", e.Reason, e.Hint)
	}
	if strings.Contains(e.Reason+e.Hint, good) {
		t.Error("the error shows the key")
	}
}

func TestNobodyMayDoNothing(t *testing.T) {
	var b Backend
	for _, err := range []error{b.May(ActionRead, "a"), b.MaySomewhere(ActionAdmin), b.MayEverywhere(ActionMetrics)} {
		if !errors.Is(err, &protocol.Error{Code: protocol.CodeUnauthorized}) {
			t.Errorf("got %v", err)
		}
	}
	if b.Allows(ActionRead, "a") || Trusted("dev").May(ActionAdmin, "a") != nil {
		t.Error("nobody is trusted, or who is trusted is not")
	}
}
