package httpapi

import (
	"fmt"
	"testing"
	"time"

	"tidings/actors"
	"tidings/protocol"
)

type presenceAnswer struct {
	Members []struct{ User, Connection string }
	Count   int
	After   string
}

func TestPresence(t *testing.T) {
	w := start(t)
	for range 5 {
		w.connect("a/b")
	}
	w.connect("other")
	var got presenceAnswer
	for deadline := time.Now().Add(time.Minute); got.Count < 5 && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		w.ok(w.get("/api/presence?channel=a/b"), &got)
	}
	if got.Count != 5 || len(got.Members) != 5 || got.After != "" {
		t.Fatalf("got %+v", got)
	}
	seen := map[string]bool{}
	for path := "/api/presence?channel=a%2Fb&limit=2"; ; {
		var page presenceAnswer
		w.ok(w.get(path), &page)
		for _, m := range page.Members {
			if m.Connection == "" || m.User != "" || seen[m.Connection] {
				t.Errorf("a member is %+v", m)
			}
			seen[m.Connection] = true
		}
		if page.Count != 5 || len(page.Members) > 2 {
			t.Errorf("a page is %+v", page)
		}
		if page.After == "" {
			break
		}
		path = "/api/presence?channel=a/b&limit=2&after=" + page.After
	}
	if len(seen) != 5 {
		t.Errorf("the pages have %d members", len(seen))
	}
	var none presenceAnswer
	w.ok(w.get("/api/presence?channel=never"), &none)
	if none.Count != 0 || none.Members == nil || len(none.Members) != 0 {
		t.Errorf("of a channel where nobody is: %+v", none)
	}
}

func TestPresenceRefuses(t *testing.T) {
	w := start(t)
	for _, tt := range []struct {
		name, query string
		want        protocol.Code
	}{
		{name: "no channel", query: "", want: protocol.CodeBadChannel},
		{name: "bad channel", query: "channel=a//b", want: protocol.CodeBadChannel},
		{name: "unknown parameter", query: "channel=a&limits=2", want: protocol.CodeUnknownField},
		{name: "limit 0", query: "channel=a&limit=0", want: protocol.CodeBadRequest},
		{name: "limit 1001", query: "channel=a&limit=1001", want: protocol.CodeBadRequest},
		{name: "after nobody", query: "channel=a&after=", want: protocol.CodeBadRequest},
		{name: "after a name alone", query: "channel=a&after=ann", want: protocol.CodeBadRequest},
		{name: "after a kind alone", query: "channel=a&after=user:", want: protocol.CodeBadRequest},
		{name: "after a name that is too long", query: "channel=a&after=user:" + fmt.Sprintf("%0129d", 1), want: protocol.CodeBadRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := w.in(t)
			w.refusedWith(w.get("/api/presence?"+tt.query), tt.want)
		})
	}
	w.ok(w.get("/api/presence?channel=a&limit=1000&after=user:"+fmt.Sprintf("%0128d", 1)), &presenceAnswer{})
	if err := w.bus.SetRules(actors.DefaultConfig().Rules); err != nil {
		t.Fatal(err)
	}
	w.refusedWith(w.get("/api/presence?channel=a"), protocol.CodeForbidden)
}
