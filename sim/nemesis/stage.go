package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"time"

	"tidings/sim/nemesis/proxy"
)

// The channels of a run. The busy one keeps so few messages that who is away for longer than busyWindow misses some,
// and is told so; of the calm ones everything is kept.
const (
	busyChannel  = "busy/all"
	busyMessages = 100
	busyRate     = 5 // messages a second
	busyWindow   = busyMessages / busyRate * time.Second
	calmChannels = 10
)

func calm(i int) string { return fmt.Sprintf("calm/%d", i%calmChannels) }

// stage is what a run takes place on.
type stage struct {
	options
	server *server // if it is one
	fleet  *fleet  // if there are several nodes
	proxy  *proxy.Proxy
	direct string // URL of the server, or of the balancer
	url    string // URL that clients have: of the proxy, or of the balancer
	log    *journal
	goes   []*goClient
	pages  []*page
	crowd  *publishers
	plan   []*phase
}

// play sets the stage, plays the plan, heals everything, and waits until all clients have heard everything.
func play(ctx context.Context, o options) (*stage, error) {
	s := &stage{options: o, log: newJournal(o.plant)}
	kinds := o.kinds()
	if len(kinds) == 0 {
		return nil, fmt.Errorf("no fault has %q in its name", o.only)
	}
	dir, err := os.MkdirTemp("", "nemesis-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	address, end, err := s.begin(dir)
	if err != nil {
		return nil, err
	}
	defer end()
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.direct, s.url = "http://"+address, "http://"+front.Addr().String()
	s.proxy = proxy.New(proxy.To(address), o.seed)
	go s.proxy.Serve(front)
	defer s.proxy.Close()
	if o.direct {
		s.url = s.direct
	}
	defer s.dismiss()
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	s.crowd = startPublishers(s)
	rng := rand.New(rand.NewPCG(o.seed, 1))
	s.plan = draw(rng, kinds, o.length, o.pace)
	for _, p := range s.plan {
		if err := s.through(ctx, rng, p); err != nil {
			return nil, err
		}
	}
	s.crowd.stop()
	return s, s.settle(ctx)
}

// begin starts what clients reach, and returns its address, and what ends it.
func (s *stage) begin(dir string) (address string, end func(), err error) {
	if s.nodes == 1 {
		if s.server, err = startServer(s.options, dir, s.log); err != nil {
			return "", nil, err
		}
		return s.server.addr, s.server.end, nil
	}
	if s.fleet, err = startFleet(s.options, dir, s.log); err != nil {
		return "", nil, err
	}
	return s.fleet.balancer.addr, s.fleet.end, nil
}

// enter starts the clients and waits until each of them is subscribed to its channels.
func (s *stage) enter(ctx context.Context) error {
	const perPage = 25 // JavaScript clients of one process
	var cast []part
	for i := range s.clients {
		cast = append(cast, partOf(i, s.js))
	}
	for len(cast) > 0 {
		n := min(2*perPage, len(cast))
		var ours, theirs []part
		for _, p := range cast[:n] {
			if p.JS {
				theirs = append(theirs, p)
			} else {
				ours = append(ours, p)
			}
		}
		cast = cast[n:]
		if len(theirs) > 0 {
			p, err := startPage(s, theirs)
			if err != nil {
				return err
			}
			s.pages = append(s.pages, p)
		}
		for _, p := range ours {
			c, err := startGoClient(s, p)
			if err != nil {
				return err
			}
			s.goes = append(s.goes, c)
		}
	}
	return s.until(ctx, time.Minute, "all are subscribed", func() string { return s.log.unsubscribed(s.clients) })
}

// settle waits until every client is connected and has heard everything. That some have not is for the laws to say.
func (s *stage) settle(ctx context.Context) error {
	tops, err := tops(ctx, s.direct, s.log)
	if err != nil {
		return err
	}
	s.log.tops = tops
	s.until(ctx, 45*time.Second, "all have heard everything", s.log.behind)
	s.log.stopped = s.log.now()
	return ctx.Err()
}

// until waits until why returns "". It fails with what why returned last.
func (s *stage) until(ctx context.Context, limit time.Duration, what string, why func() string) error {
	deadline := time.Now().Add(limit)
	for {
		missing := why()
		if missing == "" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %v: %s: %s", limit, what, missing)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// dismiss ends the clients.
func (s *stage) dismiss() {
	s.log.over.Store(true)
	if s.crowd != nil {
		s.crowd.stop()
	}
	for _, p := range s.pages {
		p.end()
	}
	for _, c := range s.goes {
		c.Close()
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
