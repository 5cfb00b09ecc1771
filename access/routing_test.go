package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tidings/protocol"
)

// feathers is what ir-engine's publishers say.
var feathers = Routing{
	{Event: "messages *", If: "userId", To: []string{"user/{userId}"}},
	{Event: "internal *"},
	{If: "projectId", To: []string{"project/{projectId}"}},
	{If: "room.id", To: []string{"room/{room.id}", "room/{room.id}", "lobby"}},
	{Event: "typing", To: []string{"chat:{chat}/typing"}},
	{To: []string{"authenticated"}},
}

func compiled(t testing.TB, r Routing) *Router {
	t.Helper()
	router, err := r.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return router
}

// A route for all events, or for one that could be a document's, does not lay documents open: only one that names them.
func TestRoutesOfChanges(t *testing.T) {
	router := compiled(t, Routing{
		{Event: "documents/city/taxis *", If: "driver", To: []string{"driver/{driver}"}},
		{Event: "* created", To: []string{"everybody"}},
		{Event: "documents/home/*"},
		{To: []string{"all"}},
	})
	for _, tt := range []struct{ event, data, want string }{
		{"documents/city/taxis created", `{"driver":"ann"}`, "[driver/ann]"},
		{"documents/city/taxis removed", `{"driver":7}`, "[driver/7]"},
		{"documents/city/taxis created", `{}`, "[]"},
		{"documents/city/buses created", `{"driver":"ann"}`, "[]"},
		{"documents/home/x created", `{"driver":"ann"}`, "[]"},
	} {
		if got, err := router.RouteChange(tt.event, []byte(tt.data)); err != nil || fmt.Sprint(got.Channels) != tt.want {
			t.Errorf("%s %s: got %v %v, want %s", tt.event, tt.data, got.Channels, err, tt.want)
		}
	}
}

