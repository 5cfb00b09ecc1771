package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// fleet is several nodes with what is between them: Redis, a link of each node to it, links by which the other nodes
// reach each, and a balancer.
type fleet struct {
	redis    *redis
	nodes    []*server
	stores   []*link // of each node to Redis
	doors    []*link // of the others to each node
	balancer *balancer
}

// ofNode are the settings that one node has besides. It says a second before that it goes: twice what the balancer
// needs to see it.
const ofNode = `broker: redis
redis: {url: ["redis://%s"], prefix: tidings}
signing_secret: 0123456789abcdef0123456789abcdef
cluster: {url: "http://%s"}
drain_delay: 1s
`

// startFleet starts the nodes.
func startFleet(o options, dir string, log *journal) (f *fleet, err error) {
	f = &fleet{}
	defer func() {
		if err != nil {
			f.end()
		}
	}()
	if f.redis, err = startRedis(dir, log); err != nil {
		return f, err
	}
	for i := range o.nodes {
		place := filepath.Join(dir, fmt.Sprint("node", i+1))
		if err := os.Mkdir(place, 0o700); err != nil {
			return f, err
		}
		if err := f.add(o, place); err != nil {
			return f, err
		}
	}
	for i := range f.nodes {
		if err := f.start(i); err != nil {
			return f, err
		}
	}
	f.balancer, err = startBalancer(dir, f.nodes)
	return f, err
}

// add prepares a node.
func (f *fleet) add(o options, place string) error {
	store, err := newLink(f.redis.addr)
	if err != nil {
		return err
	}
	f.stores = append(f.stores, store)
	door, err := newLink("")
	if err != nil {
		return err
	}
	f.doors = append(f.doors, door)
	n, err := newServer(o, filepath.Join(place, "tidings.yaml"), fmt.Sprintf(ofNode, store.Addr(), door.Addr()))
	if err != nil {
		return err
	}
	door.to = n.addr
	f.nodes = append(f.nodes, n)
	return nil
}

// start starts a node and waits until balancers may send clients to it.
func (f *fleet) start(i int) error {
	n := f.nodes[i]
	if err := n.start(); err != nil {
		return err
	}
	for late := time.Now().Add(time.Minute); time.Now().Before(late); time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get("http://" + n.addr + "/readyz")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
	return fmt.Errorf("node %d is not ready", i+1)
}

// restart ends a node as a deploy does, and starts it again.
func (f *fleet) restart(i int) error {
	f.nodes[i].finish(syscall.SIGTERM)
	return f.start(i)
}

// wires sets links to a state until they are healed.
func (f *fleet) wires(state wire, links ...*link) (func() error, error) {
	set := func(state wire) {
		for _, l := range links {
			l.set(state)
		}
	}
	set(state)
	return func() error { set(whole); return nil }, nil
}

// goWrong does what the laws must find: it has Redis forget everything, or the last node share nothing with the others.
func (f *fleet) goWrong(plant string) error {
	if plant == "flush" {
		return f.redis.flush()
	}
	last := len(f.nodes) - 1
	text, err := os.ReadFile(f.nodes[last].config)
	if err == nil {
		err = os.WriteFile(f.nodes[last].config, bytes.ReplaceAll(text, []byte("prefix: tidings"), []byte("prefix: alone")), 0o600)
	}
	return errors.Join(err, f.restart(last))
}

func (f *fleet) end() {
	if f.balancer != nil {
		f.balancer.process.End()
	}
	for _, n := range f.nodes {
		if n.cmd != nil {
			n.end()
		}
	}
	for _, l := range append(f.stores, f.doors...) {
		l.close()
	}
	if f.redis != nil && f.redis.process != nil {
		f.redis.kill()
	}
}
