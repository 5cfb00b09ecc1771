package transports

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tidings/internal/guard"
	"tidings/protocol"
)

// poller is a client that polls over one conn.
type poller struct {
	t        testing.TB
	conn     io.ReadWriteCloser
	br       *bufio.Reader
	session  string
	received uint64
}

func (r *rig) poller(t testing.TB) *poller {
	c, err := r.dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &poller{t: t, conn: c, br: bufio.NewReader(c)}
}

func (p *poller) ask(body string) { io.WriteString(p.conn, post("/bus/poll", body)) }

func (p *poller) poll() {
	p.ask(fmt.Sprintf(`{"type":"poll","session":%q,"received":%d}`, p.session, p.received))
}

func (p *poller) answer() (status int, body string) {
	p.t.Helper()
	resp, err := http.ReadResponse(p.br, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.Header.Get("Vary") != "Origin" && resp.StatusCode == http.StatusOK || resp.Header.Get("Date") == "" {
		p.t.Fatalf("%v, headers %v", err, resp.Header)
	}
	body = string(b)
	if _, rest, ok := strings.Cut(body, `"session":"`); ok {
		p.session, _, _ = strings.Cut(rest, `"`)
	}
	if _, rest, ok := strings.Cut(body, `"cursor":`); ok {
		fmt.Sscan(rest, &p.received)
	}
	return resp.StatusCode, body
}

func TestHeldPolls(t *testing.T) {
	r := onLoopback(t, func(cfg *Config) { cfg.PollHold = time.Minute })
	before := runtime.NumGoroutine()
	var all []*poller
	for i := range 20 {
		p := r.poller(t)
		p.ask(fmt.Sprintf(`[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"},{"type":"subscribe","id":2,"channel":"own%d"}]`, i))
		p.answer()
		all = append(all, p)
	}
	for round := range 5 {
		for _, p := range all {
			p.poll()
		}
		if round == 0 && runtime.GOOS == "linux" {
			waitFor(t, func() bool { return runtime.NumGoroutine() < before+len(all) })
		}
		r.bus.publish("a", fmt.Sprint(round))
		for _, p := range all {
			status, body := p.answer()
			if !strings.Contains(body, fmt.Sprintf(`"data":%d`, round)) || status != http.StatusOK {
				t.Fatalf("round %d: %d %s", round, status, body)
			}
		}
	}

	p := all[0] // asks again before it was answered: over the same conn in turn, and over another
	q := r.poller(t)
	q.session, q.received = p.session, p.received
	r.pollArrives(t, p)
	q.poll()
	if status, body := p.answer(); status != http.StatusConflict || !strings.Contains(body, string(protocol.CodeSuperseded)) {
		t.Errorf("%d %s", status, body)
	}
	p.session, p.received = q.session, q.received
	r.bus.publish("own0", "1")
	q.answer()
	p.received = q.received
	p.poll()
	p.ask(`{"type":"poll","session":"nobody","received":0}`)
	r.bus.publish("own0", "2")
	p.answer()
	if status, _ := p.answer(); status != http.StatusGone {
		t.Errorf("the request that was sent ahead: %d", status)
	}

	for _, p := range all {
		r.pollArrives(t, p)
	}
	for _, p := range append(all, q) {
		p.conn.Close()
	}
	waitFor(t, func() bool { return r.h.Stats().Poll.Open == 0 })
	r.allReleased(t)
}

// pollArrives polls, and waits until the bus knows of it.
func (r *rig) pollArrives(t *testing.T, p *poller) {
	t.Helper()
	r.bus.mu.Lock()
	out := r.bus.sessions[p.session].outbox
	r.bus.mu.Unlock()
	before, _ := out.Attached()
	p.poll()
	waitFor(t, func() bool { now, _ := out.Attached(); return now > before })
}

// Whoever wakes a poll does not wait for its client, and what is left of the answer is its own: answers to others are
// made where it was made.
func TestAPollWhoseClientDoesNotReadHoldsNobodyUp(t *testing.T) {
	r := onSmallBuffers(t, func(cfg *Config) { cfg.PollHold = time.Minute })
	slow, quick := r.poller(t), r.poller(t)
	slow.ask(`[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`)
	quick.ask(`[{"type":"connect"},{"type":"subscribe","id":1,"channel":"b"}]`)
	slow.answer()
	quick.answer()
	want := strings.Repeat("x", 60_000)
	for range 3 { // the first poll of a conn is taken from net/http, the others come on the conn that rests
		r.pollArrives(t, slow)
		r.bus.publish("a", `"`+want+`"`) // more than the kernel takes; the fake bus wakes the poll on this goroutine
		for i := range 20 {
			r.pollArrives(t, quick)
			other := strings.Repeat(string(rune('a'+i)), 60_000)
			r.bus.publish("b", `"`+other+`"`)
			if status, body := quick.answer(); status != http.StatusOK || !strings.Contains(body, `"data":"`+other+`"`) {
				t.Fatalf("beside one that does not read: %d %.200s", status, body)
			}
		}
		status, body := slow.answer()
		var got struct {
			Frames []struct{ Data string }
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK || len(got.Frames) != 1 || got.Frames[0].Data != want {
			t.Fatalf("the slow one: %d, %v, %d frames, %.200s", status, err, len(got.Frames), body)
		}
	}
}

// A hold that ends without a frame is answered, and the next one is as good.
func TestHeldPollsComeBackEmpty(t *testing.T) {
	r := onLoopback(t, func(cfg *Config) { cfg.PollHold = 20 * time.Millisecond })
	p := r.poller(t)
	p.ask(`[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`)
	p.answer()
	for range 3 {
		p.poll()
		if status, body := p.answer(); status != http.StatusOK || strings.Contains(body, `"type":"message"`) {
			t.Errorf("%d %s", status, body)
		}
	}
	p.poll()
	r.bus.publish("a", "1")
	for {
		status, body := p.answer() // may be empty, if the hold was over before
		if strings.Contains(body, `"data":1`) {
			break
		}
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		p.poll()
	}
}

// Between two polls a conn waits as long for the next request as net/http would, and no longer; once the request has
// begun its head must come in time.
func TestAConnRestsBetweenPolls(t *testing.T) {
	for _, c := range []struct {
		name string
		wait time.Duration
		head string // the beginning of the next request
		then time.Duration
		open bool
	}{
		{name: "longer than a head may take", wait: 60 * time.Second, open: true},
		{name: "longer than a conn may idle", wait: 76 * time.Second},
		{name: "B15 for a request in two pieces", wait: 20 * time.Second, head: "POST /bus/po", then: 4 * time.Second, open: true},
		{name: "B15 for a request that never comes whole", wait: 20 * time.Second, head: "POST /bus/po", then: 6 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := pumpedInMemory(t, &http.Server{ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 75 * time.Second}, 4<<10)
				p := r.poller(t)
				p.ask(`[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`)
				p.answer()
				p.poll()
				synctest.Wait()
				r.bus.publish("a", "1")
				p.answer()
				time.Sleep(c.wait)
				next := post("/bus/poll", `{"type":"poll","session":"nobody","received":0}`)
				io.WriteString(p.conn, c.head)
				time.Sleep(c.then)
				io.WriteString(p.conn, next[len(c.head):])
				resp, err := http.ReadResponse(p.br, nil)
				switch {
				case c.open && (err != nil || resp.StatusCode != http.StatusGone):
					t.Errorf("got %v, %v; want the answer 410", resp, err)
				case !c.open && err == nil && resp.StatusCode != http.StatusBadRequest:
					t.Errorf("got %v; want the conn closed, or net/http's own 400", resp)
				}
			})
		})
	}
}

