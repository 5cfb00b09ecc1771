package feathers

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"strconv"
	"strings"

	"tidings/protocol"
)

// Account is who a connection is. The zero Account is nobody.
type Account struct {
	Token string // the access token
	User  string
}

// After returns who a connection is once the bus has taken a frame of it: a refresh makes it another one. A gateway
// counts with it from when the frame is sent, and goes back to the account before if the answer is an error.
func (a Account) After(f *protocol.ClientFrame) Account {
	if f.Type != protocol.TypeRefresh {
		return a
	}
	return Account{Token: f.Token, User: claimsOf(f.Token).user()}
}

var errLogin = notAuthenticated.because("Invalid login")

// authenticate carries out a call of the service authentication.
func authenticate(method string, args []json.RawMessage, who Account) *Ask {
	switch method {
	case "create":
		var data map[string]json.RawMessage
		if json.Unmarshal(args[0], &data) != nil {
			return refused(badRequest.because("data must be an object"))
		}
		strategy, token := textOf(data["strategy"]), textOf(data["accessToken"])
		switch {
		case strategy == "":
			return refused(notAuthenticated.because("Invalid authentication information (no `strategy` set)"))
		case strategy != "jwt":
			return logIn(strategy, data)
		case token == "":
			return refused(notAuthenticated.because("No access token"))
		}
		return signIn(token, jwt, who)
	case "remove":
		return logOut(args[0], who)
	}
	return refused(methodNotAllowed.because("Method '" + method + "' not supported by this endpoint"))
}

func textOf(raw json.RawMessage) (text string) {
	json.Unmarshal(raw, &text) // another type is no text
	return text
}

// logIn has the bus check credentials, and signs the connection in by the token that it makes.
func logIn(strategy string, credentials map[string]json.RawMessage) *Ask {
	delete(credentials, "strategy")
	data, err := json.Marshal(map[string]any{"strategy": strategy, "credentials": credentials})
	if err != nil {
		return refused(errLogin)
	}
	return &Ask{
		Frames: []protocol.ClientFrame{{Type: protocol.TypeCall, Method: "sign_in", Data: data}},
		Next: func(f *protocol.ServerFrame, who Account) *Ask {
			if f.Type == protocol.TypeError {
				return loginRefused(strategy, f)
			}
			var in struct {
				Token   string
				Profile json.RawMessage
			}
			if json.Unmarshal(f.Data, &in) != nil || in.Token == "" {
				return refused(generalError.because("the answer to the login cannot be read"))
			}
			return signIn(in.Token, how{strategy, in.Profile}, who)
		},
	}
}

func loginRefused(strategy string, f *protocol.ServerFrame) *Ask {
	switch f.Code {
	case protocol.CodeUnauthorized, protocol.CodeForbidden, protocol.CodeBadRequest:
		return refused(errLogin)
	case protocol.CodeNotFound:
		return refused(notAuthenticated.because("Invalid authentication information (strategy not allowed in authStrategies)"))
	case protocol.CodeUnsupported:
		return missing("authentication with the strategy '"+clipped(strategy)+"'", "authentication create")
	}
	return refused(FaultOf(f))
}

// how is the way in which a client signs in.
type how struct {
	strategy string
	profile  json.RawMessage // what the application says of the user; nil if it says nothing
}

var jwt = how{strategy: "jwt"}

// signIn signs the connection in by a token.
func signIn(token string, by how, who Account) *Ask {
	var frames []protocol.ClientFrame
	to := Account{Token: token, User: claimsOf(token).user()}
	if who.Token != "" && who.User != to.User { // a connection takes no token of another user: it is nobody's in between
		frames = append(frames, protocol.ClientFrame{Type: protocol.TypeRefresh})
	}
	frames = append(frames, protocol.ClientFrame{Type: protocol.TypeRefresh, Token: token})
	return &Ask{Frames: frames, Answer: func(f *protocol.ServerFrame) []byte {
		switch {
		case f.Type != protocol.TypeError:
			return to.shown(by)
		case f.Code.Row().HTTP == 401:
			return notAuthenticated.because(f.Message).Arguments()
		}
		return FaultOf(f).Arguments()
	}}
}

// logOut makes the connection nobody's. id is the token, or null.
func logOut(id json.RawMessage, who Account) *Ask {
	switch {
	case who.Token == "":
		return refused(notAuthenticated.because("Invalid authentication information (no `strategy` set)"))
	case len(id) > 0 && string(id) != "null" && textOf(id) != who.Token:
		return refused(notAuthenticated.because("Invalid access token"))
	}
	return &Ask{Frames: []protocol.ClientFrame{{Type: protocol.TypeRefresh}}, Answer: func(f *protocol.ServerFrame) []byte {
		if f.Type == protocol.TypeError {
			return FaultOf(f).Arguments()
		}
		return who.shown(jwt)
	}}
}

// shown returns the arguments of the acknowledgement of a client that signed in, or out. The user is what the token and
// the application's profile say.
func (a Account) shown(by how) []byte {
	payload := claimsOf(a.Token)
	user := map[string]any{}
	maps.Copy(user, payload)
	for _, name := range [...]string{"iss", "aud", "sub", "exp", "nbf", "iat", "jti", "_id"} {
		delete(user, name)
	}
	json.Unmarshal(by.profile, &user) // a profile that is no object says nothing
	user["id"] = a.User
	b, err := json.Marshal(map[string]any{
		"accessToken":    a.Token,
		"authentication": map[string]any{"strategy": by.strategy, "accessToken": a.Token, "payload": payload},
		"user":           user,
	})
	if err != nil {
		b = []byte("null")
	}
	return result(b)
}

// claims are those of a token, read without a check: for what concerns its own client alone.
type claims map[string]any

// claimsOf reads a token's claims. A token that cannot be read has none.
func claimsOf(token string) (c claims) {
	if parts := strings.Split(token, "."); len(parts) == 3 {
		if raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "=")); err == nil {
			json.Unmarshal(raw, &c)
		}
	}
	return c
}

func (c claims) user() string {
	switch sub := c["sub"].(type) {
	case string:
		return sub
	case float64:
		return strconv.FormatFloat(sub, 'f', -1, 64)
	}
	return ""
}
