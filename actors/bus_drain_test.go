package actors

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tidings/broker/memory"
	"tidings/protocol"
)

// amongNodes plays fn with a node of three, of which the two others accept so many connections a second each.
func amongNodes(t *testing.T, accepts float64, fn func(w *world, others []*Bus)) {
	t.Helper()
	var shared *memory.Broker
	secret := []byte("0123456789abcdef0123456789abcdef")
	node := func(cfg *Config) {
		cfg.Broker, cfg.SigningSecret, cfg.ConnectsPerSecond = shared.Node(), secret, accepts
	}
	inBubble(t, func(cfg *Config) {
		shared = cfg.Broker.(*memory.Broker)
		node(cfg)
		cfg.ConnectsPerSecond = 0 // the test connects all at once
	}, func(w *world) {
		defer shared.Close()
		var others []*Bus
		for range 2 {
			cfg := Config{Rules: w.bus.cfg.Rules, Logger: w.bus.log}
			node(&cfg)
			other, err := Start(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer other.broker.Close()
			defer other.Stop()
			others = append(others, other)
		}
		w.settle()
		fn(w, others)
	})
}

// drainIn has w's node retire and drain in a window, and returns how many of the clients each second ended, from the end
// of the delay on.
func (w *world) drainIn(delay, window time.Duration, clients []*client) (ends []int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), delay+window)
	defer cancel()
	drained := make(chan error, 1)
	go func() {
		w.bus.Retire(ctx, delay)
		drained <- w.bus.Drain(ctx)
	}()
	w.pass(delay + 950*time.Millisecond) // the last of a slice end 100 ms before the next begins
	before := 0
	for {
		n := 0
		for _, c := range clients {
			if c.conn.ended.Load() {
				n++
			}
		}
		ends, before = append(ends, n-before), n
		select {
		case err := <-drained:
			if err != nil {
				w.t.Errorf("drain: %v", err)
			}
			return ends
		default:
			w.pass(time.Second)
		}
	}
}

func TestRetireSaysSoAndGoesOnForItsDelay(t *testing.T) {
	amongNodes(t, 100, func(w *world, others []*Bus) {
		ctx := context.Background()
		early := w.connect()
		drained := make(chan error, 1)
		go func() {
			w.bus.Retire(ctx, 3*time.Second)
			drained <- w.bus.Drain(ctx)
		}()
		w.pass(2900 * time.Millisecond)
		if err := w.bus.Ready(ctx); !errors.Is(err, &protocol.Error{Code: protocol.CodeShuttingDown}) {
			t.Errorf("a retired node is ready: %v", err)
		}
		for _, other := range others {
			for _, n := range other.Nodes() {
				if n.Draining != (n.ID == w.bus.Self()) {
					t.Errorf("another node has %s as draining: %v", n.ID, n.Draining)
				}
			}
		}
		late, err := w.open(protocol.Peer{Transport: protocol.WebSocket}, nil)
		if err != nil {
			t.Fatalf("a client in the delay: %v, want it taken: its balancer has not looked yet", err)
		}
		if early.link.end() != "" || late.link.end() != "" {
			t.Errorf("clients ended in the delay: %q, %q", early.link.end(), late.link.end())
		}
		w.pass(200 * time.Millisecond)
		if _, err := w.open(protocol.Peer{}, nil); !errors.Is(err, &protocol.Error{Code: protocol.CodeShuttingDown}) {
			t.Errorf("a client after the delay: %v", err)
		}
		for _, c := range []*client{early, late} {
			if last := c.link.farewell(); c.link.end() != protocol.CodeShuttingDown || !last.Frame.Retry || last.Frame.AfterMS != 1000 {
				t.Errorf("a client ended with %q, %+v, want it back within a second", c.link.end(), last)
			}
		}
		w.pass(800 * time.Millisecond)
		select {
		case err := <-drained:
			t.Errorf("the node ended at once after its last client (%v): who polled meanwhile is not answered", err)
		default:
			if err := <-drained; err != nil {
				t.Errorf("drain: %v", err)
			}
		}
	})
}

