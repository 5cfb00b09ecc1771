package kuzzle

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tidings/protocol"
)

// sign makes the client who a token says, and calls then: with the fault if the bus did not take the token. Requests
// that come meanwhile wait. "" signs out.
func (t *talk) sign(token string, then func(*fault)) {
	t.signing = true
	user := userOf(token)
	done := func(f *protocol.ServerFrame) {
		t.signing = false
		var wrong *fault
		if f.Type == protocol.TypeError {
			wrong = signFault(f)
		} else {
			t.token, t.user = token, user
		}
		then(wrong)
		if t.lost {
			t.end("a subscription is not the new user's: the client subscribes anew")
			return
		}
		for len(t.held) > 0 && !t.signing {
			r := t.held[0]
			t.held = t.held[1:]
			t.begin(r)
		}
	}
	if token != "" && t.user != anonymous && t.user != user {
		// a connection takes no token of another user: it is nobody's in between
		t.ask(protocol.ClientFrame{Type: protocol.TypeRefresh}, func(*protocol.ServerFrame) { t.token, t.user = "", anonymous })
	}
	t.ask(protocol.ClientFrame{Type: protocol.TypeRefresh, Token: token}, done)
}

func signFault(f *protocol.ServerFrame) *fault {
	switch f.Code {
	case protocol.CodeUnsupported:
		return failure(notSupported, "a token (this server checks none)")
	case protocol.CodeTokenExpired:
		return failure(expiredToken)
	case protocol.CodeRateLimited, protocol.CodeLimitReached, protocol.CodeLimitExceeded:
		return failure(tooManyRequests)
	}
	return failure(invalidToken)
}

// claims are those of a token that the client is told.
type claims struct {
	ID      string   `json:"_id"`
	Subject string   `json:"sub"`
	Expires int64    `json:"exp"` // seconds
	Roles   []string `json:"roles"`
}

// claimsOf reads a token's claims without a check: for what concerns the client alone.
func claimsOf(token string) (c claims) {
	parts := strings.Split(token, ".")
	if len(parts) == 3 {
		if raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "=")); err == nil {
			json.Unmarshal(raw, &c)
		}
	}
	return c
}

func userOf(token string) string {
	if user := claimsOf(token).Subject; user != "" {
		return user
	}
	return anonymous
}

// login is auth:login: the bus checks the credentials, and the token that it makes is that of the connection from then
// on.
func (t *talk) login(r *request) *fault {
	strategy, wrong := r.text("strategy", "")
	switch {
	case wrong != nil:
		return wrong
	case strategy == "":
		return failure(missingArgument, "strategy")
	case r.flag("cookieAuth"):
		return t.lang.lacks("auth:login with cookieAuth")
	}
	if _, wrong := r.object(); wrong != nil {
		return wrong
	}
	data := appendRaw(appendText([]byte(`{"strategy":`), strategy), "credentials", r.body)
	if raw := r.args["expiresIn"]; raw != nil {
		ttl, ok := lifetime(raw)
		if !ok {
			return failure(invalidArgument, "expiresIn", `a number of milliseconds, or a text such as "1h"`)
		}
		data = appendInt(data, "ttl", ttl)
	}
	t.ask(protocol.ClientFrame{Type: protocol.TypeCall, Method: "sign_in", Data: append(data, '}')}, func(f *protocol.ServerFrame) {
		var in struct {
			Token, User  string
			Expires, TTL int64
		}
		if f.Type == protocol.TypeError {
			t.refuse(r, t.loginFault(r, strategy, f))
			return
		}
		json.Unmarshal(f.Data, &in)
		t.sign(in.Token, func(wrong *fault) {
			if wrong != nil {
				t.refuse(r, wrong)
				return
			}
			result := appendMember(appendText([]byte(`{"_id":`), in.User), "jwt", in.Token)
			t.answer(r, append(appendInt(appendInt(result, "expiresAt", in.Expires), "ttl", in.TTL), '}'))
		})
	})
	return nil
}

func (t *talk) loginFault(r *request, strategy string, f *protocol.ServerFrame) *fault {
	switch f.Code {
	case protocol.CodeNotFound:
		return failure(noStrategy, protocol.Cut(strategy, maxNameBytes))
	case protocol.CodeRateLimited:
		return failure(tooManyLogins)
	case protocol.CodeUnauthorized, protocol.CodeForbidden, protocol.CodeBadRequest:
		return failure(rejected)
	}
	return refusal(r, t.asker(), f.Code, f.Message)
}

