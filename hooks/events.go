package hooks

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"tidings/actors"
	"tidings/protocol"
)

const (
	maxBatch           = 100
	firstWait, maxWait = 200 * time.Millisecond, 30 * time.Second
)

// event is one on the wire.
type event struct {
	Number     uint64           `json:"number"`
	Event      string           `json:"event"`
	Time       int64            `json:"time"` // Unix milliseconds
	Connection string           `json:"connection,omitempty"`
	User       string           `json:"user,omitempty"`
	Channel    protocol.Channel `json:"channel,omitempty"`
	Code       protocol.Code    `json:"code,omitempty"`
}

// queue holds what happened until the application has it: each event at least once, in order, numbered from 1 for each
// run of this node. What does not fit is lost, which the numbers show.
type queue struct {
	client *Client
	node   string // of this run
	wake   chan struct{}
	done   chan struct{}
	ctx    context.Context // of the requests
	cancel context.CancelFunc

	mu      sync.Mutex // guards the rest
	waiting []event
	number  uint64
	closing bool
	lost    uint64
	sent    uint64
}

func (q *queue) start(c *Client) {
	q.client, q.node = c, rand.Text()[:12]
	q.wake, q.done = make(chan struct{}, 1), make(chan struct{})
	q.ctx, q.cancel = context.WithCancel(context.Background())
	go q.run()
}

// stop sends what waits, until ctx is over.
func (q *queue) stop(ctx context.Context) {
	if q.done == nil {
		return
	}
	q.mu.Lock()
	q.closing = true
	q.mu.Unlock()
	q.poke()
	select {
	case <-q.done:
	case <-ctx.Done():
		q.cancel()
		<-q.done
	}
	q.cancel()
}

func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// add implements actors.Hooks.Tell.
func (q *queue) add(e actors.Event) {
	q.mu.Lock()
	q.number++
	if len(q.waiting) < q.client.cfg.MaxEvents {
		q.waiting = append(q.waiting, event{q.number, e.What, e.Time.UnixMilli(), e.Connection, e.User, e.Channel, e.Code})
	} else {
		q.lost++
	}
	q.mu.Unlock()
	q.poke()
}

// next returns what goes out next; over if there is nothing and nothing will come.
func (q *queue) next() (batch []event, over bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting[:min(len(q.waiting), maxBatch)], q.closing && len(q.waiting) == 0
}

func (q *queue) sentOff(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting = q.waiting[n:]; len(q.waiting) == 0 {
		q.waiting = nil
	}
	q.sent += uint64(n)
}

func (q *queue) run() {
	defer close(q.done)
	wait := firstWait
	for {
		batch, over := q.next()
		switch {
		case over || q.ctx.Err() != nil:
			return
		case len(batch) == 0:
			select {
			case <-q.wake:
			case <-q.ctx.Done():
			}
		case q.post(batch):
			q.sentOff(len(batch))
			wait = firstWait
		default:
			select {
			case <-time.After(wait):
			case <-q.ctx.Done():
			}
			wait = min(2*wait, maxWait)
		}
	}
}

// post sends a batch. The application sees by the numbers what it had before.
func (q *queue) post(batch []event) bool {
	body, err := json.Marshal(struct {
		Hook   string  `json:"hook"`
		Node   string  `json:"node"`
		Events []event `json:"events"`
	}{Events, q.node, batch})
	if err != nil {
		return false
	}
	c := q.client
	a, err := c.send(q.ctx, request{method: http.MethodPost, url: c.cfg.URL, id: newID(), body: body})
	if err == nil {
		if refusal := a.refusal(); refusal != nil {
			err = refusal
		}
	}
	if err != nil && q.ctx.Err() == nil {
		c.cfg.Logger.Warn("hooks: events wait for the application", "error", err.Error(), "events", len(batch))
	}
	return err == nil
}

// told implements actors.Hooks.Told.
func (q *queue) told() actors.EventCount {
	q.mu.Lock()
	defer q.mu.Unlock()
	return actors.EventCount{Sent: q.sent, Lost: q.lost, Waiting: len(q.waiting)}
}