func TestTheFirstRouteThatAppliesDecides(t *testing.T) {
	router := compiled(t, feathers)
	long := strings.Repeat("x", protocol.MaxChannelBytes-len("user/"))
	for _, tt := range []struct {
		name, event, data string
		route             int
		want              string // channels, or what the refusal says
		refused           bool
	}{
		{name: "a user", event: "messages created", data: `{"userId":"u42"}`, route: 1, want: "user/u42"},
		{name: "a number", event: "messages created", data: `{"userId":42}`, route: 1, want: "user/42"},
		{name: "zero is a value", event: "messages created", data: `{"userId":0}`, route: 1, want: "user/0"},
		{name: "a negative number", event: "messages created", data: `{"userId":-7}`, route: 1, want: "user/-7"},
		{name: "escapes", event: "messages created", data: `{"userId":"\u0075\u0034"}`, route: 1, want: "user/u4"},
		{name: "only the first decides", event: "messages created", data: `{"userId":"u42","projectId":"p"}`, route: 1, want: "user/u42"},
		{name: "another event", event: "tasks created", data: `{"userId":"u42","projectId":"p"}`, route: 3, want: "project/p"},
		{name: "the event alone is not enough", event: "messages created", data: `{"userID":"u42"}`, route: 6, want: "authenticated"},
		{name: "nobody, on purpose", event: "internal tick", data: `{"projectId":"p"}`, route: 2},
		{name: "inside of another, each channel once", event: "e", data: `{"room":{"id":"r1"}}`, route: 4, want: "room/r1 lobby"},
		{name: "null", event: "e", data: `{"projectId":null}`, route: 6, want: "authenticated"},
		{name: "false", event: "e", data: `{"projectId":false}`, route: 6, want: "authenticated"},
		{name: "an empty text", event: "e", data: `{"projectId":""}`, route: 6, want: "authenticated"},
		{name: "a dot in a name is no path", event: "e", data: `{"room.id":"r1"}`, route: 6, want: "authenticated"},
		{name: "no object", event: "e", data: `"projectId"`, route: 6, want: "authenticated"},
		{name: "part of a segment", event: "typing", data: `{"chat":"c:1"}`, route: 5, want: "chat:c:1/typing"},
		{name: "the longest name", event: "messages x", data: `{"userId":"` + long + `"}`, route: 1, want: "user/" + long},

		{name: "one byte too long", event: "messages x", data: `{"userId":"` + long + `x"}`, route: 1, refused: true, want: "too long"},
		{name: "a field that the channel needs", event: "typing", data: `{}`, route: 5, refused: true, want: `"chat" of data is not there`},
		{name: "a slash", event: "messages created", data: `{"userId":"u42/private"}`, route: 1, refused: true, want: "cannot stand"},
		{name: "up", event: "messages created", data: `{"userId":".."}`, route: 1, refused: true, want: "cannot stand"},
		{name: "a star", event: "messages created", data: `{"userId":"*"}`, route: 1, refused: true, want: "cannot stand"},
		{name: "a placeholder", event: "messages created", data: `{"userId":"{projectId}"}`, route: 1, refused: true, want: "cannot stand"},
		{name: "the server's", event: "messages created", data: `{"userId":"$reply"}`, route: 1, refused: true, want: "cannot stand"},
		{name: "a fraction", event: "messages created", data: `{"userId":1.5}`, route: 1, refused: true, want: "whole number"},
		{name: "an exponent", event: "messages created", data: `{"userId":1e3}`, route: 1, refused: true, want: "whole number"},
		{name: "minus zero", event: "messages created", data: `{"userId":-0}`, route: 1, refused: true, want: "whole number"},
		{name: "true", event: "messages created", data: `{"userId":true}`, route: 1, refused: true, want: "whole number"},
		{name: "a list", event: "messages created", data: `{"userId":["u1","u2"]}`, route: 1, refused: true, want: "whole number"},
		{name: "an object", event: "messages created", data: `{"userId":{"id":1}}`, route: 1, refused: true, want: "whole number"},
		{name: "twice", event: "messages created", data: `{"userId":"u1","userId":"u2"}`, refused: true, want: "twice"},
		{name: "twice, inside", event: "e", data: `{"room":{"id":"a","id":"b"}}`, refused: true, want: "twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := router.Route(tt.event, []byte(tt.data))
			if tt.refused {
				var e *protocol.Error
				if !errors.As(err, &e) || e.Code != protocol.CodeBadRequest || e.Hint == "" || !strings.Contains(e.Reason, tt.want) || len(got.Channels) > 0 {
					t.Errorf("got %+v, %v, want it refused with %q", got, err, tt.want)
				}
				return
			}
			if err != nil || got.Route != tt.route || names(got.Channels) != tt.want {
				t.Errorf("got %+v, %v, want route %d to %q", got, err, tt.route, tt.want)
			}
		})
	}
	if got, err := compiled(t, feathers[:5]).Route("e", []byte(`{}`)); err != nil || got.Route != 0 || got.Channels != nil {
		t.Errorf("no route: got %+v, %v", got, err)
	}
	if got, err := (*Router)(nil).Route("e", []byte(`{}`)); err != nil || got.Route != 0 {
		t.Errorf("no routing: got %+v, %v", got, err)
	}
}

func names(list []protocol.Channel) string {
	var out []string
	for _, ch := range list {
		out = append(out, string(ch))
	}
	return strings.Join(out, " ")
}

