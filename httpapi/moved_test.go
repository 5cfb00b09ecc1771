package httpapi

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"tidings/protocol"
)

// TestAMovedClientsOldSessionIsEndedAtOnce shows that a client which comes back to another node is there once, and not
// twice until the park is over.
func TestAMovedClientsOldSessionIsEndedAtOnce(t *testing.T) {
	connect := func(session string) string {
		return fmt.Sprintf(`[{"type":"connect","session":%q,"received":0}]`, session)
	}
	for _, tt := range []struct {
		over  string
		apart bool // the nodes do not reach each other: the park ends the session
		move  func(t *testing.T, to *vessel, session string)
	}{
		{over: protocol.Poll, move: func(t *testing.T, to *vessel, session string) { postTo(t, to, "/bus/poll", connect(session)) }},
		{over: protocol.Poll, apart: true, move: func(t *testing.T, to *vessel, session string) { postTo(t, to, "/bus/poll", connect(session)) }},
		{over: protocol.SSE, move: func(t *testing.T, to *vessel, session string) { postTo(t, to, "/bus/sse", connect(session)) }},
		{over: protocol.WebSocket, move: func(t *testing.T, to *vessel, session string) {
			s, _, err := websocket.Dial(t.Context(), "ws://bus.test/bus/ws", &websocket.DialOptions{HTTPClient: to.direct})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.CloseNow() })
			if err := s.Write(t.Context(), websocket.MessageText, []byte(connect(session))); err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.Read(t.Context()); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(fmt.Sprint(tt.over, " apart ", tt.apart), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := startFleet(t, 3)
				session := c.poll(c.nodes[0], `[{"type":"connect"},{"type":"subscribe","id":1,"channel":"orders"}]`)
				c.mu.Lock()
				c.apart = tt.apart
				c.mu.Unlock()
				tt.move(t, c.nodes[1], session)
				synctest.Wait()
				want := 0
				if tt.apart {
					want = 1
				}
				if got := here(c.nodes[0]); got != want {
					t.Errorf("%d connections on the node that it left, want %d", got, want)
				}
				if got := here(c.nodes[1]); got != 1 {
					t.Errorf("%d connections on the node that it moved to, want 1", got)
				}
				if tt.apart {
					time.Sleep(2 * time.Minute) // virtual: the client is silent, then its park is over
					if got := here(c.nodes[0]); got != 0 {
						t.Errorf("%d connections on the node that it left, after two minutes; want none", got)
					}
				}
			})
		})
	}
}

// TestDisconnectEndsASessionFromAnyNode shows what a page says when it goes.
func TestDisconnectEndsASessionFromAnyNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFleet(t, 3)
		for _, tt := range []struct {
			name, body string
			at         int // the node that is asked; the session is on the first
			status     int
			left       int
		}{
			{name: "of an unknown session", body: `[{"type":"disconnect","session":"node-000.AAAA"}]`, at: 1, status: http.StatusGone, left: 1},
			{name: "without a session", body: `[{"type":"disconnect"}]`, status: http.StatusConflict, left: 1},
			{name: "not alone", body: `[{"type":"disconnect","session":"SESSION"},{"type":"ping"}]`, status: http.StatusBadRequest, left: 1},
			{name: "at its own node", body: `[{"type":"disconnect","session":"SESSION"}]`, status: http.StatusOK},
			{name: "at another node", body: `[{"type":"disconnect","session":"SESSION"}]`, at: 2, status: http.StatusOK},
		} {
			session := c.poll(c.nodes[0], `[{"type":"connect"}]`)
			status, answer := postTo(t, c.nodes[tt.at], "/bus/poll", strings.Replace(tt.body, "SESSION", session, 1))
			synctest.Wait()
			if got := here(c.nodes[0]); status != tt.status || got != tt.left {
				t.Errorf("%s: answered %d %s, and %d connections are left; want %d and %d", tt.name, status, answer, got, tt.status, tt.left)
			}
			if tt.left > 0 {
				postTo(t, c.nodes[0], "/bus/poll", fmt.Sprintf(`[{"type":"disconnect","session":%q}]`, session))
				synctest.Wait()
			}
		}
	})
}

// here counts the connections of a node, those that are parked among them.
func here(n *vessel) int {
	stats := n.bus.Stats()
	all := stats.Parked
	for _, some := range stats.Connections {
		all += some
	}
	return all
}

// postTo sends a body to one node. Of a stream it returns the first bytes.
func postTo(t *testing.T, n *vessel, path, body string) (int, string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), "POST", "http://bus.test"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	r, err := n.direct.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Body.Close() })
	if strings.HasPrefix(r.Header.Get("Content-Type"), "text/event-stream") {
		first := make([]byte, 64)
		n, _ := io.ReadFull(r.Body, first)
		return r.StatusCode, string(first[:n])
	}
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(bytes.TrimSpace(answer))
}

// poll opens a session over long-polling at one node, and returns its name.
func (c *fleet) poll(n *vessel, body string) string {
	c.Helper()
	status, answer := postTo(c.T, n, "/bus/poll", body)
	frames, _, err := protocol.DecodePollAnswer([]byte(answer))
	if status != http.StatusOK || err != nil || len(frames) == 0 {
		c.Fatalf("an opening poll: %d %s, %v", status, answer, err)
	}
	return frames[0].Session
}
