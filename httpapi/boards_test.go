package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tidings/access"
	"tidings/actors"
	"tidings/broker"
	"tidings/protocol"
)

// withTokens is a change of a fleet's nodes: clients sign in.
func withTokens(t *testing.T) func(*actors.Config, *Config) {
	return func(bc *actors.Config, _ *Config) {
		var err error
		if bc.Tokens, err = access.NewTokens(access.TokenConfig{Issuer: "tests", Audience: "tidings", Secret: tokenSecret}); err != nil {
			t.Fatal(err)
		}
	}
}

// signIn connects a client of a user to one node.
func (c *fleet) signIn(n *vessel, user string) *pollClient {
	c.Helper()
	p := &pollClient{node: n, token: token(c.T, user, time.Hour)}
	answer := c.postAs(p, "/bus/poll", `{"type":"connect"}`)
	if len(answer.Frames) == 0 || answer.Frames[0].Type != protocol.TypeConnected {
		c.Fatalf("%s at %s: %+v", user, n.id, answer)
	}
	p.id, p.session, p.received = answer.Frames[0].Connection, answer.Frames[0].Session, answer.Cursor
	return p
}

func TestGrantsHoldOnAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFleet(t, 3, withTokens(t))
		before := c.signIn(c.nodes[1], "ann")
		got := decode[granted](c, c.nodes[0], "POST", "/api/subscribe", `{"user":"ann","channels":["orders","offers"]}`)
		if got.Connections != 1 || got.Nodes != 3 || len(got.Unanswered) > 0 {
			t.Errorf("got %+v, want the connection on another node, of 3", got)
		}
		if frames := c.framesUntil(before, 2); fmt.Sprint(frames) != "[subscribed subscribed]" {
			t.Errorf("who was connected elsewhere heard %v, want two subscribed", frames)
		}
		after := c.signIn(c.nodes[2], "ann")
		if frames := c.framesUntil(after, 2); fmt.Sprint(frames) != "[subscribed subscribed]" {
			t.Errorf("who connects elsewhere afterwards heard %v, want two subscribed", frames)
		}
		decode[granted](c, c.nodes[2], "POST", "/api/unsubscribe", `{"user":"ann","channel":"orders"}`)
		for _, p := range []*pollClient{before, after} {
			if frames := c.framesUntil(p, 1); fmt.Sprint(frames) != "[unsubscribedremoved]" {
				t.Errorf("heard %v, want that one of the subscriptions is taken away", frames)
			}
		}
	})
}

// TestGrantsLastADay shows that a grant ends a minute after it was made if nobody comes, and a day after the last
// connection has left, on whatever node that was.
func TestGrantsLastADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFleet(t, 2, withTokens(t))
		wanted := func(what string, n *vessel, want int) {
			t.Helper()
			p := c.signIn(n, "ann")
			synctest.Wait()
			info := decode[connectionsPage](c, n, "GET", "/api/connections?user=ann", "")
			got := -1
			for _, conn := range info.Connections {
				if conn.Connection == p.id {
					got = conn.Subscriptions
				}
			}
			if got != want {
				t.Errorf("%s: the server has made %d subscriptions, want %d", what, got, want)
			}
			decode[disconnected](c, n, "POST", "/api/disconnect", `{"connection":"`+p.id+`"}`)
			synctest.Wait()
		}
		decode[granted](c, c.nodes[0], "POST", "/api/subscribe", `{"user":"ann","channel":"orders"}`)
		time.Sleep(3 * time.Minute)
		wanted("nobody has come for minutes", c.nodes[1], 0)
		decode[granted](c, c.nodes[0], "POST", "/api/subscribe", `{"user":"ann","channel":"orders"}`)
		time.Sleep(30 * time.Second)
		wanted("after half a minute", c.nodes[1], 1)
		time.Sleep(23 * time.Hour)
		wanted("23 hours after the last one has left, on the other node", c.nodes[0], 1)
		time.Sleep(23 * time.Hour)
		wanted("again", c.nodes[1], 1)
		time.Sleep(27 * time.Hour)
		wanted("27 hours after the last one has left", c.nodes[0], 0)
	})
}

func TestRevocationsHoldOnAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFleet(t, 3, withTokens(t))
		ann, bob := c.signIn(c.nodes[1], "ann"), c.signIn(c.nodes[1], "bob")
		time.Sleep(time.Second)
		decode[revoked](c, c.nodes[0], "POST", "/api/revoke", `{"user":"ann"}`)
		synctest.Wait()
		if answer := c.postAs(ann, "/bus/poll", fmt.Sprintf(`{"type":"poll","session":%q,"received":%d}`, ann.session, ann.received)); answer.Error.Code != "unauthorized" {
			t.Errorf("her next poll on another node: %+v, want unauthorized", answer)
		}
		for _, n := range append(c.nodes, c.add(withTokens(t))) { // also one that starts afterwards
			synctest.Wait()
			if answer := c.postAs(&pollClient{node: n, token: ann.token}, "/bus/poll", `{"type":"connect"}`); answer.Error.Code != "unauthorized" {
				t.Errorf("a connect with her token at %s: %+v, want unauthorized", n.id, answer)
			}
		}
		if n := c.nodes[1].bus.Stats().Connections["poll"]; n != 1 {
			t.Errorf("%d connections are left there, want bob's", n)
		}
		_ = bob
	})
}

// noNotes is a broker that keeps no notes any more.
type noNotes struct {
	fleetBroker
	off *bool
}

type fleetBroker interface {
	broker.Broker
	broker.Presence
	broker.Cluster
	broker.Board
	broker.Arbiter
}

func (b noNotes) Note(ctx context.Context, board, key string, value []byte, ttl time.Duration) error {
	if *b.off && board != "nodes" {
		return &protocol.Error{Code: protocol.CodeBrokerUnavailable, Reason: "the broker does not answer", Hint: "Try again."}
	}
	return b.fleetBroker.Note(ctx, board, key, value, ttl)
}

// TestBoardThatFails shows that what could not be noted did not happen, on the node that was asked either.
func TestBoardThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		off := false
		c := startFleet(t, 2, withTokens(t), func(bc *actors.Config, _ *Config) { bc.Broker = noNotes{bc.Broker.(fleetBroker), &off} })
		p := c.signIn(c.nodes[0], "ann")
		off = true
		for path, body := range map[string]string{"/api/revoke": `{"user":"ann"}`, "/api/subscribe": `{"user":"ann","channel":"orders"}`, "/api/unsubscribe": `{"user":"ann","channel":"orders"}`} {
			if status, answer := c.ask(c.nodes[0], "POST", path, body); status != http.StatusServiceUnavailable || !strings.Contains(answer, "broker_unavailable") {
				t.Errorf("%s: %d %s, want broker_unavailable", path, status, answer)
			}
		}
		info := decode[connectionsPage](c, c.nodes[0], "GET", "/api/connections?user=ann", "")
		if len(info.Connections) != 1 || info.Connections[0].Connection != p.id || info.Connections[0].Subscriptions != 0 {
			t.Errorf("got %+v, want her connection, with nothing granted", info.Connections)
		}
	})
}

// noBoards is a broker of which nobody can read notes yet.
type noBoards struct {
	fleetBroker
	off *atomic.Bool
}

func (b noBoards) Follow(ctx context.Context, board string, sink broker.BoardSink) (func(), error) {
	if b.off.Load() {
		return nil, &protocol.Error{Code: protocol.CodeBrokerUnavailable, Reason: "the broker does not answer", Hint: "Try again."}
	}
	return b.fleetBroker.Follow(ctx, board, sink)
}

// TestNodeThatKnowsNothingYet shows that a node which would refuse clients, because it does not know yet what was revoked,
// is not ready, so that no balancer sends it any.
func TestNodeThatKnowsNothingYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var off atomic.Bool
		off.Store(true)
		c := startFleet(t, 1, withTokens(t), func(bc *actors.Config, _ *Config) { bc.Broker = noBoards{bc.Broker.(fleetBroker), &off} })
		synctest.Wait()
		if status, answer := c.ask(c.nodes[0], "GET", "/readyz", ""); status != http.StatusServiceUnavailable || !strings.Contains(answer, "broker_unavailable") {
			t.Errorf("/readyz is %d %s before it knows, want broker_unavailable", status, answer)
		}
		off.Store(false)
		time.Sleep(10 * time.Second) // it tries again every 5 s
		if status, answer := c.ask(c.nodes[0], "GET", "/readyz", ""); status != http.StatusOK {
			t.Errorf("/readyz is %d %s once it knows, want 200", status, answer)
		}
		c.signIn(c.nodes[0], "ann")
	})
}
