package feathers

import (
	"encoding/base64"
	"strings"
	"testing"

	"tidings/protocol"
)

func token(claims string) string {
	return "x." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".y"
}

var (
	ofAnn = Account{Token: token(`{"sub":"ann"}`), User: "ann"}
	ofBob = Account{Token: token(`{"sub":"bob"}`), User: "bob"}
)

func TestAnotherUserIsNobodyInBetween(t *testing.T) {
	for _, row := range []struct {
		before Account
		frames int
	}{{Account{}, 1}, {ofBob, 1}, {ofAnn, 2}, {Account{Token: "of no user"}, 2}} {
		ask := services(t).Call("create", args(t, `["authentication",{"strategy":"jwt","accessToken":"`+ofBob.Token+`"}]`), row.before)
		if len(ask.Frames) != row.frames || ask.Frames[len(ask.Frames)-1].Token != ofBob.Token || ask.Frames[0].Token != "" && row.frames == 2 {
			t.Errorf("after %q: %+v", row.before, ask.Frames)
		}
		who := row.before
		for _, f := range ask.Frames {
			who = who.After(&f)
		}
		if who != ofBob {
			t.Errorf("after %q it is %+v", row.before, who)
		}
	}
	if who := ofAnn.After(&protocol.ClientFrame{Type: protocol.TypeCall}); who != ofAnn {
		t.Errorf("a call makes ann %+v", who)
	}
}

func TestLogin(t *testing.T) {
	const login = `["authentication",{"strategy":"local","email":"ann@example.org","password":"right"},{}]`
	signed := token(`{"iss":"us","sub":"ann","exp":9,"_id":"ann","email":"ann@example.org"}`)
	for _, row := range []struct {
		name          string
		answer        protocol.ServerFrame // to the call of sign_in
		before        Account
		frames        int    // asked after it
		refused, want string // why not, or the answer once the bus has taken the token
	}{
		{name: "right", answer: protocol.ServerFrame{Data: []byte(`{"token":"` + signed + `","user":"ann"}`)}, frames: 1,
			want: `[null,{"accessToken":"TOKEN","authentication":{"accessToken":"TOKEN","payload":{"_id":"ann","email":"ann@example.org","exp":9,"iss":"us","sub":"ann"},"strategy":"local"},"user":{"email":"ann@example.org","id":"ann"}}]`},
		{name: "with a profile", answer: protocol.ServerFrame{Data: []byte(`{"token":"` + signed + `","profile":{"email":"a@b","id":"no"}}`)}, frames: 1,
			want: `[null,{"accessToken":"TOKEN","authentication":{"accessToken":"TOKEN","payload":{"_id":"ann","email":"ann@example.org","exp":9,"iss":"us","sub":"ann"},"strategy":"local"},"user":{"email":"a@b","id":"ann"}}]`},
		{name: "with a profile that is no object", answer: protocol.ServerFrame{Data: []byte(`{"token":"` + signed + `","profile":[1]}`)}, frames: 1,
			want: `[null,{"accessToken":"TOKEN","authentication":{"accessToken":"TOKEN","payload":{"_id":"ann","email":"ann@example.org","exp":9,"iss":"us","sub":"ann"},"strategy":"local"},"user":{"email":"ann@example.org","id":"ann"}}]`},
		{name: "as somebody else", answer: protocol.ServerFrame{Data: []byte(`{"token":"` + signed + `"}`)}, before: ofBob, frames: 2,
			want: `[null,{"accessToken":"TOKEN","authentication":{"accessToken":"TOKEN","payload":{"_id":"ann","email":"ann@example.org","exp":9,"iss":"us","sub":"ann"},"strategy":"local"},"user":{"email":"ann@example.org","id":"ann"}}]`},
		{name: "wrong", answer: protocol.ServerFrame{Code: protocol.CodeUnauthorized}, refused: "NotAuthenticated: Invalid login"},
		{name: "no password", answer: protocol.ServerFrame{Code: protocol.CodeBadRequest}, refused: "NotAuthenticated: Invalid login"},
		{name: "refused by the application", answer: protocol.ServerFrame{Code: protocol.CodeForbidden}, refused: "NotAuthenticated: Invalid login"},
		{name: "another strategy", answer: protocol.ServerFrame{Code: protocol.CodeNotFound}, refused: "NotAuthenticated: Invalid authentication information (strategy not allowed in authStrategies)"},
		{name: "too often", answer: protocol.ServerFrame{Code: protocol.CodeRateLimited, Message: "too many"}, refused: "TooManyRequests: too many"},
		{name: "nobody checks", answer: protocol.ServerFrame{Code: protocol.CodeUnsupported}, refused: "NotImplemented: authentication with the strategy 'local' is not offered by this server"},
		{name: "an answer of nothing", answer: protocol.ServerFrame{Data: []byte(`{}`)}, refused: "GeneralError: the answer to the login cannot be read"},
	} {
		ask := services(t).Call("create", args(t, login), row.before)
		if f := ask.Frames[0]; f.Method != "sign_in" || string(f.Data) != `{"credentials":{"email":"ann@example.org","password":"right"},"strategy":"local"}` {
			t.Fatalf("the bus is asked %s with %s", f.Method, f.Data)
		}
		row.answer.Type = protocol.TypeReply
		if row.answer.Code != "" {
			row.answer.Type = protocol.TypeError
		}
		next := ask.Next(&row.answer, row.before)
		if row.refused != "" {
			if next.Refused == nil || next.Refused.Name+": "+next.Refused.Message != row.refused || (row.answer.Code == protocol.CodeUnsupported) != (next.Missing != "") {
				t.Errorf("%s: got %+v, want %s", row.name, next, row.refused)
			}
			continue
		}
		if len(next.Frames) != row.frames || next.Frames[len(next.Frames)-1].Token != signed {
			t.Errorf("%s: the bus is asked %+v", row.name, next.Frames)
		}
		if got := strings.ReplaceAll(string(next.Answer(&protocol.ServerFrame{Type: protocol.TypeReply})), signed, "TOKEN"); got != row.want {
			t.Errorf("%s:\ngot  %s\nwant %s", row.name, got, row.want)
		}
	}
}

