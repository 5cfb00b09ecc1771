package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"tidings/access"
	"tidings/actors"
	"tidings/protocol"
)

// nobody is a link that takes nothing.
type nobody struct{}

func (nobody) Wake()                 {}
func (nobody) End(*protocol.Encoded) {}

// listener opens a connection that is subscribed to some channels, each of which is there when it returns.
func (w *world) listener(channels ...string) *actors.Connection {
	w.Helper()
	c, gen, err := w.bus.Open(context.Background(), protocol.Peer{Transport: protocol.WebSocket}, &protocol.ClientFrame{Type: protocol.TypeConnect}, nobody{})
	if err != nil {
		w.Fatal(err)
	}
	for i, ch := range channels {
		if err := c.Receive(gen, []protocol.ClientFrame{{Type: protocol.TypeSubscribe, ID: uint64(i + 1), Channel: protocol.Channel(ch)}}); err != nil {
			w.Fatal(err)
		}
	}
	for want := len(channels) + 1; ; {
		if n, _ := c.Outbox().Waiting(); n >= want { // connected, and the answers
			return c
		}
		runtime.Gosched()
	}
}

type severalAnswer struct {
	Route   int
	Results []struct {
		published
		Channel string
		Error   *failure
	}
}

func (a severalAnswer) channels() (list []string) {
	for _, r := range a.Results {
		list = append(list, r.Channel)
	}
	return list
}

func (w *world) several(body string) (got severalAnswer) {
	w.Helper()
	w.ok(w.publish(body), &got)
	return got
}

func TestPublishToAPattern(t *testing.T) {
	w := start(t)
	w.listener("chat:1", "chat:2", "chat:2/typing", "lobby")
	got := w.several(`{"pattern":"chat:*","data":1}`)
	if !slices.Equal(got.channels(), []string{"chat:1", "chat:2"}) || got.Results[0].Offset != 1 || got.Results[0].Receivers != 1 {
		t.Errorf("got %+v", got)
	}
	if got := w.several(`{"pattern":"chat:2/**","data":1}`).channels(); !slices.Equal(got, []string{"chat:2/typing"}) {
		t.Errorf("got %v", got)
	}
	if got := w.publish(`{"pattern":"nobody:*","data":1}`).Body.String(); got != `{"results":[]}` {
		t.Errorf("got %s", got)
	}
}

// A repetition goes where the first one went, and has no second effect.
func TestPublishToAPatternTwiceWithOneKey(t *testing.T) {
	w := start(t)
	w.listener("chat:1")
	first := w.several(`{"pattern":"chat:*","data":1,"idempotencyKey":"k"}`)
	w.listener("chat:2")
	second := w.several(`{"pattern":"chat:*","data":1,"idempotencyKey":"k"}`)
	if len(first.Results) != 1 || len(second.Results) != 1 || second.Results[0].Offset != first.Results[0].Offset || !second.Results[0].Duplicate {
		t.Errorf("got %+v, then %+v", first, second)
	}
	w.refusedWith(w.publish(`{"pattern":"**","data":1,"idempotencyKey":"k"}`), protocol.CodeIdempotencyConflict)
	conflict := w.several(`{"pattern":"chat:*","data":2,"idempotencyKey":"k"}`)
	if len(conflict.Results) != 1 || conflict.Results[0].Error == nil || conflict.Results[0].Error.Code != protocol.CodeIdempotencyConflict {
		t.Errorf("other data: got %+v", conflict)
	}
	if got := w.several(`{"pattern":"chat:*","data":1,"idempotencyKey":"k2"}`); len(got.Results) != 2 {
		t.Errorf("another key: got %+v", got)
	}
}

func TestAPatternHasALimit(t *testing.T) {
	w := start(t)
	names := func(from, n int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf("chat:%d", from+i))
		}
		return list
	}
	for from := 0; from < protocol.MaxPatternChannels; from += 100 {
		w.listener(names(from, 100)...)
	}
	if got := w.several(`{"pattern":"chat:*","data":1}`); len(got.Results) != protocol.MaxPatternChannels {
		t.Fatalf("got %d results", len(got.Results))
	}
	w.listener("chat:x")
	r := w.publish(`{"pattern":"chat:*","data":1}`)
	w.refusedWith(r, protocol.CodeLimitExceeded)
	if !strings.Contains(r.Body.String(), "1001 channels") {
		t.Errorf("got %s", r.Body)
	}
	var after published
	w.ok(w.publish(`{"channel":"chat:7","data":1}`), &after)
	if after.Offset != 2 {
		t.Errorf("the refused publish had an effect: the next message is %d", after.Offset)
	}
}

