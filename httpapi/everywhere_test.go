package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/actors"
	"tidings/broker"
	"tidings/protocol"
)

// pollClient is a client on long-poll that is connected to one node.
type pollClient struct {
	node           *vessel
	id, session    string
	received, poll int
	token          string // "": none
}

// connectTo connects a client to one node and subscribes it to channels.
func (c *fleet) connectTo(n *vessel, channels ...string) *pollClient {
	c.Helper()
	frames := []string{`{"type":"connect"}`}
	for i, ch := range channels {
		frames = append(frames, fmt.Sprintf(`{"type":"subscribe","id":%d,"channel":%q}`, i+1, ch))
	}
	p := &pollClient{node: n}
	answer := c.postTo(n, "/bus/poll", "["+strings.Join(frames, ",")+"]")
	for _, f := range answer.Frames {
		if f.Type == protocol.TypeConnected {
			p.id, p.session = f.Connection, f.Session
		}
	}
	p.received = answer.Cursor
	for range channels {
		if p.received < len(channels) {
			c.frames(p)
		}
	}
	return p
}

type pollAnswer struct {
	Frames []struct {
		Type, Session, Connection, Event, Code string
		Data                                   json.RawMessage
	}
	Cursor int
	Error  struct{ Code string }
}

func (c *fleet) postTo(n *vessel, path, body string) (found pollAnswer) {
	c.Helper()
	return c.postAs(&pollClient{node: n}, path, body)
}

// postAs sends a request of a client, with its token, to its node.
func (c *fleet) postAs(p *pollClient, path, body string) (found pollAnswer) {
	c.Helper()
	q, err := http.NewRequest("POST", "http://bus.test"+path, strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	if p.token != "" {
		q.Header.Set("Authorization", "Bearer "+p.token)
	}
	r, err := p.node.direct.Do(q)
	if err != nil {
		c.Fatal(err)
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(&found); err != nil {
		c.Fatalf("%s: %d %v", path, r.StatusCode, err)
	}
	return found
}

// frames polls once, and returns the types of what came, of an event its name.
func (c *fleet) frames(p *pollClient) (got []string) {
	c.Helper()
	p.poll++
	answer := c.postAs(p, "/bus/poll", fmt.Sprintf(`{"type":"poll","session":%q,"received":%d,"attempt":%d}`, p.session, p.received, p.poll))
	p.received = answer.Cursor
	for _, f := range answer.Frames {
		got = append(got, f.Type+f.Event+f.Code)
	}
	return got
}

// framesUntil polls until n frames have come.
func (c *fleet) framesUntil(p *pollClient, n int) (got []string) {
	c.Helper()
	for range 10 {
		if got = append(got, c.frames(p)...); len(got) >= n {
			break
		}
	}
	return got
}

// decode sends a request of a backend, which must succeed.
func decode[T any](c *fleet, n *vessel, method, path, body string) (found T) {
	c.Helper()
	status, answer := c.ask(n, method, path, body)
	if err := json.Unmarshal([]byte(answer), &found); err != nil || status != http.StatusOK {
		c.Fatalf("%s %s at %s: %d %s", method, path, n.id, status, answer)
	}
	return found
}

func TestSendReachesAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFleet(t, 3)
		var all []*pollClient
		for _, n := range c.nodes {
			all = append(all, c.connectTo(n))
		}
		got := decode[sent](c, c.nodes[0], "POST", "/api/send", `{"all":true,"event":"tick","data":1}`)
		if got.Receivers != 3 || !got.ReceiversExact || got.Nodes != 3 || len(got.Unanswered) > 0 {
			t.Errorf("to all: %+v, want 3 receivers on 3 nodes, exactly", got)
		}
		for i, p := range all {
			if frames := c.frames(p); fmt.Sprint(frames) != "[eventtick]" {
				t.Errorf("the client of node %d heard %v, want the event", i, frames)
			}
		}
		got = decode[sent](c, c.nodes[0], "POST", "/api/send", fmt.Sprintf(`{"connection":%q,"event":"one","data":1}`, all[2].id))
		if frames := c.frames(all[2]); got.Receivers != 1 || !got.ReceiversExact || fmt.Sprint(frames) != "[eventone]" {
			t.Errorf("to one on another node: %+v, heard %v", got, frames)
		}
		c.kill(c.nodes[1])
		got = decode[sent](c, c.nodes[0], "POST", "/api/send", `{"all":true,"event":"tock","data":1}`)
		if got.Receivers != 2 || got.ReceiversExact || got.Nodes != 3 || fmt.Sprint(got.Unanswered) != "["+c.nodes[1].id+"]" {
			t.Errorf("with a node that was killed: %+v, want 2 receivers, not exactly, and its id", got)
		}
		status, answer := c.ask(c.nodes[0], "POST", "/api/send", fmt.Sprintf(`{"connection":%q,"event":"one","data":1}`, all[1].id))
		if status != http.StatusNotFound {
			t.Errorf("to a connection of the node that was killed: %d %s, want not_found", status, answer)
		}
	})
}

func TestDisconnectReachesItsNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFleet(t, 2)
		p := c.connectTo(c.nodes[1])
		decode[disconnected](c, c.nodes[0], "POST", "/api/disconnect", fmt.Sprintf(`{"connection":%q}`, p.id))
		status, answer := c.ask(c.nodes[0], "POST", "/bus/poll", fmt.Sprintf(`{"type":"poll","session":%q,"received":0}`, p.session))
		if !strings.Contains(answer, string(protocol.CodeDisconnected)) {
			t.Errorf("its next poll: %d %s, want disconnected", status, answer)
		}
		if status, answer := c.ask(c.nodes[0], "POST", "/api/disconnect", `{"connection":"`+c.nodes[1].id+`.AAAAAAAAAAAA"}`); status != http.StatusNotFound {
			t.Errorf("a connection that never was: %d %s, want not_found", status, answer)
		}
	})
}

func TestListsAreOfAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFleet(t, 3)
		ids := map[string]bool{}
		for i, n := range c.nodes {
			for j := range 3 {
				ids[c.connectTo(n, "shared", fmt.Sprintf("own/%d%d", j, i)).id] = true
			}
		}
		for _, limit := range []int{1, 2, 4, 100} {
			seen, after, last := map[string]bool{}, "", ""
			for pages := 0; pages < 20; pages++ {
				page := decode[connectionsPage](c, c.nodes[pages%3], "GET", fmt.Sprintf("/api/connections?limit=%d%s", limit, after), "")
				for _, conn := range page.Connections {
					if conn.Connection <= last || seen[conn.Connection] {
						t.Fatalf("limit %d: %s after %s", limit, conn.Connection, last)
					}
					seen[conn.Connection], last = true, conn.Connection
				}
				if page.After == "" {
					break
				}
				after = "&after=" + page.After
			}
			if len(seen) != len(ids) {
				t.Errorf("limit %d: %d connections are listed, want %d", limit, len(seen), len(ids))
			}
		}
		subscribers, after := map[string]int{}, ""
		for pages := 0; pages < 20; pages++ {
			page := decode[channelsPage](c, c.nodes[pages%3], "GET", "/api/channels?limit=3"+after, "")
			for _, ch := range page.Channels {
				subscribers[ch.Channel] += ch.Subscribers
			}
			if page.After == "" {
				break
			}
			after = "&after=" + page.After
		}
		if len(subscribers) != 10 || subscribers["shared"] != 9 || subscribers["own/00"] != 1 {
			t.Errorf("channels: %v, want 10 with 9 subscribers of the shared one", subscribers)
		}
	})
}

func TestWhyIsAskedOfItsNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFleet(t, 2)
		p := c.connectTo(c.nodes[1], "orders")
		c.publish(c.nodes[0], "orders", 1)
		synctest.Wait()
		why := decode[whyAnswer](c, c.nodes[0], "GET", "/api/why?channel=orders&offset=1&connection="+p.id, "")
		if why.Answer != actors.WhyWaiting && why.Answer != actors.WhyWritten {
			t.Errorf("got %+v, want what the node of the connection knows", why)
		}
		c.kill(c.nodes[1])
		if status, answer := c.ask(c.nodes[0], "GET", "/api/why?channel=orders&offset=1&connection="+p.id, ""); status != http.StatusNotFound || !strings.Contains(answer, "node") {
			t.Errorf("of a node that is gone: %d %s, want not_found, and that it is the node", status, answer)
		}
	})
}

func TestPatternNamesChannelsOfAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFleet(t, 3)
		var all []*pollClient
		for i, n := range c.nodes {
			all = append(all, c.connectTo(n, fmt.Sprintf("orders/%d", i), "orders/all"))
		}
		type answered struct {
			Results []struct {
				Channel string
				Error   json.RawMessage
			}
			Nodes int
		}
		got := decode[answered](c, c.nodes[0], "POST", "/api/publish", `{"pattern":"orders/*","data":1}`)
		var names []string
		for _, r := range got.Results {
			if r.Error != nil {
				t.Errorf("%s: %s", r.Channel, r.Error)
			}
			names = append(names, r.Channel)
		}
		if want := "[orders/0 orders/1 orders/2 orders/all]"; fmt.Sprint(names) != want || got.Nodes != 3 {
			t.Errorf("published to %v of %d nodes, want %s of 3", names, got.Nodes, want)
		}
		synctest.Wait()
		for i, p := range all {
			if frames := c.frames(p); len(frames) != 2 {
				t.Errorf("the client of node %d heard %v, want two messages", i, frames)
			}
		}
	})
}

func TestCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFleet(t, 2, func(bc *actors.Config, _ *Config) {
			digest := bc.Node.ID
			bc.Node.Settings = func() map[string]string { return map[string]string{"rules": "same", "keys": digest} }
		})
		c.connectTo(c.nodes[1])
		c.ask(c.nodes[0], "GET", "/api/why?channel=a&offset=1&connection="+c.nodes[1].id+".AAAA", "") // has the table read
		got := decode[clusterAnswer](c, c.nodes[0], "GET", "/api/cluster", "")
		if got.Node != c.nodes[0].id || !got.Broker.OK || len(got.Nodes) != 2 || fmt.Sprint(got.Differing) != "[keys]" {
			t.Errorf("got %+v, want two nodes, and that their keys differ", got)
		}
		for _, n := range got.Nodes {
			if !n.Reachable || n.Version != "test" || n.URL == "" || n.Draining {
				t.Errorf("node %+v, want it reachable", n)
			}
		}
		c.apart = true
		c.nodes[0].api.forward.Close()
		got = decode[clusterAnswer](c, c.nodes[0], "GET", "/api/cluster", "")
		if !got.Nodes[0].Reachable || got.Nodes[1].Reachable {
			t.Errorf("got %+v, want the other node out of reach", got.Nodes)
		}
	})
	t.Run("of one node", func(t *testing.T) {
		w := start(t)
		var got clusterAnswer
		w.ok(w.get("/api/cluster"), &got)
		if got.Node != "" || len(got.Nodes) != 0 || !got.Broker.OK {
			t.Errorf("got %+v", got)
		}
		w.refusedWith(w.get("/api/cluster?x=1"), protocol.CodeUnknownField)
	})
}

// lateBroker brings live messages only once they are let through.
type lateBroker struct {
	fleetBroker
	open chan struct{}
}

func (b lateBroker) Subscribe(ctx context.Context, ch protocol.Channel, sink broker.Sink) (func(), error) {
	late := &lateSink{Sink: sink, open: b.open, queue: make(chan *protocol.Message, 100)}
	stop, err := b.fleetBroker.Subscribe(ctx, ch, late)
	if err != nil {
		return nil, err
	}
	quit := make(chan struct{})
	go func() {
		select {
		case <-b.open:
		case <-quit:
			return
		}
		for {
			select {
			case m := <-late.queue:
				sink.Message(m)
			case <-quit:
				return
			}
		}
	}()
	return func() { stop(); close(quit) }, nil
}

type lateSink struct {
	broker.Sink
	open  chan struct{}
	queue chan *protocol.Message
}

func (s *lateSink) Message(m *protocol.Message) { s.queue <- m }

