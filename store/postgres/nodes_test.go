package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/broker"
	"tidings/internal/testpostgres"
	"tidings/store/relay"
)

// town is a broker that both nodes share. Like every broker it remembers keys.
type town struct {
	mu       sync.Mutex
	keys     map[string]bool
	messages []broker.Publish
	news     chan struct{}
}

func (o *town) publish(ctx context.Context, p broker.Publish) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if key := p.Principal + " " + p.IdempotencyKey; !o.keys[key] {
		o.keys[key] = true
		o.messages = append(o.messages, p)
		select {
		case o.news <- struct{}{}:
		default:
		}
	}
	return nil
}

// wait waits for so many messages and checks them: each document's versions are there, once, and in their order.
func (o *town) wait(t *testing.T, want map[string]int) {
	t.Helper()
	total := 0
	for _, n := range want {
		total += n
	}
	late := time.After(2 * time.Minute)
	for {
		o.mu.Lock()
		n := len(o.messages)
		o.mu.Unlock()
		if n >= total {
			break
		}
		select {
		case <-o.news:
		case <-late:
			t.Fatalf("%d messages of %d after two minutes", n, total)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	last, count := map[string]uint64{}, map[string]int{}
	for _, p := range o.messages {
		var id string
		fmt.Sscanf(string(p.Data), `{"_id":%q`, &id)
		if p.Extra.Change <= last[id] {
			t.Errorf("of %s change %d came behind %d", id, p.Extra.Change, last[id])
		}
		last[id] = p.Extra.Change
		count[id]++
	}
	for id, n := range want {
		if count[id] != n {
			t.Errorf("of %s %d messages were published, %d writes were answered", id, count[id], n)
		}
	}
}

// line is a proxy before the database, which can be stalled and cut.
type line struct {
	net.Listener
	to string

	mu    sync.Mutex
	open  *sync.Cond // woken when stalled ends
	stall bool
	conns []net.Conn
}

func newLine(t *testing.T, to string) *line {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &line{Listener: l, to: to}
	p.open = sync.NewCond(&p.mu)
	var group sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		p.set(false)
		p.cut()
		group.Wait()
	})
	group.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", p.to)
			if err != nil {
				near.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, near, far)
			p.mu.Unlock()
			group.Go(func() { p.pass(near, far) })
			group.Go(func() { p.pass(far, near) })
		}
	})
	return p
}

func (p *line) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		for p.stall {
			p.open.Wait()
		}
		p.mu.Unlock()
		if _, failed := to.Write(buf[:n]); failed != nil || err != nil {
			return
		}
	}
}

func (p *line) set(stall bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stall = stall
	p.open.Broadcast()
}

func (p *line) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

// node is a store with its relay.
func node(t *testing.T, url string, o *town) *Store {
	s := openAt(t, url, func(c *Config) { c.silence = 2 * time.Second })
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	r := relay.New(relay.Config{Store: s, Publish: o.publish, Log: slog.New(slog.DiscardHandler)})
	group.Go(func() { r.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
	return s
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	late := time.After(time.Minute)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for !holds() {
		select {
		case <-look.C:
		case <-late:
			t.Fatalf("not in a minute: %s", what)
		}
	}
}

// Two nodes share a database and a broker. Whatever happens to the one that publishes, the other goes on: nothing is
// missing, nothing comes twice, and each document's changes come in their order.
func TestTwoNodes(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault func(t *testing.T, a *Store, l *line)
		mend  func(l *line)
	}{
		{"the session with the lock is ended by the server", func(t *testing.T, a *Store, _ *line) {
			sqlExec(t, connect(t, a.cfg.URL), fmt.Sprintf("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND (classid::bigint << 32) + objid::bigint = %d", int64(lockLead)))
		}, nil},
		{"its connections are cut", func(_ *testing.T, _ *Store, l *line) { l.cut() }, nil},
		{"it is stalled until the other one leads, and woken", func(t *testing.T, _ *Store, l *line) { l.set(true) }, func(l *line) { l.set(false) }},
		{"it ends", func(_ *testing.T, a *Store, _ *line) { a.Close() }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := testpostgres.Database(t)
			host := url[strings.Index(url, "@")+1:]
			host = host[:strings.Index(host, "/")]
			o := &town{keys: map[string]bool{}, news: make(chan struct{}, 1)}
			l := newLine(t, host)
			a := node(t, strings.Replace(url, host, l.Addr().String(), 1), o)
			waitFor(t, "the first node leads", a.leads.Load)
			b := node(t, url, o)
			answered := map[string]int{}
			write := func(s *Store, n int) {
				for i := range n {
					id := fmt.Sprintf("%s-%d", strings.Fields(c.name)[1], i%7)
					if err := put(s, id, fmt.Sprintf(`{"n":%d}`, i)); err != nil {
						t.Error(err)
						return
					}
					answered[id]++
				}
			}
			write(a, 20)
			write(b, 20)
			o.wait(t, answered)
			done := make(chan struct{})
			go func() {
				defer close(done)
				write(b, 60)
			}()
			c.fault(t, a, l)
			<-done
			o.wait(t, answered)
			if c.mend != nil {
				waitFor(t, "the second node leads", b.leads.Load)
				c.mend(l)
			}
			write(b, 40)
			o.wait(t, answered)
		})
	}
}

// A node that does not publish learns that its changes were: else it would take them for waiting, and refuse to write
// after so many.
func TestWhatOthersPublishWaitsNoMore(t *testing.T) {
	url := testpostgres.Database(t)
	o := &town{keys: map[string]bool{}, news: make(chan struct{}, 1)}
	a := node(t, url, o)
	waitFor(t, "the first node leads", a.leads.Load)
	b := openAt(t, url, func(c *Config) { c.countEvery = 10 * time.Millisecond })
	for n := range 20 {
		if err := put(b, fmt.Sprint(n), `{}`); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, "nothing waits", func() bool { return b.Stats().Waiting == 0 })
}