// What a key is not good for, patterns and routes do not reach.
func TestScopesHoldForPatternsAndRoutes(t *testing.T) {
	const narrow = "narrow-key-of-a-backend-0123456789abc"
	w := start(t, func(cfg *Config) {
		var err error
		if cfg.Keys, err = access.NewKeys(key, "shop "+narrow+" publish=shop/**"); err != nil {
			t.Fatal(err)
		}
	})
	if err := w.bus.SetRouting(access.Routing{{To: []string{"shop/news", "office"}}}); err != nil {
		t.Fatal(err)
	}
	w.listener("shop/1", "office", "shop")
	as := http.Header{"Authorization": {"Bearer " + narrow}}
	var got severalAnswer
	w.ok(w.do(request{path: "/api/publish", body: `{"pattern":"**","data":1}`, header: as, noKey: true}), &got)
	if !slices.Equal(got.channels(), []string{"shop/1"}) {
		t.Errorf("got %+v", got)
	}
	w.ok(w.do(request{path: "/api/publish", body: `{"event":"e","data":1}`, header: as, noKey: true}), &got)
	if len(got.Results) != 2 || got.Results[0].Error != nil || got.Results[1].Error == nil || got.Results[1].Error.Code != protocol.CodeForbidden {
		t.Errorf("got %+v", got)
	}
}

func TestPublishByRoutes(t *testing.T) {
	w := start(t)
	body := `{"event":"messages created","data":{"userId":"u42"},"idempotencyKey":"k"}`
	w.refusedWith(w.publish(body), protocol.CodeBadRequest) // there are no routes at all
	routing := access.Routing{
		{Event: "messages *", If: "userId", To: []string{"user/{userId}"}},
		{If: "roomId", To: []string{"room/{roomId}", "lobby"}},
	}
	if err := w.bus.SetRouting(routing); err != nil {
		t.Fatal(err)
	}
	got := w.several(body)
	if got.Route != 1 || !slices.Equal(got.channels(), []string{"user/u42"}) || got.Results[0].Offset != 1 {
		t.Errorf("got %+v", got)
	}
	if got := w.several(`{"event":"tasks created","data":{"roomId":7}}`); got.Route != 2 || !slices.Equal(got.channels(), []string{"room/7", "lobby"}) {
		t.Errorf("got %+v", got)
	}
	if got := w.publish(`{"event":"tasks created","data":{}}`).Body.String(); got != `{"results":[]}` {
		t.Errorf("no route: got %s", got)
	}
	w.refusedWith(w.publish(`{"event":"messages created","data":{"userId":"u1/u2"}}`), protocol.CodeBadRequest)
	w.refusedWith(w.publish(`{"event":"messages created","data":{"userId":"u43"},"idempotencyKey":"k"}`), protocol.CodeIdempotencyConflict)
	if err := w.bus.SetRouting(access.Routing{{To: []string{"elsewhere"}}}); err != nil {
		t.Fatal(err)
	}
	if again := w.several(body); again.Route != 1 || !slices.Equal(again.channels(), []string{"user/u42"}) || !again.Results[0].Duplicate {
		t.Errorf("repeated: got %+v", again)
	}
	if r := w.bus.Stats().Routed; r["routed"] != 2 || r["nobody"] != 1 || r["refused"] != 1 {
		t.Errorf("counted %v", r)
	}
}

func TestPublishExcludes(t *testing.T) {
	w := start(t)
	c := w.listener("a", "b")
	w.listener("a")
	but := `"exclude":{"connection":"` + c.ID() + `"}`
	var got published
	w.ok(w.publish(`{"channel":"a","data":1,`+but+`}`), &got)
	if got.Receivers != 1 || got.Reach.Live != 1 || got.Reach.Filtered != 1 {
		t.Errorf("got %+v", got)
	}
	list := w.several(`{"channels":["a","b"],"data":1,` + but + `}`)
	if list.Results[0].Reach.Filtered != 1 || list.Results[1].Reach.Filtered != 1 || list.Results[1].Receivers != 0 {
		t.Errorf("got %+v", list)
	}
	if batch := w.batch(`{"items":[{"channel":"a","data":1,` + but + `},{"channel":"a","data":1,"exclude":{"tab":"t1"}},{"channel":"a","data":1,"exclude":{}}]}`); batch.Results[0].Reach.Filtered != 1 || batch.Results[1].Receivers != 2 || batch.Results[2].Error.Code != protocol.CodeBadRequest {
		t.Errorf("got %+v", batch)
	}
	var history struct{ Messages []struct{ Exclude string } }
	w.ok(w.get("/api/history?channel=a"), &history)
	if len(history.Messages) != 4 || history.Messages[0].Exclude != "" || history.Messages[3].Exclude != "t1" {
		t.Errorf("history has %+v", history)
	}
	var why whyAnswer
	w.ok(w.get("/api/why?connection="+c.ID()+"&channel=a&offset=1"), &why)
	if why.Answer != actors.WhyExcluded || why.Receives {
		t.Errorf("why answers %+v", why)
	}
}