// A request whose head has come and whose body has not is waited for here for a second, and by net/http for as long as
// any other body.
func TestB74_aRestingConnWaitsForABody(t *testing.T) {
	for _, c := range []struct {
		name   string
		body   string
		after  time.Duration // between the head and the body
		want   int
		within time.Duration // of the head
		read   int64         // requests that were read without net/http
	}{
		{name: "that comes at once", body: `{"type":"poll","session":"nobody","received":0}`, want: 410, read: 2},
		{name: "that comes soon", body: `{"type":"poll","session":"nobody","received":0}`, after: bodyPatience / 2, want: 410, within: bodyPatience / 2, read: 2},
		{name: "that comes late", body: `{"type":"poll","session":"nobody","received":0}`, after: 5 * time.Second, want: 410, within: 5 * time.Second, read: 1},
		{name: "that never comes", want: 408, within: bodyPatience + bodyLimit + time.Second, read: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := pumpedInMemory(t, &http.Server{ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 75 * time.Second}, 4<<10)
				p := r.poller(t)
				p.ask(`[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`)
				p.answer()
				for range 2 { // by net/http, then here
					p.poll()
					synctest.Wait()
					r.bus.publish("a", "1")
					p.answer()
				}
				began := time.Now()
				io.WriteString(p.conn, lines("POST /bus/poll HTTP/1.1", "Content-Type: application/json", "Content-Length: 47"))
				synctest.Wait()
				time.Sleep(c.after)
				io.WriteString(p.conn, c.body)
				status, body := p.answer()
				if took := time.Since(began); status != c.want || took > c.within {
					t.Errorf("got %d %s after %v, want %d within %v", status, body, took, c.want, c.within)
				}
				if got := r.read.Load(); got != c.read {
					t.Errorf("%d requests were read without net/http, want %d", got, c.read)
				}
			})
		})
	}
}

