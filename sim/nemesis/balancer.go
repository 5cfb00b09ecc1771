package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tidings/internal/leash"
)

// round is a balancer without sticky sessions: each request goes to the next node.
const round = `global
    maxconn 8000
    hard-stop-after 1s
defaults
    mode http
    timeout connect 2s
    timeout client 75s
    timeout server 75s
    timeout tunnel 75s
    timeout check 500ms
    option redispatch 1
frontend bus
    bind %s
    default_backend nodes
backend nodes
    balance roundrobin
    option httpchk GET /readyz
    default-server check inter 250ms fall 2 rise 1
`

// balancer is HAProxy before the nodes.
type balancer struct {
	addr, dir string
	process   *leash.Server
}

func startBalancer(dir string, nodes []*server) (*balancer, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	b := &balancer{addr: addr, dir: dir}
	config := fmt.Sprintf(round, addr)
	for i, n := range nodes {
		config += fmt.Sprintf("    server node%d %s\n", i+1, n.addr)
	}
	if err := os.WriteFile(filepath.Join(dir, "haproxy.cfg"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	out, err := os.Create(filepath.Join(dir, "haproxy.log"))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	b.process, err = leash.Run(leash.Command{
		Program: "haproxy", Args: []string{"-W", "-db", "-f", filepath.Join(dir, "haproxy.cfg"), "-p", b.pidFile()},
		Signal: "TERM", As: &syscall.SysProcAttr{Setpgid: true}, Output: out,
	})
	if err != nil {
		return nil, err
	}
	return b, b.ready()
}

func (b *balancer) pidFile() string { return filepath.Join(b.dir, "haproxy.pid") }

// ready waits until the balancer reaches a node.
func (b *balancer) ready() error {
	for late := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if answer, err := http.Get("http://" + b.addr + "/healthz"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-b.process.Ended:
			text, _ := os.ReadFile(filepath.Join(b.dir, "haproxy.log"))
			return fmt.Errorf("haproxy has ended: %s", text)
		default:
		}
		if time.Now().After(late) {
			return fmt.Errorf("haproxy reaches no node")
		}
	}
}

// reload has HAProxy read its file again: another process takes new connections, and the old ones end after a second.
func (b *balancer) reload() {
	text, err := os.ReadFile(b.pidFile())
	if err != nil {
		return
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
		syscall.Kill(pid, syscall.SIGUSR2)
	}
}
