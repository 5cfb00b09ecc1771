package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"tidings/client"
	"tidings/protocol"
)

// part is what one client does: over which transports, which channels it hears, and whether it publishes.
type part struct {
	Name       string   `json:"name"`
	JS         bool     `json:"-"`
	Transports []string `json:"transports,omitempty"` // empty means that it chooses
	Channels   []string `json:"channels"`
	Publishes  string   `json:"publishes,omitempty"` // the channel that it publishes to, every two seconds
}

// partOf returns the part of client i: of the first every second one is JavaScript, js in all, a quarter each has one transport or the choice,
// a third hears the busy channel, a tenth publishes.
func partOf(i, js int) part {
	p := part{JS: i%2 == 1 && i/2 < js, Channels: []string{calm(i / 2), calm(i/2 + 3)}}
	if t := i / 2 % 4; t < 3 {
		p.Transports = []string{[]string{protocol.WebSocket, protocol.SSE, protocol.Poll}[t]}
	}
	if i/2%3 == 0 {
		p.Channels = append(p.Channels, busyChannel)
	}
	if i/2%10 == 4 {
		p.Publishes = calm(i / 2)
	}
	kind, over := "go", "any"
	if p.JS {
		kind = "js"
	}
	if len(p.Transports) > 0 {
		over = p.Transports[0]
	}
	p.Name = fmt.Sprintf("%s %s %d", kind, over, i)
	return p
}

// goClient is a client of the Go package.
type goClient struct {
	*client.Client
	stop context.CancelFunc
	wait sync.WaitGroup // of what it publishes
}

func startGoClient(s *stage, p part) (*goClient, error) {
	log := s.log
	c, err := client.New(client.Config{
		URL: s.url + "/bus", Transports: p.Transports, Logger: slog.New(slog.DiscardHandler),
		OnStatus: func(st client.Status) {
			log.status(p.Name, string(st.State), st.Transport, st.Err)
		},
	})
	if err != nil {
		return nil, err
	}
	for _, channel := range p.Channels {
		ear := log.ear(p.Name, channel)
		_, err := c.Subscribe(channel, func(m client.Message) {
			ear.message(log.now(), heard{channel, m.Position, m.ID, digest(m.Data), m.Time.UnixMilli()})
		}, client.OnGap(func(g client.Gap) {
			ear.gap(log.now(), string(g.Reason), g.Last, g.From)
		}), client.OnSubscribed(func(at protocol.Position, recovered bool) {
			ear.subscribed(log.now(), at, recovered)
		}), client.OnEnd(func(err error) {
			log.ended(p.Name, channel, fmt.Sprint(err))
		}))
		if err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	g := &goClient{Client: c, stop: cancel}
	if p.Publishes != "" {
		g.wait.Go(func() { g.publish(ctx, s, p) })
	}
	return g, nil
}

// publish publishes over the client's connection until the publishers stop.
func (g *goClient) publish(ctx context.Context, s *stage, p part) {
	for n := 1; !s.log.resting.Load() && pause(ctx, 2*time.Second) == nil; n++ {
		data := payload(p.Name, n)
		key := fmt.Sprint(p.Name, " ", n)
		trying, cancel := context.WithTimeout(ctx, 30*time.Second)
		at, err := g.Publish(trying, p.Publishes, data, client.Key(key))
		cancel()
		if err != nil {
			s.log.refused(err.Error())
			continue
		}
		s.log.ack(key, heard{p.Publishes, at, "", digest(data), 0})
	}
}

// Close ends the client.
func (g *goClient) Close() {
	g.stop()
	g.wait.Wait()
	g.Client.Close()
}

// page is a Node process with clients in it.
type page struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	rested chan struct{} // closed when it publishes no more
	done   chan struct{} // closed when all that it wrote was read
}

// startPage starts the clients of these parts in one process.
func startPage(s *stage, parts []part) (*page, error) {
	text, err := json.Marshal(map[string]any{"url": s.url + "/bus", "clients": parts})
	if err != nil {
		return nil, err
	}
	p := &page{
		cmd:    exec.Command("node", filepath.Join(s.root, "sim/nemesis/clients.mjs"), string(text)),
		rested: make(chan struct{}), done: make(chan struct{}),
	}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go p.read(s.log, out)
	return p, nil
}

// line is what a client in JavaScript says.
type line struct {
	Client, Channel, Kind string
	At                    int64 // Unix, in ms
	Epoch                 string
	Offset                uint64
	Tag, ID               string
	Data                  json.RawMessage
	Time                  int64
	Last                  *position
	Reason                string // of a gap; of an end
	State, Transport      string
	Key                   string
}

func (p *page) read(log *journal, out io.Reader) {
	defer close(p.done)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			log.ended("js", "", "wrote "+lines.Text())
			continue
		}
		at := log.since(time.UnixMilli(l.At))
		here := protocol.Position{Epoch: l.Epoch, Offset: l.Offset, Tag: l.Tag}
		switch l.Kind {
		case "message":
			log.ear(l.Client, l.Channel).message(at, heard{l.Channel, here, l.ID, digest(l.Data), l.Time})
		case "gap":
			var last protocol.Position
			if l.Last != nil {
				last = l.Last.at()
			}
			log.ear(l.Client, l.Channel).gap(at, l.Reason, last, here)
		case "subscribed":
			log.ear(l.Client, l.Channel).subscribed(at, here, false)
		case "status":
			var err error
			if l.Reason != "" {
				err = fmt.Errorf("%s", l.Reason)
			}
			log.status(l.Client, l.State, l.Transport, err)
		case "ack":
			log.ack(l.Key, heard{l.Channel, here, "", digest(l.Data), 0})
		case "refused":
			log.refused(l.Reason)
		case "rested":
			close(p.rested)
		case "ended":
			log.ended(l.Client, l.Channel, l.Reason)
		}
	}
}

// stop and go on, as a computer that sleeps.
func (p *page) signal(sig syscall.Signal) { p.cmd.Process.Signal(sig) }

// rest asks its clients to publish no more, and waits until what they began has ended.
func (p *page) rest() {
	io.WriteString(p.in, "rest\n")
	select {
	case <-p.rested:
	case <-p.done:
	case <-time.After(time.Minute):
	}
}

// end ends the process.
func (p *page) end() {
	p.in.Close()
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		p.cmd.Process.Kill()
		<-p.done
	}
	p.cmd.Wait()
}