// B134: polls that are sent ahead are answered in turn, and nothing of them is lost.
func TestB134_pollsThatAreSentAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := pumpedInMemory(t, &http.Server{}, 4<<10)
		p := r.poller(t)
		p.ask(`[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`)
		p.answer()
		p.poll()
		synctest.Wait()
		nobody := post("/bus/poll", `{"type":"poll","session":"nobody","received":0}`)
		io.WriteString(p.conn, nobody+lines("GET /bus HTTP/1.1")+nobody[:40])
		synctest.Wait()
		r.bus.publish("a", "1")
		if status, body := p.answer(); status != 200 || !strings.Contains(body, `"data":1`) {
			t.Errorf("the poll that waited: %d %s", status, body)
		}
		if status, body := p.answer(); status != 410 {
			t.Errorf("the one behind it: %d %s", status, body)
		}
		if status, body := p.answer(); status != 200 || !strings.Contains(body, `"transports"`) {
			t.Errorf("net/http's: %d %s", status, body)
		}
		io.WriteString(p.conn, nobody[40:])
		if status, body := p.answer(); status != 410 {
			t.Errorf("the last one: %d %s", status, body)
		}
		if got := r.read.Load(); got != 1 {
			t.Errorf("%d requests were read without net/http, want the one behind the poll that waited", got)
		}
	})
}

// What a client sends ahead of an answer is read when it is answered, however much it is.
func TestB134_aLongRequestThatIsSentAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := pumpedInMemory(t, &http.Server{}, 4<<10)
		p := r.poller(t)
		p.ask(`[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`)
		p.answer()
		p.poll()
		synctest.Wait()
		go p.ask(`{"type":"poll","session":"nobody","received":0` + strings.Repeat(" ", 3*maxEarly) + `}`)
		synctest.Wait()
		r.bus.publish("a", "1")
		if status, body := p.answer(); status != 200 || !strings.Contains(body, `"data":1`) {
			t.Errorf("the poll that waited: %d %s", status, body)
		}
		if status, body := p.answer(); status != 410 {
			t.Errorf("the long one behind it: %d %s", status, body)
		}
	})
}

func TestHeldPollsRaceClosing(t *testing.T) {
	r := onLoopback(t, nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 30 {
				p := r.poller(t)
				p.ask(`[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`)
				p.answer()
				p.poll()
				if i%2 == 0 {
					r.bus.publish("a", "1")
				}
				p.conn.Close()
			}
		})
	}
	wg.Wait()
	r.allReleased(t)
}

// allReleased waits until no conn is watched.
func (r *rig) allReleased(t *testing.T) {
	t.Helper()
	ready, ok := r.h.readers.(*readiness)
	waitFor(t, func() bool {
		if !ok {
			return true
		}
		ready.mu.Lock()
		defer ready.mu.Unlock()
		return len(ready.free) == len(ready.spots)
	})
}

// The conn of a poll that waits is watched without the guard, and has it again for the next request.
func Test_B121_aConnThatIsHandedBackIsGuardedAgain(t *testing.T) {
	r := onLoopback(t, nil)
	var g guard.Guard
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: g.Handler(r.h.mux())}
	go server.Serve(g.Listener(l, false))
	defer server.Close()
	r.dial = func(context.Context) (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }
	p := r.poller(t)
	p.ask(`[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`)
	p.answer()
	for round := range 3 {
		r.pollArrives(t, p)
		r.bus.publish("a", fmt.Sprint(round))
		if status, body := p.answer(); status != http.StatusOK || !strings.Contains(body, fmt.Sprintf(`"data":%d`, round)) {
			t.Fatalf("round %d: %d %s", round, status, body)
		}
	}
	r.pollArrives(t, p)
	io.WriteString(p.conn, "POST /bus/poll HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") // ahead of the answer
	r.bus.publish("a", "9")
	p.answer()
	resp, err := http.ReadResponse(p.br, nil)
	if err != nil || resp.StatusCode != http.StatusBadRequest || g.Stats().Smuggled != 1 {
		t.Errorf("got %v, %v, %+v; want 400, counted", resp, err, g.Stats())
	}
}
