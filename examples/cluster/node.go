package main

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// node is one of the servers, over all its lives.
type node struct {
	name, binary, dir, config, addr, key string
	environ                              []string
	ledger                               *ledger

	mu      sync.Mutex // guards all below
	state   string     // starting, up, leaving or down
	id      string     // of this life, "" until it is known
	process *process
}

// The states of a node.
const (
	starting = "starting"
	up       = "up"
	leaving  = "leaving" // it sends its clients away
	down     = "down"
)

// start starts the node's process.
func (n *node) start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	p, err := start(n.dir, n.name, n.binary, n.environ, "serve", "--config", n.config, "--addr", n.addr)
	if err != nil {
		return err
	}
	n.process, n.state, n.id = p, starting, ""
	return nil
}

// awaitReady waits until the node is ready, and asks it for its id.
func (n *node) awaitReady(ctx context.Context) error {
	n.mu.Lock()
	p := n.process
	n.mu.Unlock()
	id := ""
	if err := await(ctx, p, func() bool { id = n.askID(); return id != "" && answers("http://"+n.addr+"/readyz") }); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process == p && n.state == starting {
		n.state, n.id = up, id
		n.ledger.born(id, n.name)
	}
	return nil
}

func (n *node) askID() string {
	r, err := http.NewRequest(http.MethodGet, "http://"+n.addr+"/api/cluster", nil)
	if err != nil {
		return ""
	}
	r.Header.Set("Authorization", "Bearer "+n.key)
	answer, err := (&http.Client{Timeout: 5 * time.Second}).Do(r)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	var is struct{ Node string }
	json.NewDecoder(answer.Body).Decode(&is)
	return is.Node
}

// end ends the node's process, if it runs: by SIGKILL at once, by SIGTERM when its clients have gone elsewhere.
func (n *node) end(by syscall.Signal) {
	n.mu.Lock()
	p, was := n.process, n.state
	if p == nil || was == down || was == leaving && by != syscall.SIGKILL {
		n.mu.Unlock()
		return
	}
	if by != syscall.SIGKILL {
		n.state = leaving
	}
	n.mu.Unlock()
	p.end(by)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process == p {
		n.state, n.id = down, ""
	}
}

// again starts the node if it is down, and returns when it is ready.
func (n *node) again(ctx context.Context) error {
	n.mu.Lock()
	is := n.state
	n.mu.Unlock()
	if is != down {
		return nil
	}
	if err := n.start(); err != nil {
		return err
	}
	return n.awaitReady(ctx)
}

// is returns the node's state and id.
func (n *node) is() (state, id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.state, n.id
}
