// Package client is the Go client of a Tidings bus: one connection over WebSocket, SSE or long-polling, whichever the
// network lets through, that survives cuts without losing or repeating a message. See protocol/SPEC.md for what it
// promises.
//
//	bus, err := client.New(client.Config{URL: "http://localhost:8080/bus"})
//	sub, err := bus.Subscribe("orders/new", func(m client.Message) { fmt.Println(string(m.Data)) })
//	at, err := bus.Publish(ctx, "orders/new", map[string]any{"id": 7})
package client

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// ErrClosed is what calls fail with after Close.
var ErrClosed = errors.New("client: closed")

// Client is one connection to a bus and what hangs on it. It opens at the first Subscribe, Publish or History. All
// methods may be called from any goroutine, callbacks included.
type Client struct {
	cfg  Config
	http *http.Client
	own  *http.Transport // ours to clean up; nil if the program gave its own

	commands chan func()
	events   chan event
	dispatch *dispatcher
	closing  chan struct{} // closed by Close
	done     chan struct{} // closed when the loop has ended
	close    sync.Once
	ctx      context.Context // of links and token calls; ended with the loop
	cancel   context.CancelFunc
	workers  sync.WaitGroup // goroutines of links and token calls

	mu     sync.Mutex
	status Status // guarded by mu
	err    error  // guarded by mu: why calls fail once done is closed

	loop
}

// loop is what the event loop's goroutine alone may touch.
type loop struct {
	machine  *core.Client
	upstream upstream
	answers  answers
	topics   map[topicKey]*topic
	calls    map[*core.Request]*call
	queue    []func() // callbacks that wait for the dispatcher
	timers   timers
	paused   bool  // see Hold
	final    error // ends the loop

	ladder     []string // transports in the order to try them
	preferred  string   // the one that worked; "" for none
	expires    time.Time
	round      []string  // what this round still has to try
	rounds     int       // failed rounds since something worked
	unsteady   time.Time // since when no connection lasted stableAfter or brought a message; zero if the last one did last
	shaky      int
	lastLink   int
	current    *carrier  // carries the session
	next       *carrier  // is being tried
	left       time.Time // when a link was closed last
	connection string    // the server's name for it

	token     string
	stale     bool // the server does not take token any more
	fetching  bool
	refusals  int // of tokens, in a row
	lastSent  time.Time
	lastHeard time.Time
	heartbeat time.Duration
	mute      mute
	refused   int  // subscriptions refused for the moment, in a row
	stuck     bool // the frame under way showed that the link drops what follows
}

// New makes a client. It fails only for a bad Config.
func New(cfg Config) (*Client, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	c := &Client{
		cfg:      cfg,
		commands: make(chan func()),
		events:   make(chan event),
		dispatch: newDispatcher(),
		closing:  make(chan struct{}),
		done:     make(chan struct{}),
		status:   Status{State: Idle},
		loop: loop{
			topics:    map[topicKey]*topic{},
			calls:     map[*core.Request]*call{},
			ladder:    cfg.transports(),
			token:     cfg.Token,
			heartbeat: protocol.DefaultHeartbeat,
		},
	}
	c.machine = core.NewClient(port{c})
	c.http, c.own = httpClient(cfg.HTTPClient)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	go c.dispatch.run()
	go c.run()
	return c, nil
}

// httpClient copies base without its timeout, which would end streams.
func httpClient(base *http.Client) (*http.Client, *http.Transport) {
	if base != nil {
		copied := *base
		copied.Timeout = 0
		return &copied, nil
	}
	own := http.DefaultTransport.(*http.Transport).Clone()
	return &http.Client{Transport: own}, own
}

// do runs fn on the loop and waits for it. It fails with why the client is closed.
func (c *Client) do(fn func()) error {
	ran := make(chan struct{})
	select {
	case c.commands <- func() { fn(); close(ran) }:
		<-ran
		return nil
	case <-c.done:
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.err
	}
}

// Close sends goodbye to the server, at most for a second, and ends the client: no callback begins after it returned,
// and no goroutine is left but a callback that is running.
func (c *Client) Close() {
	running := c.dispatch.stop() // before the loop ends: else the dispatcher may tell the listeners of it, or may not
	c.close.Do(func() { close(c.closing) })
	<-c.done
	if !running {
		<-c.dispatch.done
	}
}

// Use changes the transports and their order; none means those of Config. Where another one comes first now, the client
// moves there: it keeps the old one until the new one carries the session.
func (c *Client) Use(transports ...string) error {
	if err := checkTransports(transports); err != nil {
		return err
	}
	if len(transports) == 0 {
		transports = c.cfg.transports()
	}
	return c.do(func() { c.use(transports) })
}