func TestTokenThatIsNotTaken(t *testing.T) {
	for code, want := range map[protocol.Code]string{protocol.CodeUnauthorized: "NotAuthenticated", protocol.CodeTokenExpired: "NotAuthenticated", protocol.CodeRateLimited: "TooManyRequests", protocol.CodeUnsupported: "NotImplemented"} {
		ask := services(t).Call("create", args(t, `["authentication",{"strategy":"jwt","accessToken":"nonsense"}]`), Account{})
		if got := string(ask.Answer(&protocol.ServerFrame{Type: protocol.TypeError, Code: code, Message: "why"})); !strings.HasPrefix(got, `[{"name":"`+want+`","message":"why"`) {
			t.Errorf("%s is answered %s", code, got)
		}
	}
}

func TestLogout(t *testing.T) {
	for _, row := range []struct {
		name, id string
		who      Account
		want     string // the error, or "" for none
	}{
		{"usual", `null`, ofAnn, ""},
		{"with the token", `"` + ofAnn.Token + `"`, ofAnn, ""},
		{"with another token", `"` + ofBob.Token + `"`, ofAnn, "Invalid access token"},
		{"with an id of another type", `7`, ofAnn, "Invalid access token"},
		{"by nobody", `null`, Account{}, "Invalid authentication information (no `strategy` set)"},
	} {
		ask := services(t).Call("remove", args(t, `["authentication",`+row.id+`,{}]`), row.who)
		if row.want != "" {
			if ask.Refused == nil || ask.Refused.Message != row.want {
				t.Errorf("%s: %+v, want %s", row.name, ask, row.want)
			}
			continue
		}
		if len(ask.Frames) != 1 || ask.Frames[0].Type != protocol.TypeRefresh || ask.Frames[0].Token != "" {
			t.Errorf("%s: the bus is asked %+v", row.name, ask.Frames)
		}
		want := `[null,{"accessToken":"` + ofAnn.Token + `","authentication":{"accessToken":"` + ofAnn.Token + `","payload":{"sub":"ann"},"strategy":"jwt"},"user":{"id":"ann"}}]`
		if got := string(ask.Answer(&protocol.ServerFrame{Type: protocol.TypeReply})); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", row.name, got, want)
		}
	}
}
