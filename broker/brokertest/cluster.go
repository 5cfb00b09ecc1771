package brokertest

import (
	"context"
	"maps"
	"slices"
	"time"

	"tidings/broker"
	"tidings/protocol"
)

// node is a broker as one of several nodes has it.
type node interface {
	broker.Broker
	broker.Cluster
	broker.Board
	broker.Arbiter
}

func (w *world) node(b broker.Broker) node {
	w.Helper()
	n, ok := b.(node)
	if !ok {
		w.Fatalf("%T has Peer, and is not broker.Cluster, broker.Board and broker.Arbiter", b)
	}
	return n
}

// two returns the node of the fixture, and another one.
func (w *world) two() (here, there node) {
	w.Helper()
	return w.node(w.Broker), w.node(w.Peer())
}

const longLease = time.Minute

func (w *world) enter(n node, as broker.Node, lease time.Duration) {
	w.Helper()
	if err := n.Enter(w.ctx, as, lease); err != nil {
		w.Fatalf("enter %s: %v", as.ID, err)
	}
}

func (w *world) wantNodes(what string, by node, want ...broker.Node) {
	w.Helper()
	got, err := by.Nodes(w.ctx)
	if err != nil {
		w.Fatalf("%s: nodes: %v", what, err)
	}
	if !slices.EqualFunc(got, want, sameNode) {
		w.Fatalf("%s: nodes are %+v, want %+v", what, got, want)
	}
}

func sameNode(a, b broker.Node) bool {
	ok := maps.Equal(a.Settings, b.Settings)
	a.Settings, b.Settings = nil, nil
	return ok && a.ID == b.ID && a.URL == b.URL && a.Version == b.Version && a.Since == b.Since && a.Draining == b.Draining &&
		a.WebSocket == b.WebSocket && a.SSE == b.SSE && a.Poll == b.Poll && a.Parked == b.Parked && a.Channels == b.Channels &&
		a.Accepts == b.Accepts && a.LagMS == b.LagMS
}

func nodesListed(w *world) {
	here, there := w.two()
	defer there.Close()
	a := broker.Node{ID: "Zk3Jd02a", URL: "https://10.0.3.7:8080", Version: "1.2", Since: 1795268400000, WebSocket: 1, SSE: 2, Poll: 3, Parked: 4, Channels: 5, Accepts: 6, LagMS: 7, Settings: map[string]string{"rules": "b41c"}}
	b := broker.Node{ID: "-_k3Jd0a"}
	w.wantNodes("before anybody entered", here)
	w.enter(here, a, longLease)
	w.enter(there, b, longLease)
	for _, by := range []node{here, there} {
		w.wantNodes("both entered", by, b, a)
	}
	a.Draining, a.WebSocket, a.Settings = true, 0, map[string]string{"rules": "0000", "keys": "1"}
	w.enter(here, a, longLease)
	w.wantNodes("one has changed", there, b, a)
	if err := there.Leave(w.ctx); err != nil {
		w.Fatalf("leave: %v", err)
	}
	w.wantNodes("one has left", here, a)
	w.enter(there, b, longLease)
	w.wantNodes("it is there again", here, b, a)
	there.Close()
	w.wantNodes("its broker is closed", here, a)
}

func nodesExpire(w *world) {
	here, there := w.two()
	defer there.Close()
	a, b := broker.Node{ID: "AAAAAAAA"}, broker.Node{ID: "BBBBBBBB"}
	w.enter(here, a, longLease)
	w.enter(there, b, time.Second)
	w.wantNodes("both entered", here, a, b)
	w.Wait(1500 * time.Millisecond)
	w.wantNodes("one was silent", here, a)
	w.enter(there, b, longLease)
	w.wantNodes("it reported again", here, a, b)
}

