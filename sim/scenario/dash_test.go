package scenario

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"tidings/client"
	"tidings/protocol"
	"tidings/sim/check"
)

// The transports. Any is what a client does by itself: all of them, the best first.
const (
	WebSocket = protocol.WebSocket
	SSE       = protocol.SSE
	Poll      = protocol.Poll
	Any       = "any"
)

// Dash is a page: one Go client behind a link of its own, and all that its callbacks were told. The link's methods are
// its network.
type Dash struct {
	*link
	w      *World
	name   string
	client *client.Client
	web    *http.Transport
	talk   sync.WaitGroup

	mu       sync.Mutex // guards all below
	heard    []*check.Listener
	subs     map[*client.Subscription]*check.Listener
	statuses []client.Status
	names    []string // of the server's connections that carried it
	slow     time.Duration
	frozen   chan struct{} // closed when the client's own time goes on
	closed   bool
	said     int // publishes begun
	answered int
	ended    []error // subscriptions that ended
}

// Client makes a page. via are proxies on its way: the first is next to it. More than one is not built.
func (w *World) Client(name, transport string, via ...*proxy) *Dash {
	to := w.front
	if len(via) > 0 {
		to = via[0].listener
	}
	d := &Dash{w: w, name: name, subs: map[*client.Subscription]*check.Listener{}, link: w.link(name, to)}
	d.web = &http.Transport{DialContext: d.link.dial, DisableCompression: true}
	var transports []string
	if transport != Any {
		transports = []string{transport}
	}
	dice := rand.New(rand.NewPCG(w.seed, uint64(len(w.dashes))+100))
	c, err := client.New(client.Config{
		URL: "http://bus.test/bus", Transports: transports, HTTPClient: &http.Client{Transport: d.web},
		Logger: slog.New(slog.DiscardHandler), OnStatus: d.onStatus,
		Random: func() float64 { d.thaw(); return dice.Float64() },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	d.client = c
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dashes = append(w.dashes, d)
	return d
}

func (d *Dash) onStatus(s client.Status) {
	d.mu.Lock()
	d.statuses = append(d.statuses, s)
	if s.State == client.Connected && (len(d.names) == 0 || d.names[len(d.names)-1] != s.Connection) {
		d.names = append(d.names, s.Connection)
	}
	d.mu.Unlock()
	d.w.note("%s: %s %s resumed=%v %v", d.name, s.State, s.Transport, s.Resumed, s.Err)
}

// Subscribe listens to a channel. In the end it must have heard everything, or been told of a gap.
func (d *Dash) Subscribe(channel string, opts ...client.Option) *client.Subscription {
	l := &check.Listener{Name: d.name, Channel: channel, Final: true}
	d.mu.Lock()
	d.heard = append(d.heard, l)
	d.mu.Unlock()
	tell := func(e check.Event) {
		d.mu.Lock()
		defer d.mu.Unlock()
		e.At = d.w.now()
		l.Events = append(l.Events, e)
	}
	sub, err := d.client.Subscribe(channel, func(m client.Message) {
		tell(check.Event{Kind: check.Message, Position: m.Position, ID: m.ID, Data: string(m.Data)})
		d.mu.Lock()
		slow := d.slow
		d.mu.Unlock()
		if slow > 0 {
			time.Sleep(slow)
		}
	}, append(opts, client.OnGap(func(g client.Gap) {
		d.w.note("%s: gap on %s: %s from %s to %s", d.name, channel, g.Reason, g.Last, g.From)
		tell(check.Event{Kind: check.Gap, Position: g.From, Last: g.Last, Reason: string(g.Reason)})
	}), client.OnSubscribed(func(at protocol.Position, recovered bool) {
		d.w.note("%s: subscribed to %s at %s recovered=%v", d.name, channel, at, recovered)
		tell(check.Event{Kind: check.Subscribed, Position: at, Recovered: recovered})
	}), client.OnEnd(func(err error) {
		d.w.note("%s: subscription to %s ended: %v", d.name, channel, err)
		d.mu.Lock()
		d.ended = append(d.ended, err)
		d.mu.Unlock()
	}))...)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err == nil:
		d.subs[sub] = l
	case d.closed:
		l.Final = false
	default:
		d.w.t.Error(err)
	}
	return sub
}

// Leave closes a subscription.
func (d *Dash) Leave(s *client.Subscription) {
	if s == nil {
		return
	}
	s.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.subs[s].Final = false
}

// Slow lets each callback of a message take so long.
func (d *Dash) Slow(each time.Duration) {
	d.mu.Lock()
	d.slow = each
	d.mu.Unlock()
}

// Sleep closes the laptop's lid: nothing passes, and the client's own time stands still as soon as it looks at the
// clock.
func (d *Dash) Sleep() {
	d.mu.Lock()
	d.frozen = make(chan struct{})
	d.mu.Unlock()
	d.Vanish()
}

// Wake opens the lid.
func (d *Dash) Wake() {
	d.Heal()
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.frozen)
	d.frozen = nil
}

// thaw waits while the client sleeps. Its loop calls it before each heartbeat and each attempt.
func (d *Dash) thaw() {
	d.mu.Lock()
	frozen := d.frozen
	d.mu.Unlock()
	if frozen != nil {
		<-frozen
	}
}

// Use changes the transport, as a better network does.
func (d *Dash) Use(transports ...string) {
	d.w.note("%s: use %v", d.name, transports)
	d.client.Use(transports...)
}

// Close says goodbye.
func (d *Dash) Close() {
	d.mu.Lock()
	was := d.closed
	d.closed = true
	for _, l := range d.heard {
		l.Final = l.Final && was
	}
	d.mu.Unlock()
	d.client.Close()
	d.web.CloseIdleConnections()
}

// Publish publishes over the page's own connection, in the background.
func (d *Dash) Publish(channel string, opts ...PublishOption) {
	p := pace{times: 1}
	for _, o := range opts {
		o(&p)
	}
	if p.lasts > 0 {
		p.times = int(p.lasts / p.every)
	}
	d.talk.Go(func() {
		for range p.times {
			time.Sleep(p.every)
			d.mu.Lock()
			d.said++
			op := fmt.Sprintf("%s says %d", d.name, d.said)
			d.mu.Unlock()
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
			at, err := d.client.Publish(ctx, channel, op, client.Key(op))
			for again(err) && ctx.Err() == nil {
				time.Sleep(time.Second)
				at, err = d.client.Publish(ctx, channel, op, client.Key(op))
			}
			cancel()
			if err != nil {
				if errors.Is(err, client.ErrClosed) {
					return
				}
				d.w.t.Errorf("%s was not published: %v", op, err)
				return
			}
			d.mu.Lock()
			d.answered++
			d.mu.Unlock()
			d.w.book.ack(check.Ack{Op: op, Channel: channel, Position: at, Data: fmt.Sprintf("%q", op), At: d.w.now()})
		}
	})
}

// again tells whether a publish may do better with the same key.
func again(err error) bool {
	var refused *protocol.Error
	return errors.As(err, &refused) && refused.Code.Row().Retry
}

// finish says which listeners are to have everything.
func (d *Dash) finish() {
	live := d.client.Status().State == client.Connected
	whole := d.whole()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.heard {
		l.Live = live
		l.Final = l.Final && whole
	}
}

// recorded gives a copy of what the callbacks were told.
func (d *Dash) recorded() []*check.Listener {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []*check.Listener
	for _, l := range d.heard {
		c := *l
		c.Events = slices.Clone(l.Events)
		all = append(all, &c)
	}
	return all
}
