package scenario

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"time"

	"tidings/access"
	"tidings/actors"
	"tidings/httpapi"
)

// apiKey is what publishers show.
const apiKey = "a-key-of-a-backend-0123456789abcdef"

// node is one server: actors, transports and HTTP.
type node struct {
	w    *World
	name string
	view *view // of the broker
	bus  *actors.Bus
	api  *httpapi.API
	web  *http.Server
	lis  *listener
	up   bool // guarded by World.mu: new connections reach it
	gone bool // guarded by World.mu: it has stopped, and holds nothing any more
}

func (w *World) startNode() *node {
	quiet := slog.New(slog.DiscardHandler)
	cfg := w.actors
	seen := &view{w.Broker}
	cfg.Broker, cfg.Logger = seen, quiet
	cfg.Rules = access.Rules{Subscribe: access.Anyone, Publish: access.Anyone, Presence: access.Anyone}
	cfg.SigningSecret = bytes.Repeat([]byte("s"), access.MinSecretBytes)
	bus, err := actors.Start(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	web := httpapi.DefaultConfig()
	web.Log = quiet
	if web.Keys, err = access.NewKeys(apiKey); err != nil {
		w.t.Fatal(err)
	}
	api, err := httpapi.New(bus, web)
	if err != nil {
		w.t.Fatal(err)
	}
	n := &node{w: w, view: seen, bus: bus, api: api, web: api.Server(""), lis: newListener(), up: true}
	go n.web.Serve(n.lis)
	w.mu.Lock()
	defer w.mu.Unlock()
	n.name = "node " + string(rune('A'+len(w.nodes)))
	w.nodes = append(w.nodes, n)
	return n
}

// front is the load balancer: the newest node that takes connections, or nobody.
func (w *World) front() *listener {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := len(w.nodes) - 1; i >= 0; i-- {
		if w.nodes[i].up {
			return w.nodes[i].lis
		}
	}
	return nil
}

// Node is the node of the moment.
func (w *World) Node() *node {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := len(w.nodes) - 1; i > 0; i-- {
		if w.nodes[i].up {
			return w.nodes[i]
		}
	}
	return w.nodes[0]
}

// leave takes a node out of the front.
func (w *World) leave(n *node) {
	w.mu.Lock()
	n.up = false
	w.mu.Unlock()
	n.lis.Close()
}

// Kill ends a node as SIGKILL does: every connection breaks, nobody is told anything.
func (w *World) Kill() {
	n := w.Node()
	w.note("%s is killed", n.name)
	w.leave(n)
	for _, l := range w.allLinks() {
		l.crash(n.lis)
	}
	w.background.Go(n.stop)
}

// Start starts another node.
func (w *World) Start() {
	n := w.startNode()
	w.note("%s is there", n.name)
}

// Freeze lets a node stand still, as far as others see it; Thaw ends that. Its own timers go on.
func (w *World) Freeze(n *node) {
	w.note("%s stands still", n.name)
	for _, l := range w.allLinks() {
		l.freeze(n.lis, true)
	}
}

func (w *World) Thaw(n *node) {
	w.note("%s goes on", n.name)
	for _, l := range w.allLinks() {
		l.freeze(n.lis, false)
	}
}

// Restart kills the node and starts another with an empty memory.
func (w *World) Restart() {
	w.Kill()
	w.Broker.Forget()
	w.Start()
}

// Deploy starts a new node and then ends the old one as SIGTERM does: its clients are sent away.
func (w *World) Deploy() {
	old := w.Node()
	w.Start()
	w.Drain(old)
}

// Drain ends a node as SIGTERM does.
func (w *World) Drain(n *node) {
	w.note("%s drains", n.name)
	w.mu.Lock()
	n.up = false
	w.mu.Unlock()
	w.background.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		n.api.EndKeepAlives(n.web)
		if err := n.bus.Drain(ctx); err != nil {
			w.t.Errorf("%s: drain: %v", n.name, err)
		}
		n.api.Close()
		ctx, cancel = context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := n.api.Shutdown(ctx, n.web); err != nil {
			w.note("%s: requests were cut: %v", n.name, err)
		}
		n.stop()
		w.note("%s is gone", n.name)
	})
}

func (n *node) stop() {
	n.lis.Close()
	n.api.Close()
	n.web.Close()
	n.bus.Stop()
	n.w.mu.Lock()
	again := n.gone
	n.gone = true
	n.w.mu.Unlock()
	if !again {
		n.w.background.Go(func() {
			time.Sleep(lease)
			n.w.Broker.crowd.lapse(n.view)
		})
	}
}