// killed checks that nothing of a node outlives it for longer than its lease, and that what others reported stays.
func killed(w *world) {
	here, there := w.two()
	w.enter(here, broker.Node{ID: "AAAAAAAA"}, longLease)
	w.enter(there, broker.Node{ID: "BBBBBBBB"}, w.Lease)
	r, reaches := w.Broker.(broker.Reach)
	if reaches {
		w.heard(r, channel, 2)
		w.heard(there.(broker.Reach), channel, 5)
	}
	var heard *crowd
	if !w.NoPresence {
		heard = w.watch(w.presence(), channel)
		w.attend([]protocol.Member{user(1)}, nil)
		if err := there.(broker.Presence).Attend(w.ctx, channel, []protocol.Member{user(1), user(2)}, nil); err != nil {
			w.Fatalf("attend: %v", err)
		}
		heard.until(w.ctx, 2)
	}
	third := w.node(w.Peer())
	defer third.Close()
	w.Kill(there)
	w.Wait(w.Lease + 500*time.Millisecond)
	w.wantNodes("after the lease of the node that was killed", here, broker.Node{ID: "AAAAAAAA"})
	if !w.NoPresence {
		if got := heard.until(w.ctx, 1); len(got) == 0 || got[len(got)-1].Count != 1 {
			w.Fatalf("heard %+v, want in the end the one member that is on a node which lives", got)
		}
		w.wantMembers("after the lease of the node that was killed", user(1))
	}
	if reaches {
		w.wantOthers("after a node was killed", third, 2)
	}
}

func (w *world) heard(r broker.Reach, ch protocol.Channel, n int) {
	w.Helper()
	if err := r.Heard(w.ctx, ch, n); err != nil {
		w.Fatalf("heard %d: %v", n, err)
	}
}

// wantOthers publishes at a node and checks how many the others have.
func (w *world) wantOthers(what string, by node, want int) {
	w.Helper()
	r, err := by.Publish(w.ctx, number(1))
	if err != nil || r.Others != want {
		w.Fatalf("%s: a publish has %d receivers on other nodes, %v, want %d", what, r.Others, err, want)
	}
}

func reach(w *world) {
	here, there := w.two()
	third := w.node(w.Peer())
	defer third.Close()
	h, ok := w.Broker.(broker.Reach)
	if !ok {
		w.wantOthers("a broker that does not count", here, -1)
		there.Close()
		return
	}
	t := there.(broker.Reach)
	w.wantOthers("nobody", here, 0)
	w.heard(h, channel, 3)
	w.wantOthers("its own do not count", here, 0)
	w.wantOthers("those of one node", there, 3)
	w.heard(t, channel, 10)
	w.heard(t, channel+"x", 100)
	w.heard(t, channel, 4)
	w.wantOthers("counts are replaced", here, 4)
	w.wantOthers("those of two nodes", third, 7)
	w.heard(h, channel, 0)
	w.wantOthers("nobody any more on one", third, 4)
	there.Close()
	w.wantOthers("its node has closed", third, 0)
}

func clusterClosed(w *world) {
	here, there := w.two()
	defer there.Close()
	gone, _ := w.follows(here, "grants")
	w.Broker.Close()
	w.wantCode("enter", here.Enter(w.ctx, broker.Node{ID: "AAAAAAAA"}, longLease), protocol.CodeBrokerUnavailable)
	w.wantCode("note", here.Note(w.ctx, "grants", "k", []byte("1"), time.Hour), protocol.CodeBrokerUnavailable)
	_, err := here.Nodes(w.ctx)
	w.wantCode("nodes", err, protocol.CodeBrokerUnavailable)
	_, err = here.Follow(w.ctx, "grants", gone)
	w.wantCode("follow", err, protocol.CodeBrokerUnavailable)
	_, err = here.Swap(w.ctx, "k", nil, []byte("1"), time.Hour)
	w.wantCode("swap", err, protocol.CodeBrokerUnavailable)
	w.note(there, "grants", "k", []byte("1"), time.Hour)
	w.wantNotes("a wall whose node has closed", gone, map[string]string{})
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	refused := []protocol.Code{protocol.CodeTimeout, protocol.CodeBrokerUnavailable}
	w.wantCode("a cancelled note", there.Note(ctx, "grants", "c", []byte("1"), time.Hour), refused...)
	_, err = there.Swap(ctx, "c", nil, []byte("1"), time.Hour)
	w.wantCode("a cancelled swap", err, refused...)
	w.swap("it did nothing", there, "c", "", "two", time.Hour, "two")
}
