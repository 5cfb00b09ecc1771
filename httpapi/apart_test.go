package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"tidings/protocol"
)

// TestOpeningPollsDeliverWhereNodesDoNotReachEachOther shows the worst case behind a balancer: each poll lands on a node
// that cannot hand it on. A client that subscribes in the request by which it comes back misses nothing, hears nothing
// twice, and makes two requests for each batch.
func TestOpeningPollsDeliverWhereNodesDoNotReachEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFleet(t, 3)
		c.mu.Lock()
		c.apart = true
		c.mu.Unlock()
		requests := 0
		post := func(body string) (int, []protocol.ServerFrame) {
			t.Helper()
			requests++
			q, _ := http.NewRequest("POST", "http://bus.test/bus/poll", strings.NewReader(body))
			q.Header.Set("Content-Type", "application/json")
			r, err := c.RoundTrip(q)
			if err != nil {
				t.Fatal(err)
			}
			answer, _ := io.ReadAll(r.Body)
			r.Body.Close()
			if r.StatusCode != http.StatusOK {
				return r.StatusCode, nil
			}
			frames, _, err := protocol.DecodePollAnswer(answer)
			if err != nil {
				t.Fatalf("%s: %v", answer, err)
			}
			return r.StatusCode, frames
		}
		var heard []string
		var session, since string
		take := func(frames []protocol.ServerFrame) {
			at := protocol.Position{}
			for _, f := range frames {
				switch f.Type {
				case protocol.TypeConnected:
					session = f.Session
				case protocol.TypeSubscribed:
					if at = f.Position; since != "" && !f.Recovered {
						t.Error("not recovered")
					}
				case protocol.TypeMessage:
					at.Offset, at.Tag = f.Msg.Offset, f.Msg.Tag
					heard = append(heard, string(f.Msg.Data))
				case protocol.TypeGap:
					t.Errorf("a gap: %s", f.Reason)
				}
			}
			since = fmt.Sprintf(`,"since":{"epoch":%q,"offset":%d,"tag":%q}`, at.Epoch, at.Offset, at.Tag)
		}
		const rounds, batch = 12, 5
		for round := range rounds {
			old := ""
			if session != "" {
				old = fmt.Sprintf(`,"session":%q,"received":0`, session)
			}
			_, frames := post(fmt.Sprintf(`[{"type":"connect"%s},{"type":"subscribe","id":1,"channel":"orders"%s,"anew":true}]`, old, since))
			take(frames)
			for i := range batch {
				c.publish(c.nodes[i%3], "orders", round*batch+i)
			}
			if status, _ := post(fmt.Sprintf(`[{"type":"poll","session":%q,"received":1}]`, session)); status != http.StatusGone {
				t.Fatalf("a poll at another node was answered %d, want 410", status)
			}
		}
		if len(heard) != (rounds-1)*batch {
			t.Errorf("heard %d messages, want %d: %v", len(heard), (rounds-1)*batch, heard)
		}
		for i, got := range heard {
			if got != fmt.Sprint(i) {
				t.Fatalf("heard %v, want 0, 1, 2 and so on", heard)
			}
		}
		if requests != 2*rounds {
			t.Errorf("%d requests for %d batches, want 2 each", requests, rounds)
		}
	})
}