// TestWhyOfAMessageThatIsNotHereYet shows that a message which has its number and has not reached the node is under way,
// and not delivered.
func TestWhyOfAMessageThatIsNotHereYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := make(chan struct{})
		c := startFleet(t, 2, func(bc *actors.Config, _ *Config) { bc.Broker = lateBroker{bc.Broker.(fleetBroker), open} })
		p := c.connectTo(c.nodes[1], "orders")
		c.publish(c.nodes[0], "orders", 1)
		synctest.Wait()
		why := decode[whyAnswer](c, c.nodes[0], "GET", "/api/why?channel=orders&offset=1&connection="+p.id, "")
		if why.Answer != actors.WhyUnderWay {
			t.Errorf("before it came: %+v, want under_way", why)
		}
		close(open)
		synctest.Wait()
		why = decode[whyAnswer](c, c.nodes[0], "GET", "/api/why?channel=orders&offset=1&connection="+p.id, "")
		if why.Answer != actors.WhyWaiting {
			t.Errorf("when it came: %+v, want waiting", why)
		}
	})
}

// TestRoutesOfAKeyHoldOnAllNodes shows that a publish to a pattern which is repeated with its key at another node goes
// where it went, though other channels match by then.
func TestRoutesOfAKeyHoldOnAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFleet(t, 3)
		type answered struct {
			Results []struct {
				Channel   string
				Duplicate bool
				Offset    uint64
			}
		}
		c.connectTo(c.nodes[0], "orders/a")
		first := decode[answered](c, c.nodes[0], "POST", "/api/publish", `{"pattern":"orders/*","data":1,"idempotencyKey":"k1"}`)
		c.connectTo(c.nodes[1], "orders/b")
		again := decode[answered](c, c.nodes[1], "POST", "/api/publish", `{"pattern":"orders/*","data":1,"idempotencyKey":"k1"}`)
		for what, got := range map[string]answered{"first": first, "repeated": again} {
			if len(got.Results) != 1 || got.Results[0].Channel != "orders/a" || got.Results[0].Offset != 1 || got.Results[0].Duplicate != (what == "repeated") {
				t.Errorf("%s: %+v, want orders/a alone, once", what, got)
			}
		}
		if status, answer := c.ask(c.nodes[2], "POST", "/api/publish", `{"pattern":"orders/**","data":1,"idempotencyKey":"k1"}`); status != http.StatusConflict {
			t.Errorf("another pattern with the key: %d %s, want idempotency_conflict", status, answer)
		}
		time.Sleep(6 * time.Minute)
		later := decode[answered](c, c.nodes[2], "POST", "/api/publish", `{"pattern":"orders/*","data":2,"idempotencyKey":"k1"}`)
		if len(later.Results) != 0 { // nobody is there any more
			t.Errorf("six minutes later: %+v, want a new publish, to nobody", later)
		}
	})
}

// TestReceiversAreThoseOfAllNodes shows that the answer to a publish counts the subscriptions of other nodes, as those
// reported them.
func TestReceiversAreThoseOfAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFleet(t, 3)
		var all []*pollClient
		for _, n := range []int{0, 1, 1, 2} {
			all = append(all, c.connectTo(c.nodes[n], "orders"))
		}
		synctest.Wait()
		for _, step := range []struct {
			name     string
			do       func()
			here     int // of node 0, all on long-poll or parked
			everyone int
		}{
			{"at the start", func() { time.Sleep(2 * time.Second) }, 1, 4},
			{"one of another node has left", func() {
				c.postTo(c.nodes[1], "/bus/send", fmt.Sprintf(`{"session":%q,"seq":1,"frames":[{"type":"unsubscribe","id":9,"channel":"orders"}]}`, all[1].session))
				time.Sleep(2 * time.Second)
			}, 1, 3},
			{"a node was killed, and its lease is over", func() { c.kill(c.nodes[2]); time.Sleep(20 * time.Second) }, 1, 2},
		} {
			step.do()
			synctest.Wait()
			got := decode[published](c, c.nodes[0], "POST", "/api/publish", `{"channel":"orders","data":1,"volatile":true}`)
			if got.Receivers != step.everyone || got.ReceiversExact {
				t.Errorf("%s: %d receivers, exactly %v, want %d, and not exactly", step.name, got.Receivers, got.ReceiversExact, step.everyone)
			}
			if r := got.Reach; r.Live+r.Parked+r.Polling != step.here {
				t.Errorf("%s: the reach is %+v, want %d of this node", step.name, r, step.here)
			}
		}
	})
}
