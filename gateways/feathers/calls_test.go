package feathers

import (
	"strings"
	"testing"

	"tidings/protocol"
)

// A client is who its last token says from when it was sent, and who it was before if the bus did not take it.
func TestWhoAClientIs(t *testing.T) {
	const ann, bob = "x.eyJzdWIiOiJhbm4ifQ.y", "x.eyJzdWIiOiJib2IifQ.y"
	c := Calls{Services: services(t), Acknowledge: func(dst, id, arguments []byte) []byte { return dst }}
	for _, row := range []struct{ name, token, answer, want, user string }{
		{"ann", ann, protocol.TypeReply, "refresh " + ann, "ann"},
		{"ann again", ann, protocol.TypeReply, "refresh " + ann, "ann"},
		{"bob, whose token is not taken: nobody", bob, protocol.TypeError, "refresh; refresh " + bob, ""},
		{"bob", bob, protocol.TypeReply, "refresh " + bob, "bob"},
	} {
		asked, _ := c.Event("create", args(t, `["authentication",{"strategy":"jwt","accessToken":"`+row.token+`"},{}]`), []byte("1"))
		var frames []string
		for _, f := range asked {
			frames = append(frames, strings.TrimSpace(f.Type+" "+f.Token))
		}
		if got := strings.Join(frames, "; "); got != row.want {
			t.Errorf("%s: asks %s, want %s", row.name, got, row.want)
		}
		if c.Answer(nil, &protocol.ServerFrame{Type: row.answer, ID: asked[len(asked)-1].ID, Code: protocol.CodeUnauthorized}); c.who.User != row.user {
			t.Errorf("%s: it is %q, want %q", row.name, c.who.User, row.user)
		}
	}
	if c.Become(Account{}); c.who != (Account{}) {
		t.Errorf("with its token over it is %+v", c.who)
	}
}
