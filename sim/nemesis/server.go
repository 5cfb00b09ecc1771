package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"tidings/protocol"
)

// settings of the server. Waits are shorter than in production, so that a run has many of them.
const settings = `dev: true
heartbeat: 2s
poll_hold: 4s
park: 10s
drain: %s
history: {messages: 4000, age: 1h, bytes: 64MiB}
rules:
  channels:
    "busy/*": {subscribe: anyone, publish: anyone, history: {messages: %d, age: 1h, bytes: 4MiB}}
    "calm/*": {subscribe: anyone, publish: anyone}
log: {level: warn, format: text}
`

// server is the built binary as a child process, which can be stopped, killed and started again on its port.
type server struct {
	binary, config string
	addr           string
	began          func() // called at each start
	patience       time.Duration

	mu    sync.Mutex // guards all below
	cmd   *exec.Cmd
	gone  chan struct{} // closed when the process has ended
	wrote bytes.Buffer
}

// startServer starts a server that forgets everything at its end, and waits until it answers.
func startServer(o options, dir string, log *journal) (*server, error) {
	s, err := newServer(o, filepath.Join(dir, "tidings.yaml"), "")
	if err != nil {
		return nil, err
	}
	s.began = log.began
	return s, s.start()
}

// newServer prepares a server with settings of its own after those of all.
func newServer(o options, config, own string) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	s := &server{binary: o.binary, config: config, addr: addr, patience: o.drain + 10*time.Second, began: func() {}}
	return s, os.WriteFile(s.config, fmt.Appendf(nil, settings+own, o.drain, busyMessages), 0o600)
}

var lastPort = 18_000

// freeAddr returns an address that nobody listens on, another one at each call. Its port is below those that the kernel
// gives to outgoing connections, one of which would take it while a server is down.
func freeAddr() (string, error) {
	for lastPort < 30_000 {
		lastPort += 7
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", lastPort)); err == nil {
			defer l.Close()
			return l.Addr().String(), nil
		}
	}
	return "", errors.New("no port is free")
}

// start starts the process and waits until it answers.
func (s *server) start() error {
	s.mu.Lock()
	s.cmd = exec.Command(s.binary, "serve", "--config", s.config, "--addr", s.addr)
	s.cmd.Stdout, s.cmd.Stderr = &s.wrote, &s.wrote
	s.gone = make(chan struct{})
	s.began()
	err := s.cmd.Start()
	if err == nil {
		go func(cmd *exec.Cmd, gone chan struct{}) {
			cmd.Wait()
			close(gone)
		}(s.cmd, s.gone)
	}
	gone := s.gone
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%w; build it with make build", err)
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get("http://" + s.addr + "/healthz")
		if err == nil {
			answer.Body.Close()
			return nil
		}
		select {
		case <-gone:
			return fmt.Errorf("the server ended:\n%s", s.wrote.String())
		default:
		}
	}
	return fmt.Errorf("the server does not answer")
}

// signal sends the process a signal.
func (s *server) signal(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd.Process.Signal(sig)
}

// finish ends the process by a signal and waits for its end; a SIGKILL follows ten seconds after the drain window.
func (s *server) finish(sig syscall.Signal) {
	s.signal(sig)
	select {
	case <-s.gone:
	case <-time.After(s.patience):
		s.signal(syscall.SIGKILL)
		<-s.gone
	}
}

func (s *server) end() { s.finish(syscall.SIGKILL) }

// tops returns the end of each channel, and notes what is kept: a message that nobody was told of is one all
// the same.
func tops(ctx context.Context, base string, log *journal) (map[string]protocol.Position, error) {
	tops := map[string]protocol.Position{}
	for _, channel := range log.channels() {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/history?channel="+url.QueryEscape(channel), nil)
		if err != nil {
			return nil, err
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return nil, err
		}
		var page struct {
			position
			Messages []struct {
				position
				ID   string
				Data json.RawMessage
				Time int64
			}
		}
		err = json.NewDecoder(answer.Body).Decode(&page)
		answer.Body.Close()
		if err != nil {
			return nil, err
		}
		tops[channel] = page.at()
		for _, m := range page.Messages {
			if m.Epoch == "" {
				m.Epoch = page.Epoch
			}
			log.numbered(heard{channel, m.at(), m.ID, digest(m.Data), m.Time})
		}
	}
	return tops, nil
}

// position is a place in JSON.
type position struct {
	Epoch  string
	Offset uint64
	Tag    string
}

func (p position) at() protocol.Position {
	return protocol.Position{Epoch: p.Epoch, Offset: p.Offset, Tag: p.Tag}
}