// lifetime reads expiresIn: milliseconds, or a text such as "1h" or "2 days".
func lifetime(raw []byte) (ms int64, ok bool) {
	if n, err := protocol.ReadUint(raw); err == nil {
		return int64(n), n > 0
	}
	text, err := protocol.ReadString(raw)
	if err != nil {
		return 0, false
	}
	digits := strings.TrimLeft(text, "0123456789")
	n, err := strconv.ParseInt(text[:len(text)-len(digits)], 10, 32)
	if err != nil || n < 1 {
		return 0, false
	}
	units := map[string]int64{"": 1, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "day": 86_400_000, "days": 86_400_000, "w": 604_800_000}
	unit, known := units[strings.TrimSpace(digits)]
	return n * unit, known
}

// checkToken is auth:checkToken. The SDK asks with each connection; it does not care whether there is a token. One that
// is good is that of the connection from then on.
func (t *talk) checkToken(r *request) *fault {
	token := ""
	if r.body != nil && r.body[0] == '{' {
		protocol.ReadObject(r.body, func(name string, value []byte) error { // it was read before
			if name == "token" {
				token, _ = protocol.ReadString(value)
			}
			return nil
		})
	}
	switch {
	case token == "":
		t.answer(r, []byte(`{"valid":true,"kuid":"-1","expiresAt":null}`))
	case token == t.token:
		t.answer(r, checked(token))
	case len(token) > protocol.MaxTokenBytes:
		t.answer(r, []byte(`{"valid":false,"state":"Invalid token."}`))
	default:
		t.sign(token, func(wrong *fault) {
			if wrong == nil {
				t.answer(r, checked(token))
			} else if wrong.status == 401 {
				t.answer(r, append(appendMember([]byte(`{"valid":false`), "state", wrong.message), '}'))
			} else {
				t.refuse(r, wrong)
			}
		})
	}
	return nil
}

func checked(token string) []byte {
	c := claimsOf(token)
	result := appendMember([]byte(`{"valid":true`), "kuid", userOf(token))
	expires := int64(-1)
	if c.Expires > 0 {
		expires = c.Expires * 1000
	}
	return append(strconv.AppendInt(append(result, `,"expiresAt":`...), expires, 10), '}')
}

// logout is auth:logout: subscriptions end with the token.
func (t *talk) logout(r *request) *fault {
	if r.overHTTP {
		return t.lang.lacks("auth:logout over HTTP")
	}
	t.leaveAll()
	t.sign("", func(wrong *fault) {
		if wrong != nil {
			t.refuse(r, wrong)
			return
		}
		t.answer(r, []byte(`{"acknowledged":true}`))
	})
	return nil
}

// expired makes the client nobody, without subscriptions, once its token's time is over. The session is
// anonymous by now.
func (t *talk) expired() {
	t.token, t.user = "", anonymous
	t.say(appendTokenExpired(nil, t.lang.node))
	t.leaveAll()
}

// leaveAll ends all subscriptions.
func (t *talk) leaveAll() {
	for id, of := range t.rooms {
		delete(t.rooms, id)
		for _, h := range of.scopes {
			t.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: of.place, Room: h.native()}, func(*protocol.ServerFrame) {})
		}
	}
}

// getCurrentUser is auth:getCurrentUser, as far as a token says it.
func (t *talk) getCurrentUser(r *request) *fault {
	show := func(wrong *fault) {
		if wrong != nil {
			t.refuse(r, wrong)
			return
		}
		profiles := claimsOf(t.token).Roles
		if t.user == anonymous {
			profiles = []string{"anonymous"}
		}
		if profiles == nil {
			profiles = []string{}
		}
		names, _ := json.Marshal(profiles)
		result := appendText([]byte(`{"_id":`), t.user)
		result = appendRaw(append(result, `,"_source":{"name":null`...), "profileIds", names)
		t.answer(r, append(result, `},"strategies":[]}`...))
	}
	if r.jwt != nil && *r.jwt != t.token {
		t.sign(*r.jwt, show)
		return nil
	}
	show(nil)
	return nil
}

// getStrategies is auth:getStrategies.
func (t *talk) getStrategies(r *request) *fault {
	if t.lang.Strategies == nil {
		return t.lang.lacks("auth:getStrategies of an application")
	}
	list, _ := json.Marshal(t.lang.Strategies)
	t.answer(r, list)
	return nil
}

// getMyRights is auth:getMyRights: all actions that there are. The rules of channels decide about those that concern a
// collection, each time.
func (t *talk) getMyRights(r *request) *fault {
	hits := []byte{'['}
	for _, controller := range slices.Sorted(maps.Keys(t.lang.actions)) {
		value := "conditional"
		if controller == "auth" || controller == "server" {
			value = "allowed"
		}
		for _, name := range slices.Sorted(maps.Keys(t.lang.actions[controller])) {
			hit := appendMember(appendText(separated(hits, `{"controller":`), controller), "action", name)
			hits = append(appendMember(hit, "value", value), `,"index":"*","collection":"*"}`...)
		}
	}
	t.answer(r, append(append([]byte(`{"hits":`), hits...), "]}"...))
	return nil
}