func TestSendingRefuses(t *testing.T) {
	w := start(t)
	tab, id := strings.Repeat("t", protocol.MaxTabBytes), strings.Repeat("c", protocol.MaxNameBytes)
	users := strings.TrimSuffix(strings.Repeat(`"u",`, protocol.MaxSendUsers), ",")
	for _, tt := range []struct {
		name, path, body string
		want             protocol.Code
	}{
		{"a pattern of 200 bytes", "publish", `{"pattern":"` + strings.Repeat("a", 199) + `*","data":1}`, ""},
		{"a pattern of 201 bytes", "publish", `{"pattern":"` + strings.Repeat("a", 200) + `*","data":1}`, protocol.CodeBadRequest},
		{"a pattern without a star", "publish", `{"pattern":"a","data":1}`, protocol.CodeBadRequest},
		{"a pattern with a placeholder", "publish", `{"pattern":"a/{user}/*","data":1}`, protocol.CodeBadRequest},
		{"a pattern of the server's", "publish", `{"pattern":"$reply/*","data":1}`, protocol.CodeBadRequest},
		{"a pattern of another type", "publish", `{"pattern":["a*"],"data":1}`, protocol.CodeBadRequest},
		{"a pattern and a channel", "publish", `{"pattern":"a*","channel":"a","data":1}`, protocol.CodeBadRequest},
		{"exclude null", "publish", `{"channel":"a","data":1,"exclude":null}`, protocol.CodeBadRequest},
		{"exclude true", "publish", `{"channel":"a","data":1,"exclude":true}`, protocol.CodeBadRequest},
		{"exclude nobody", "publish", `{"channel":"a","data":1,"exclude":{}}`, protocol.CodeBadRequest},
		{"exclude a user", "publish", `{"channel":"a","data":1,"exclude":{"user":"u"}}`, protocol.CodeUnknownField},
		{"a tab of 64 bytes", "publish", `{"channel":"a","data":1,"exclude":{"tab":"` + tab + `"}}`, ""},
		{"a tab of 65 bytes", "publish", `{"channel":"a","data":1,"exclude":{"tab":"t` + tab + `"}}`, protocol.CodeBadRequest},
		{"a connection of 128 bytes", "publish", `{"channel":"a","data":1,"exclude":{"connection":"` + id + `"}}`, ""},
		{"a connection of 129 bytes", "publish", `{"channel":"a","data":1,"exclude":{"connection":"c` + id + `"}}`, protocol.CodeBadRequest},
		{"a pattern in a batch", "batch", `{"items":[{"channel":"a","data":1}],"pattern":"a*"}`, protocol.CodeUnknownField},
		{"nobody of that name", "send", `{"user":"u","event":"e","data":1}`, ""},
		{"100 users", "send", `{"users":[` + users + `],"event":"e","data":1}`, ""},
		{"101 users", "send", `{"users":[` + users + `,"u"],"event":"e","data":1}`, protocol.CodeBadRequest},
		{"no users", "send", `{"users":[],"event":"e","data":1}`, protocol.CodeBadRequest},
		{"users of another type", "send", `{"users":[1],"event":"e","data":1}`, protocol.CodeBadRequest},
		{"an empty user", "send", `{"user":"","event":"e","data":1}`, protocol.CodeBadRequest},
		{"a user and all", "send", `{"user":"u","all":true,"event":"e","data":1}`, protocol.CodeBadRequest},
		{"nobody named", "send", `{"event":"e","data":1}`, protocol.CodeBadRequest},
		{"all false", "send", `{"all":false,"event":"e","data":1}`, protocol.CodeBadRequest},
		{"an unknown connection", "send", `{"connection":"x","event":"e","data":1}`, protocol.CodeNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := w.in(t)
			if r := w.do(request{path: "/api/" + tt.path, body: tt.body}); tt.want != "" {
				w.refusedWith(r, tt.want)
			} else if r.Code != http.StatusOK {
				t.Errorf("got %d %s", r.Code, r.Body)
			}
		})
	}
}

func TestSendToAllBut(t *testing.T) {
	w := start(t)
	c := w.listener()
	w.listener()
	var got sent
	w.ok(w.do(request{path: "/api/send", body: `{"all":true,"event":"e","data":1,"exclude":{"connection":"` + c.ID() + `"}}`}), &got)
	if got.Receivers != 1 || !got.ReceiversExact {
		t.Errorf("got %+v", got)
	}
	w.ok(w.do(request{path: "/api/send", body: `{"all":true,"event":"e","data":1,"exclude":{"tab":"t1"}}`}), &got)
	if got.Receivers != 2 {
		t.Errorf("got %+v", got)
	}
	w.ok(w.do(request{path: "/api/send", body: `{"user":"ann","event":"e","data":1}`}), &got)
	if got.Receivers != 0 {
		t.Errorf("got %+v", got)
	}
}