// A node without another does not wait: there is nowhere else to send clients to.
func TestRetireAlone(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"a broker of one": nil,
		"a shared broker": func(cfg *Config) {
			cfg.Broker, cfg.SigningSecret = cfg.Broker.(*memory.Broker).Node(), []byte("0123456789abcdef0123456789abcdef")
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, change, func(w *world) {
				w.settle()
				start := time.Now()
				w.bus.Retire(context.Background(), 3*time.Second)
				if took := time.Since(start); took != 0 || w.bus.Serving() == nil {
					t.Errorf("it took %v, serving: %v", took, w.bus.Serving())
				}
			})
		})
	}
}

func Test_F30_aDrainGoesByWhatOtherNodesAccept(t *testing.T) {
	for _, tt := range []struct {
		clients int
		window  time.Duration
		accepts float64
		want    string // ends in each second, and none in the last, when the node only answers
		warns   string // of what the log has; "" for nothing
	}{
		{clients: 120, window: 30 * time.Second, accepts: 100, want: "[50 50 20 0]"},
		{clients: 700, window: 15 * time.Second, accepts: 100, want: "[71 71 71 71 71 71 71 71 71 61 0]"},
		{clients: 700, window: 15 * time.Second, accepts: 0, want: "[71 71 71 71 71 71 71 71 71 61 0]"},
		{clients: 700, window: 7 * time.Second, accepts: 100, want: "[234 234 232 0]", warns: "set drain to 12s"},
		{clients: 700, window: 15 * time.Second, accepts: 10, want: "[71 71 71 71 71 71 71 71 71 61 0]", warns: "set drain to 19s"},
	} {
		t.Run(fmt.Sprint(tt.clients, " in ", tt.window, ", ", tt.accepts), func(t *testing.T) {
			amongNodes(t, tt.accepts, func(w *world, _ []*Bus) {
				var clients []*client
				for range tt.clients {
					clients = append(clients, w.connect())
				}
				if got := fmt.Sprint(w.drainIn(3*time.Second, tt.window, clients)); got != tt.want {
					t.Errorf("%v ended, second by second, want %s", got, tt.want)
				}
				if got := w.log.String(); strings.Contains(got, "WARN") != (tt.warns != "") || !strings.Contains(got, tt.warns) {
					t.Errorf("the log has %q, want %q", got, tt.warns)
				}
			})
		})
	}
}

// Clients of gateways are not told when to come back, so they leave bit by bit.
func TestDrainSpreadsForeignClients(t *testing.T) {
	amongNodes(t, 100, func(w *world, _ []*Bus) {
		var foreign []*client
		for range 30 {
			c, err := w.open(protocol.Peer{Transport: protocol.WebSocket, Gateway: protocol.GatewayPrimus}, nil)
			if err != nil {
				t.Fatal(err)
			}
			foreign = append(foreign, c)
		}
		native := w.connect()
		drained := make(chan error, 1)
		go func() { drained <- w.bus.Drain(context.Background()) }()
		w.settle()
		if native.link.end() == "" {
			t.Error("a native client does not end at once: it is told within what time to come back")
		}
		for step := 1; step <= foreignSteps; step++ {
			ended := 0
			for _, c := range foreign {
				if c.link.end() == protocol.CodeShuttingDown {
					ended++
				}
			}
			if ended != 3*step {
				t.Errorf("step %d: %d of 30 have ended, want %d", step, ended, 3*step)
			}
			w.pass(drainSlice / foreignSteps)
		}
		if err := <-drained; err != nil {
			t.Error(err)
		}
	})
}

// Sessions without a transport outlive those with one: their clients may still resume elsewhere, and ask here for what
// they missed.
func TestDrainEndsParkedSessionsLast(t *testing.T) {
	amongNodes(t, 100, func(w *world, _ []*Bus) {
		parked := w.connect()
		parked.cut()
		var linked []*client
		for range leastSlice + 10 {
			linked = append(linked, w.connect())
		}
		w.settle()
		drained := make(chan error, 1)
		go func() { drained <- w.bus.Drain(context.Background()) }()
		w.pass(900 * time.Millisecond)
		if parked.conn.ended.Load() {
			t.Error("the parked session ended in the first slice")
		}
		if err := <-drained; err != nil {
			t.Error(err)
		}
		for _, c := range append(linked, parked) {
			if !c.conn.ended.Load() {
				t.Errorf("%s goes on after the drain", c.conn.ID())
			}
		}
	})
}
