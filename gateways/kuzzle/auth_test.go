package kuzzle

import (
	"testing"

	"tidings/protocol"
)

const publishWith = `{"requestId":"q","controller":"realtime","action":"publish","index":"i","collection":"c","body":{},"jwt":"`

// A request's token is shown to the bus first, and what comes meanwhile waits.
func TestTokenOfARequest(t *testing.T) {
	c := newClient(t)
	ann, bob := token(`{"sub":"ann","exp":2000000000}`), token(`{"sub":"bob"}`)
	c.send(publishWith + ann + `"}`)
	c.send(`{"requestId":"q2","controller":"server","action":"now"}`)
	refresh := c.native(protocol.TypeRefresh)
	if refresh.Token != ann || len(c.asked) != 0 {
		t.Fatalf("the session is asked %+v and %v", refresh, c.asked)
	}
	got := c.tell(&protocol.ServerFrame{Type: protocol.TypeReply, ID: refresh.ID})
	if c.native(protocol.TypePublish); c.user != "ann" || len(got) != 1 || got[0]["room"] != "q2" {
		t.Fatalf("it is %s, and hears %v", c.user, got)
	}
	c.send(publishWith + ann + `"}`)
	c.native(protocol.TypePublish) // the same token again
	c.send(publishWith + bob + `"}`)
	if out, in := c.native(protocol.TypeRefresh), c.native(protocol.TypeRefresh); out.Token != "" || in.Token != bob {
		t.Errorf("for another user the session is asked %+v and %+v", out, in)
	}
}

func TestTokenThatIsNone(t *testing.T) {
	for code, id := range map[protocol.Code]string{protocol.CodeUnauthorized: invalidToken, protocol.CodeTokenExpired: expiredToken, protocol.CodeUnsupported: notSupported} {
		c := newClient(t)
		c.send(publishWith + `nonsense"}`)
		f := c.native(protocol.TypeRefresh)
		got := c.tell(&protocol.ServerFrame{Type: protocol.TypeError, ID: f.ID, Code: code})
		if len(got) != 1 || got[0]["error"].(object)["id"] != id || got[0]["room"] != "q" || len(c.asked) != 0 {
			t.Errorf("%s: heard %v, and the session is asked %v", code, got, c.asked)
		}
	}
}

func TestLogin(t *testing.T) {
	const login = `{"requestId":"q","controller":"auth","action":"login","strategy":"local","body":{"username":"ann","password":"right"},"expiresIn":"1h","cookieAuth":false}`
	c := newClient(t)
	c.send(login)
	f := c.native(protocol.TypeCall)
	if f.Method != "sign_in" || string(f.Data) != `{"strategy":"local","credentials":{"username":"ann","password":"right"},"ttl":3600000}` {
		t.Errorf("the bus is asked %s with %s", f.Method, f.Data)
	}
	ann := token(`{"sub":"ann"}`)
	c.tell(&protocol.ServerFrame{Type: protocol.TypeReply, ID: f.ID, Data: []byte(`{"token":"` + ann + `","user":"ann","expires":9,"ttl":8}`)})
	got := c.tell(&protocol.ServerFrame{Type: protocol.TypeReply, ID: c.native(protocol.TypeRefresh).ID})
	like(t, "the answer", got[0]["result"], `{"_id":"ann","jwt":"`+ann+`","expiresAt":9,"ttl":8}`)
	if c.user != "ann" || c.token != ann {
		t.Errorf("it is %s", c.user)
	}
	for code, id := range map[protocol.Code]string{protocol.CodeUnauthorized: rejected, protocol.CodeRateLimited: tooManyLogins, protocol.CodeNotFound: noStrategy, protocol.CodeUnsupported: notSupported} {
		c := newClient(t)
		c.send(login)
		got := c.tell(&protocol.ServerFrame{Type: protocol.TypeError, ID: c.native(protocol.TypeCall).ID, Code: code})
		if len(got) != 1 || got[0]["error"].(object)["id"] != id || c.user != anonymous {
			t.Errorf("%s: heard %v", code, got)
		}
	}
	for in, id := range map[string]string{
		`"body":{}`: missingArgument, `"strategy":1,"body":{}`: invalidType, `"strategy":"local"`: bodyRequired, `"strategy":"local","body":[]`: invalidType,
		`"strategy":"local","body":{},"expiresIn":"soon"`: invalidArgument, `"strategy":"local","body":{},"expiresIn":-1`: invalidArgument, `"strategy":"local","body":{},"cookieAuth":true`: notSupported,
	} {
		c := newClient(t)
		got := c.send(`{"requestId":"q","controller":"auth","action":"login",` + in + `}`)
		if len(got) != 1 || got[0]["error"].(object)["id"] != id || len(c.asked) != 0 {
			t.Errorf("%s is answered %v", in, got)
		}
	}
}

