package access

import (
	"strings"
	"testing"

	"tidings/protocol"
)

// What is explained is what is decided, and each reason says what a reader needs to know.
func TestExplanationsAgreeWithDecisions(t *testing.T) {
	p := policyOf(t, Rules{Channels: []Rule{
		{Pattern: "visitor-management/**", Subscribe: Anyone, Presence: User, Write: User},
		{Pattern: "visitor-management/arrival/{user}", Subscribe: User, Publish: "user, role:desk"},
		{Pattern: "admin/**", Subscribe: "role:admin", Publish: "permission:orders:read"},
		{Pattern: "shop/{tenant}/*", Subscribe: "user", Presence: "user"},
		{Pattern: "hidden/*", Presence: User},
		{Pattern: "between/{user}/and/{user}", Subscribe: User, Publish: User},
	}})
	for _, c := range []struct{ by, ch, rule, subscribe, publish string }{
		{"ann", "news", "", "no client may", "no client may"},
		{"nobody", "visitor-management/desk", "visitor-management/**", "anyone may", "no client may"},
		{"ann", "visitor-management/arrival/ann", "visitor-management/arrival/{user}", "the channel is of this user", "the channel is of this user"},
		{"bob", "visitor-management/arrival/ann", "visitor-management/arrival/{user}", `the channel is of user "ann"`, `the token has the role "desk"`},
		{"nobody", "visitor-management/arrival/ann", "visitor-management/arrival/{user}", "the client is anonymous, and the rule asks for user", "asks for user, role:desk"},
		{"bob", "admin/x", "admin/**", `the token has the role "admin"`, `the token has the permission "orders:read"`},
		{"cy/1", "admin/x", "admin/**", `the role "admin" is not among the token's: admins`, `the permission "orders:read" is not among the token's: none`},
		{"bob", "shop/t2/x", "shop/{tenant}/*", "the client is signed in", "no client may"},
		{"cy/1", "shop/t2/x", "shop/{tenant}/*", `the channel is of tenant "t2", and the token's claim is t3`, "no client may"},
		{"ann", "between/ann/and/bob", "between/{user}/and/{user}", `the channel is of user "bob"`, `the channel is of user "bob"`},
		{"ann", "between/bob/and/ann", "between/{user}/and/{user}", `the channel is of user "bob"`, `the channel is of user "bob"`},
		{"ann", "hidden/x", "hidden/*", "no client may", "no client may"},
	} {
		d := p.Explain(who[c.by], protocol.Channel(c.ch))
		if d.Rule != c.rule || !strings.Contains(d.Subscribe.Why, c.subscribe) || !strings.Contains(d.Publish.Why, c.publish) {
			t.Errorf("%s by %s: got %+v", c.ch, c.by, d)
		}
		for name, id := range who {
			ch := protocol.Channel(c.ch)
			d := p.Explain(id, ch)
			if d.Subscribe.Allowed != (p.MaySubscribe(id, ch) == nil) || d.Publish.Allowed != (p.MayPublish(id, ch) == nil) || d.Presence.Allowed != (maySeePresence(p, id, ch) == nil) || d.Write.Allowed != (p.MayWrite(id, ch) == nil) {
				t.Errorf("%s by %s: explained as %+v, which is not what is decided", ch, name, d)
			}
			if d.Subscribe.Why == "" || d.Publish.Why == "" || d.Presence.Why == "" || d.Write.Why == "" {
				t.Errorf("%s by %s: no reason: %+v", ch, name, d)
			}
		}
	}
}
