package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"tidings/protocol"
	"tidings/sim/check"
)

// Backend is a publisher: it posts each message with an idempotency key of its own, and again until it is answered.
type Backend struct {
	*link
	w    *World
	name string
	web  *http.Transport
	done sync.WaitGroup
	ctx  context.Context
	stop context.CancelFunc

	mu      sync.Mutex // guards all below
	sent    int        // publishes begun
	acked   int
	tries   int
	refused map[protocol.Code]int
	slowest time.Duration
}

// Backend makes a publisher; World.Publish makes one for itself.
func (w *World) Backend(name string, via ...*proxy) *Backend {
	to := w.front
	if len(via) > 0 {
		to = via[0].listener
	}
	b := &Backend{w: w, name: name, link: w.link(name, to), refused: map[protocol.Code]int{}}
	b.web = &http.Transport{DialContext: b.link.dial, DisableCompression: true, MaxIdleConnsPerHost: 8}
	b.ctx, b.stop = context.WithCancel(context.Background())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.backends = append(w.backends, b)
	return b
}

// pace is how a publisher publishes.
type pace struct {
	every, lasts time.Duration
	times, size  int
}

// PublishOption changes a pace.
type PublishOption func(*pace)

// Every publishes at this interval; without it everything goes out at once, one after the other.
func Every(d time.Duration) PublishOption { return func(p *pace) { p.every = d } }

// For ends after d, Times after n messages; one by default.
func For(d time.Duration) PublishOption { return func(p *pace) { p.lasts = d } }
func Times(n int) PublishOption         { return func(p *pace) { p.times = n } }

// Size is the least number of bytes of each message's data.
func Size(n int) PublishOption { return func(p *pace) { p.size = n } }

// Publish publishes in the background, from now on.
func (b *Backend) Publish(channel string, opts ...PublishOption) {
	p := pace{times: 1}
	for _, o := range opts {
		o(&p)
	}
	if p.lasts > 0 {
		p.times = int(p.lasts / p.every)
	}
	b.done.Go(func() {
		next := time.Now()
		for range p.times {
			if p.every > 0 {
				next = next.Add(p.every)
				time.Sleep(time.Until(next))
			}
			if b.ctx.Err() != nil {
				return
			}
			b.Once(channel, p.size)
		}
	})
}

// Publish publishes with a backend of its own.
func (w *World) Publish(channel string, opts ...PublishOption) *Backend {
	w.mu.Lock()
	n := len(w.backends)
	w.mu.Unlock()
	b := w.Backend(fmt.Sprint("backend ", n+1))
	b.Publish(channel, opts...)
	return b
}

// Once publishes one message and comes back when it is answered, or the world ends.
func (b *Backend) Once(channel string, size int) {
	b.mu.Lock()
	b.sent++
	op := fmt.Sprintf("%s %d", b.name, b.sent)
	b.mu.Unlock()
	data := fmt.Sprintf("%q", op)
	if pad := size - len(data); pad > 0 {
		data = fmt.Sprintf("%q", op+" "+strings.Repeat(".", pad))
	}
	began := time.Now()
	for wait := 200 * time.Millisecond; b.ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		b.mu.Lock()
		b.tries++
		b.mu.Unlock()
		again, err := b.try(channel, op, op, data)
		if err == nil {
			b.mu.Lock()
			b.acked++
			b.slowest = max(b.slowest, time.Since(began))
			b.mu.Unlock()
			return
		}
		if !again {
			b.w.t.Errorf("%s was refused: %v", op, err)
			return
		}
		select {
		case <-time.After(wait):
		case <-b.ctx.Done():
		}
	}
}

// try sends one request. again says whether another one may do better.
func (b *Backend) try(channel, op, key, data string) (again bool, err error) {
	body := fmt.Sprintf(`{"channel":%q,"data":%s,"idempotencyKey":%q}`, channel, data, key)
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	status, answer, err := post(ctx, b.web, "/api/publish", body)
	if err != nil {
		return true, err
	}
	var got struct {
		Epoch, Tag, ID string
		Offset         uint64
		Error          struct {
			Code    protocol.Code
			Message string
			Retry   bool
		}
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return true, fmt.Errorf("HTTP %d: %w", status, err)
	}
	if status != http.StatusOK {
		b.mu.Lock()
		b.refused[got.Error.Code]++
		b.mu.Unlock()
		return got.Error.Retry, fmt.Errorf("HTTP %d: %s: %s", status, got.Error.Code, got.Error.Message)
	}
	b.w.book.ack(check.Ack{
		Op: op, Channel: channel, Position: protocol.Position{Epoch: got.Epoch, Offset: got.Offset, Tag: got.Tag},
		ID: got.ID, Data: data, At: b.w.now(),
	})
	return false, nil
}

// post sends a JSON body as a backend does.
func post(ctx context.Context, web http.RoundTripper, path, body string) (status int, answer []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://bus.test"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+apiKey)
	resp, err := web.RoundTrip(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

func (b *Backend) close() {
	b.stop()
	b.done.Wait()
	b.web.CloseIdleConnections()
}