func TestCheckToken(t *testing.T) {
	c := newClient(t)
	got := c.send(`{"requestId":"q","controller":"auth","action":"checkToken","body":{},"cookieAuth":false}`)
	like(t, "no token", got[0]["result"], `{"valid":true,"kuid":"-1","expiresAt":null}`)
	ann := token(`{"sub":"ann","exp":2000000000}`)
	const check = `{"requestId":"q","controller":"auth","action":"checkToken","body":{"token":"`
	c.send(check + ann + `"}}`)
	got = c.tell(&protocol.ServerFrame{Type: protocol.TypeReply, ID: c.native(protocol.TypeRefresh).ID})
	like(t, "a good token", got[0]["result"], `{"valid":true,"kuid":"ann","expiresAt":2000000000000}`)
	c.send(check + `nonsense"}}`)
	c.native(protocol.TypeRefresh) // away from ann
	got = c.tell(&protocol.ServerFrame{Type: protocol.TypeError, ID: c.native(protocol.TypeRefresh).ID, Code: protocol.CodeUnauthorized})
	like(t, "a bad token", got[0]["result"], `{"valid":false,"state":"Invalid token."}`)
}

// What another user may not hear is not lost in silence: the connection ends, once the login is answered.
func TestAnotherUserLosesSubscriptions(t *testing.T) {
	c := newClient(t)
	c.user, c.token = "ann", token(`{"sub":"ann"}`)
	room, _ := c.subscribe(subscribeTaxis + "}")
	c.send(publishWith + token(`{"sub":"bob"}`) + `"}`)
	out, in := c.native(protocol.TypeRefresh), c.native(protocol.TypeRefresh)
	c.tell(&protocol.ServerFrame{Type: protocol.TypeUnsubscribed, Channel: "documents/nyc/taxi", Room: room, Code: protocol.CodeForbidden})
	c.tell(&protocol.ServerFrame{Type: protocol.TypeReply, ID: out.ID})
	if c.ended != nil {
		t.Fatal("it ended before bob was signed in")
	}
	if c.tell(&protocol.ServerFrame{Type: protocol.TypeReply, ID: in.ID}); c.ended == nil {
		t.Error("the connection goes on without what it was subscribed to")
	}
}

// A client whose token is over is told so, with no subscription left.
func TestTokenExpired(t *testing.T) {
	c := newClient(t)
	c.subscribe(subscribeTaxis + "}")
	c.user, c.token = "ann", "t"
	got := c.tell(&protocol.ServerFrame{Type: protocol.TypeError, Code: protocol.CodeTokenExpired})
	like(t, "heard", got[0], `{"status":200,"info":"This is an automated server notification","message":"Authentication Token Expired","type":"TokenExpired","node":"knode-1","room":"kuzzle:notification:server"}`)
	if c.native(protocol.TypeUnsubscribe); c.user != anonymous || c.token != "" || len(c.rooms) != 0 {
		t.Errorf("it is %s, with %d rooms", c.user, len(c.rooms))
	}
}

func TestLogout(t *testing.T) {
	c := newClient(t)
	c.subscribe(subscribeTaxis + "}")
	c.user, c.token = "ann", "t"
	c.send(`{"requestId":"q","controller":"auth","action":"logout","jwt":"t"}`)
	c.native(protocol.TypeUnsubscribe)
	f := c.native(protocol.TypeRefresh)
	got := c.tell(&protocol.ServerFrame{Type: protocol.TypeReply, ID: f.ID})
	if like(t, "the answer", got[0]["result"], `{"acknowledged":true}`); f.Token != "" || c.user != anonymous {
		t.Errorf("the session is asked %+v, and it is %s", f, c.user)
	}
}

// What only the application knows is not made up.
func TestStrategies(t *testing.T) {
	for name, row := range map[string]struct {
		strategies []string
		status     float64
	}{"a file of users": {[]string{"local"}, 200}, "nobody signs in": {[]string{}, 200}, "the application": {nil, 501}} {
		c := newClient(t)
		c.lang.Strategies = row.strategies
		if got := c.send(`{"requestId":"q","controller":"auth","action":"getStrategies"}`); got[0]["status"] != row.status {
			t.Errorf("%s: got %v, want %v", name, got[0], row.status)
		}
	}
}

// The rights are those of all actions that there are.
func TestGetMyRights(t *testing.T) {
	c := newClient(t)
	hits := c.send(`{"requestId":"q","controller":"auth","action":"getMyRights"}`)[0]["result"].(object)["hits"].([]any)
	n := 0
	for _, of := range actions() {
		n += len(of)
	}
	if len(hits) != n {
		t.Errorf("%d rights are told, want %d", len(hits), n)
	}
	like(t, "the first", hits[0], `{"controller":"auth","action":"checkToken","index":"*","collection":"*","value":"allowed"}`)
	like(t, "the last but the server's", hits[len(hits)-5], `{"controller":"realtime","action":"unsubscribe","index":"*","collection":"*","value":"conditional"}`)
}

func TestGetCurrentUser(t *testing.T) {
	c := newClient(t)
	got := c.send(`{"requestId":"q","controller":"auth","action":"getCurrentUser"}`)
	like(t, "nobody", got[0]["result"], `{"_id":"-1","_source":{"name":null,"profileIds":["anonymous"]},"strategies":[]}`)
	ann := token(`{"sub":"ann","roles":["desk"]}`)
	c.send(`{"requestId":"q","controller":"auth","action":"getCurrentUser","jwt":"` + ann + `"}`)
	got = c.tell(&protocol.ServerFrame{Type: protocol.TypeReply, ID: c.native(protocol.TypeRefresh).ID})
	like(t, "ann", got[0]["result"], `{"_id":"ann","_source":{"name":null,"profileIds":["desk"]},"strategies":[]}`)
}
