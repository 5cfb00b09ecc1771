package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"tidings/actors"
	"tidings/protocol"
)

func TestTail(t *testing.T) {
	w := start(t)
	server := httptest.NewServer(w.api)
	defer server.Close()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/api/tail?pattern=orders/**", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("got %s %v", answer.Status, answer.Header)
	}
	w.ok(w.publish(`{"channel":"other","data":0}`), &published{})
	w.ok(w.publish(`{"channel":"orders/new","data":{"id":1},"event":"created"}`), &published{})
	w.ok(w.publish(`{"channel":"orders/new","data":2,"volatile":true}`), &published{})
	lines := bufio.NewScanner(answer.Body)
	for _, want := range []string{`data: {"channel":"orders/new","epoch":"`, `"volatile":true,"data":2}`} {
		for lines.Scan() && !strings.HasPrefix(lines.Text(), "data: ") {
		}
		if !strings.Contains(lines.Text(), want) {
			t.Errorf("got %q, want %q", lines.Text(), want)
		}
	}
	w.api.Close()
	for lines.Scan() {
	}
	if lines.Err() != nil {
		t.Errorf("the stream broke: %v", lines.Err())
	}
}

func TestTailRefuses(t *testing.T) {
	w := start(t)
	w.refusedWith(w.do(request{path: "/api/tail", noKey: true}), protocol.CodeUnauthorized)
	for _, pattern := range []string{"", "orders/", "orders**", "**/new", "inbox/{user}", strings.Repeat("x", 201)} {
		w.refusedWith(w.get("/api/tail?pattern="+pattern), protocol.CodeBadRequest)
	}
	w.refusedWith(w.get("/api/tail?channel=a"), protocol.CodeUnknownField)
	for range actors.MaxTails {
		tail, err := w.bus.Tail(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tail.Close()
	}
	w.refusedWith(w.get("/api/tail"), protocol.CodeOverloaded)
}

func TestTailCountsWhatItDrops(t *testing.T) {
	got := string(appendSeen(appendDropped(nil, 3), actors.Seen{Channel: "a", ID: "i", Data: []byte("1")}))
	if want := "event: dropped\ndata: {\"dropped\":3}\n\ndata: {\"channel\":\"a\",\"id\":\"i\",\"data\":1}\n\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// tailing follows the tail of a node, and returns what brings its next line with data, after the type of its event.
func (c *fleet) tailing(ctx context.Context, n *vessel) (next func() string) {
	c.Helper()
	q, err := http.NewRequestWithContext(ctx, "GET", "http://bus.test/api/tail?pattern=orders/**", nil)
	if err != nil {
		c.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+key)
	r, err := n.direct.Do(q)
	if err != nil || r.StatusCode != http.StatusOK {
		c.Fatalf("%v %v", r, err)
	}
	c.Cleanup(func() { r.Body.Close() })
	lines := bufio.NewScanner(r.Body)
	return func() string {
		c.Helper()
		kind := ""
		for lines.Scan() {
			if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				kind = event
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return kind + data
			}
		}
		return "the end"
	}
}

func TestTailIsOfAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFleet(t, 3)
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		next := c.tailing(ctx, c.nodes[0])
		if got, want := next(), `nodes{"nodes":3}`; got != want {
			t.Fatalf("it begins with %s, want %s", got, want)
		}
		for i, n := range c.nodes {
			c.publish(n, "other", i)
			c.publish(n, "orders/new", i)
			if got, want := next(), fmt.Sprintf(`"data":%d}`, i); !strings.HasPrefix(got, `{"channel":"orders/new","epoch":"`) || !strings.HasSuffix(got, want) {
				t.Errorf("of node %d: %s, want what was published there, %s", i, got, want)
			}
		}
		c.kill(c.nodes[2])
		if got, want := next(), `nodes{"nodes":3,"unanswered":["node-002"]}`; got != want {
			t.Errorf("of a node that was killed: %s, want %s", got, want)
		}
		late := c.add()
		synctest.Wait()
		seen := ""
		for range 5 {
			if seen = next(); strings.HasPrefix(seen, `nodes{"nodes":`) && !strings.Contains(seen, late.id) {
				break
			}
		}
		c.publish(late, "orders/late", 7)
		if got := next(); !strings.Contains(got, `"orders/late"`) {
			t.Errorf("of a node that came later: %s, after %s", got, seen)
		}
		leave()
		synctest.Wait()
		for _, n := range []*vessel{c.nodes[0], c.nodes[1], late} {
			for range actors.MaxTails {
				tail, err := n.bus.Tail(nil)
				if err != nil {
					t.Errorf("%s has a tail yet, after its reader left: %v", n.id, err)
					break
				}
				defer tail.Close()
			}
		}
	})
}
