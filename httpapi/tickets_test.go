package httpapi

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

// stream is an EventSource with a ticket.
type stream struct {
	status int
	body   io.ReadCloser
	lines  chan string // as they come; closed at the end
}

func (c *fleet) openStream(n *vessel, channel, ticket string) *stream {
	c.Helper()
	r, err := n.direct.Get("http://bus.test/bus/sse?channel=" + channel + "&ticket=" + ticket)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { r.Body.Close() })
	s := &stream{r.StatusCode, r.Body, make(chan string, 1000)}
	go func() {
		defer close(s.lines)
		for lines := bufio.NewScanner(r.Body); lines.Scan(); {
			s.lines <- lines.Text()
		}
	}()
	return s
}

// until reads to a line with a text. It reports false if the stream ends before.
func (s *stream) until(text string) bool {
	for line := range s.lines {
		if strings.Contains(line, text) {
			return true
		}
	}
	return false
}

// TestTicketOfAnotherNode shows that a ticket opens its stream on any node, once at a time, and as long as a ticket of
// one node would.
func TestTicketOfAnotherNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFleet(t, 3, withTokens(t))
		q, _ := http.NewRequest("POST", "http://bus.test/bus/ticket", nil)
		q.Header.Set("Authorization", "Bearer "+token(t, "ann", time.Hour))
		r, err := c.nodes[0].direct.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ Ticket string }
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil || got.Ticket == "" {
			t.Fatalf("a ticket: %d %v", r.StatusCode, err)
		}
		r.Body.Close()
		refused := func(what string, n *vessel, channel, ticket string) {
			t.Helper()
			if s := c.openStream(n, channel, ticket); s.status != http.StatusUnauthorized {
				t.Errorf("%s: status %d, want 401", what, s.status)
			}
		}
		refused("a ticket that never was", c.nodes[1], "orders", "AAAA")
		first := c.openStream(c.nodes[1], "orders", got.Ticket)
		if !first.until(protocol.TypeSubscribed) {
			t.Fatalf("its stream on another node: status %d, not subscribed", first.status)
		}
		c.publish(c.nodes[0], "orders", 17)
		if !first.until(`"data":17`) {
			t.Error("its stream heard nothing")
		}
		refused("another stream", c.nodes[2], "offers", got.Ticket)
		time.Sleep(5 * time.Minute) // it lives on while its stream does
		second := c.openStream(c.nodes[2], "orders", got.Ticket)
		if !second.until(protocol.TypeSubscribed) {
			t.Fatalf("the same stream on a third node: status %d, not subscribed", second.status)
		}
		if start := time.Now(); first.until("nothing more") || time.Since(start) > time.Second {
			t.Errorf("the stream before went on for %v", time.Since(start))
		}
		second.body.Close()
		time.Sleep(20 * time.Second)
		if again := c.openStream(c.nodes[0], "orders", got.Ticket); !again.until(protocol.TypeSubscribed) {
			t.Errorf("back after 20 s: status %d, not subscribed", again.status)
		} else {
			again.body.Close()
		}
		time.Sleep(2 * time.Minute)
		refused("away for two minutes", c.nodes[1], "orders", got.Ticket)
	})
}