func TestRoutingRefuses(t *testing.T) {
	many := slices.Repeat([]string{"a"}, MaxRouteChannels)
	var full Routing
	for i := range MaxRoutes {
		full = append(full, Route{Event: fmt.Sprint(i)})
	}
	for _, tt := range []struct {
		name string
		in   Routing
		want string // "": it is taken
	}{
		{name: "none"},
		{name: "16 channels", in: Routing{{To: many}}},
		{name: "17 channels", in: Routing{{To: append(many, "a")}}, want: "route 1: to: 17"},
		{name: "1000 routes", in: full},
		{name: "1001 routes", in: append(full, Route{}), want: "1001 routes"},
		{name: "event of 64 bytes", in: Routing{{Event: strings.Repeat("e", 64)}}},
		{name: "event of 65 bytes", in: Routing{{Event: strings.Repeat("e", 65)}}, want: "event"},
		{name: "8 names deep", in: Routing{{If: "a.a.a.a.a.a.a.a"}}},
		{name: "9 names deep", in: Routing{{If: "a.a.a.a.a.a.a.a.a"}}, want: "no field"},
		{name: "an expression", in: Routing{{If: "userId == 7"}}, want: "no field"},
		{name: "an empty name", in: Routing{{If: "a..b"}}, want: "no field"},
		{name: "no channel", in: Routing{{To: []string{"a b"}}}, want: "character"},
		{name: "an empty channel", in: Routing{{To: []string{""}}}, want: "empty"},
		{name: "the server's channel", in: Routing{{To: []string{"$reply/{id}"}}}, want: "server"},
		{name: "a placeholder without a name", in: Routing{{To: []string{"a/{}"}}}, want: "no field"},
		{name: "an open placeholder", in: Routing{{To: []string{"a/{id"}}}, want: "one {field}"},
		{name: "a closed one", in: Routing{{To: []string{"a/id}"}}}, want: "one {field}"},
		{name: "two in a segment", in: Routing{{To: []string{"{a}{b}"}}}, want: "one {field}"},
		{name: "one across segments", in: Routing{{To: []string{"{a/b}"}}}, want: "one {field}"},
		{name: "nothing comes after all", in: Routing{{To: []string{"a"}}, {If: "b"}}, want: "route 2: it never decides"},
		{name: "the same again", in: Routing{{Event: "e", If: "a"}, {Event: "e", If: "a", To: []string{"a"}}}, want: "route 2: it never decides"},
		{name: "the same event, another field", in: Routing{{Event: "e", If: "a"}, {Event: "e", If: "b"}}},
	} {
		_, err := tt.in.Compile()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestExplainRouting(t *testing.T) {
	router := compiled(t, feathers)
	steps, routed, err := router.Explain("messages created", []byte(`{"projectId":7}`))
	want := `[{1 false the data has no "userId"} {2 false the event is not "internal *"} {3 true to project/{projectId}}]`
	if err != nil || routed.Route != 3 || fmt.Sprint(steps) != want {
		t.Errorf("got %v, %+v, %v, want %s", steps, routed, err, want)
	}
	steps, _, err = router.Explain("messages created", []byte(`{"userId":"a/b"}`))
	if err == nil || len(steps) != 1 || !steps[0].Applies {
		t.Errorf("got %v, %v", steps, err)
	}
}

// Whatever the data says, it fills one segment of the route's own channel, and equal channels are of equal values.
func FuzzRouting(f *testing.F) {
	router := compiled(f, Routing{{To: []string{"user/{a}/x", "chat:{b.c}y"}}})
	for _, s := range []string{`{"a":"u1","b":{"c":7}}`, `{"a":"..","b":{"c":"-"}}`, `{"a":"a/b"}`, `{"a":1e3}`, `{"a":"u","a":"v"}`, `{"b":{"c":{"c":1}},"a":"\u002f"}`, `[]`, `{"a.b":1}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		data, err := protocol.CompactJSON([]byte(text))
		if err != nil {
			return
		}
		got, err := router.Route("e", data)
		if err != nil {
			var e *protocol.Error
			if !errors.As(err, &e) || e.Code != protocol.CodeBadRequest || got.Channels != nil {
				t.Fatalf("%s: got %+v, %v", data, got, err)
			}
			return
		}
		if len(got.Channels) != 2 {
			t.Fatalf("%s: got %+v", data, got)
		}
		for i, ch := range got.Channels {
			if _, err := protocol.ParseChannel(string(ch)); err != nil {
				t.Fatalf("%s: %q is no channel", data, ch)
			}
			parts := strings.Split(string(ch), "/")
			if i == 0 && (len(parts) != 3 || parts[0] != "user" || parts[2] != "x") || i == 1 && (len(parts) != 1 || !strings.HasPrefix(parts[0], "chat:")) {
				t.Fatalf("%s: %q is another channel", data, ch)
			}
		}
	})
}
