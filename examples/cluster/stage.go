package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// stage is what runs: Redis, three nodes, and the balancer before them.
type stage struct {
	dir        string
	port       int // of the balancer, which has the page too
	url        string
	key        string // of the API
	redis, web *process
	nodes      []*node
	control    *http.Server
	ledger     *ledger
}

// patience is how long a program may take to start.
const patience = time.Minute

// settings are those of each node. A client that has gone is forgotten sooner than in production, and a node sends its
// clients away within seconds, so that one can watch it.
const settings = `broker: redis
redis: {url: ["redis://127.0.0.1:%d"], prefix: cluster}
drain: 4s
trusted_proxies: [127.0.0.1]
rules:
  subscribe: anyone
  publish: nobody
log: {format: text}
`

// balancer has each request go to the next node that is well. A request that reached none goes to another; one that
// reached a node is never repeated.
const balancer = `defaults
    mode http
    timeout connect 2s
    timeout client 75s
    timeout server 75s
    timeout tunnel 75s
    option redispatch
    retries 3
    retry-on conn-failure

frontend bus
    bind 127.0.0.1:%d
    use_backend page if { path_beg /cluster/ }
    default_backend nodes

backend page
    server page 127.0.0.1:%d

backend nodes
    balance roundrobin
    option httpchk GET /readyz
    option forwardfor
    http-response set-header X-Node %%[srv_name]
    default-server check inter 500ms fall 2 rise 1 on-error mark-down observe layer4 error-limit 1
%s`

// open starts all of it, and returns when every node is ready.
func open(ctx context.Context, o options) (*stage, error) {
	dir, err := os.MkdirTemp("", "tidings-cluster-")
	if err != nil {
		return nil, err
	}
	s := &stage{dir: dir, key: rand.Text(), ledger: newLedger()}
	if err := s.start(ctx, o); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) start(ctx context.Context, o options) error {
	ports, err := freePorts(6)
	if err != nil {
		return err
	}
	if s.port = o.port; s.port == 0 {
		s.port = ports[5]
	}
	s.url = fmt.Sprint("http://127.0.0.1:", s.port)
	redisPort, controlPort := ports[0], ports[1]
	if s.redis, err = start(s.dir, "redis", "redis-server", nil, "--port", fmt.Sprint(redisPort), "--bind", "127.0.0.1", "--dir", s.dir, "--appendonly", "yes", "--save", ""); err != nil {
		return err
	}
	config := filepath.Join(s.dir, "tidings.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, settings, redisPort), 0o600); err != nil {
		return err
	}
	environ := []string{"TIDINGS_API_KEY=" + s.key, "TIDINGS_SIGNING_SECRET=" + rand.Text() + rand.Text()}
	var servers strings.Builder
	for i, port := range ports[2:5] {
		n := &node{name: fmt.Sprint("node", i+1), binary: o.binary, dir: s.dir, config: config, environ: environ, key: s.key, addr: fmt.Sprint("127.0.0.1:", port), ledger: s.ledger}
		s.nodes = append(s.nodes, n)
		fmt.Fprintf(&servers, "    server %s %s\n", n.name, n.addr)
		if err := n.start(); err != nil {
			return err
		}
	}
	if err := s.serveControl(controlPort); err != nil {
		return err
	}
	cfg := filepath.Join(s.dir, "haproxy.cfg")
	if err := os.WriteFile(cfg, fmt.Appendf(nil, balancer, s.port, controlPort, servers.String()), 0o600); err != nil {
		return err
	}
	for _, n := range s.nodes {
		if err := n.awaitReady(ctx); err != nil {
			return err
		}
	}
	// It takes nodes for well until it finds otherwise.
	if s.web, err = start(s.dir, "haproxy", "haproxy", nil, "-db", "-f", cfg); err != nil {
		return err
	}
	return await(ctx, s.web, func() bool { return answers(s.url+"/readyz") && answers(s.url+"/cluster/state") })
}

// close ends what runs, the nodes first, and removes what it left on the disk.
func (s *stage) close() {
	for _, n := range s.nodes {
		n.end(syscall.SIGKILL)
	}
	for _, p := range []*process{s.web, s.redis} {
		if p != nil {
			p.end(syscall.SIGKILL)
		}
	}
	if s.control != nil {
		s.control.Close()
	}
	os.RemoveAll(s.dir)
}

// await waits until something is, but not for a program that has ended.
func await(ctx context.Context, p *process, is func() bool) error {
	late := time.After(patience)
	for !is() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.gone:
			text, _ := os.ReadFile(p.log)
			return fmt.Errorf("%s ended: %s", p.cmd.Path, text)
		case <-late:
			return errors.New(p.cmd.Path + " does not answer")
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

// answers reports whether a URL is answered with 200 within a second.
func answers(url string) bool {
	answer, err := (&http.Client{Timeout: time.Second}).Get(url)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}
