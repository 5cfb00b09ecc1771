//go:build unix

package transports

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

func TestTurn(t *testing.T) {
	var turn turn
	for i, step := range []struct {
		name string
		do   func() bool
		want bool
	}{
		{"take", turn.take, true},
		{"give", turn.give, true},
		{"take", turn.take, true},
		{"take while taken", turn.take, false},
		{"take while taken, again", turn.take, false},
		{"give: somebody came", turn.give, false},
		{"take while still taken", turn.take, false},
		{"give: somebody came again", turn.give, false},
		{"give: nobody did", turn.give, true},
		{"take", turn.take, true},
	} {
		if got := step.do(); got != step.want {
			t.Fatalf("step %d, %s: got %v", i, step.name, got)
		}
	}
}

// TestTurnLosesNoWakeUp: a goroutine that finds the turn taken is noticed by the one that has it before the turn is
// free. Two come at once, again and again; when both have gone nothing may be left to do.
func TestTurnLosesNoWakeUp(t *testing.T) {
	var turn turn
	var waiting atomic.Int64 // what a Wake announces
	var holders atomic.Int32
	wake := func() {
		waiting.Add(1)
		if !turn.take() {
			return
		}
		for {
			if holders.Add(1) != 1 {
				t.Error("two hold the turn")
			}
			waiting.Store(0)
			runtime.Gosched()
			holders.Add(-1)
			if turn.give() {
				return
			}
		}
	}
	for round := range 20_000 {
		var wg sync.WaitGroup
		wg.Go(wake)
		wake()
		wg.Wait()
		if n := waiting.Load(); n != 0 {
			t.Fatalf("round %d: %d are left, and nobody to take them", round, n)
		}
	}
}

// TestConcurrentWakes pushes to one connection from many goroutines, with the client's pings between: each frame
// arrives, whole.
func TestConcurrentWakes(t *testing.T) {
	play := func(t *testing.T, r *rig) {
		s := r.rawSocket(t).connected()
		session := r.bus.all()[0]
		const goroutines, each = 8, 300
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				for i := range each {
					session.say(&protocol.ServerFrame{Type: protocol.TypeReply, ID: uint64(g*each + i + 1)})
					if i%16 == 0 {
						runtime.Gosched()
					}
				}
			})
		}
		wg.Go(func() {
			for range 200 {
				s.conn.Write(frame(fin|opPing, "ping"))
			}
		})
		seen := map[uint64]bool{}
		pongs := 0
		for len(seen) < goroutines*each || pongs < 100 {
			op, payload, err := s.read()
			if err != nil {
				t.Fatalf("after %d frames and %d pongs: %v", len(seen), pongs, err)
			}
			if op == opPong {
				if pongs++; payload != "ping" {
					t.Fatalf("pong %q", payload)
				}
				continue
			}
			frames, err := protocol.DecodeServerFrames([]byte(payload))
			if err != nil || seen[frames[0].ID] {
				t.Fatalf("got %q, %v", payload, err)
			}
			seen[frames[0].ID] = true
		}
		wg.Wait()
	}
	t.Run("memory", func(t *testing.T) { synctest.Test(t, func(t *testing.T) { play(t, inMemory(t, nil)) }) })
	t.Run("loopback", func(t *testing.T) { play(t, onLoopback(t, nil)) })
}

// TestEndBesideWakes ends connections while frames are pushed: the farewell is the last that comes, and all is let go.
func TestEndBesideWakes(t *testing.T) {
	r := onLoopback(t, nil)
	var sockets []*rawSocket
	for range 50 {
		sockets = append(sockets, r.rawSocket(t).connected())
	}
	var wg sync.WaitGroup
	for _, session := range r.bus.all() {
		for range 3 {
			wg.Go(func() {
				for range 100 {
					session.say(&protocol.ServerFrame{Type: protocol.TypeReply, ID: 1})
				}
			})
		}
		wg.Go(func() {
			time.Sleep(rand.N(5 * time.Millisecond))
			session.end(goodbye(protocol.CodeShuttingDown, "the test wants it"))
		})
	}
	for _, s := range sockets {
		wg.Go(func() { s.wantEnd(protocol.CodeShuttingDown) })
	}
	wg.Wait()
	waitFor(t, func() bool { return r.h.Stats().WebSocket.Open == 0 })
}

// TestCutsAndResumesUnderLoad cuts and resumes while messages are published: nothing is lost and nothing comes twice.
func TestCutsAndResumesUnderLoad(t *testing.T) {
	r := onLoopback(t, nil)
	const n = 3000
	go func() {
		for i := range n {
			r.bus.publish("a", fmt.Sprint(i+1))
			if i%10 == 0 {
				time.Sleep(100 * time.Microsecond)
			}
		}
	}()
	connect := `[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a","since":{"epoch":"e1","offset":0,"tag":""}}]`
	r.bus.mu.Lock()
	r.bus.channel("a") // its epoch is known
	r.bus.mu.Unlock()
	got, received, session := 0, 0, ""
	for got < n {
		s := r.rawSocket(t)
		s.send(text(connect))
		for cutAt := got + 50 + rand.IntN(300); got < min(cutAt, n); {
			_, payload, err := s.read()
			if err != nil {
				t.Fatalf("after %d: %v", got, err)
			}
			frames, err := protocol.DecodeServerFrames([]byte(payload))
			if err != nil {
				t.Fatal(err)
			}
			f := frames[0]
			switch f.Type {
			case protocol.TypeConnected:
				if session != "" && !f.Resumed {
					t.Fatalf("after %d: a new session", got)
				}
				session = f.Session
				continue
			case protocol.TypeMessage:
				if got++; int(f.Msg.Offset) != got {
					t.Fatalf("got offset %d, want %d", f.Msg.Offset, got)
				}
			}
			received++
		}
		if tcp, ok := s.conn.(*net.TCPConn); ok && got%2 == 0 {
			tcp.SetLinger(0) // F1: a reset
		}
		s.conn.Close()
		connect = fmt.Sprintf(`{"type":"connect","session":%q,"received":%d}`, session, received)
	}
}

// TestIdleConnectionsOwnAtMostOneReader: what wrote has ended; after the clients left nothing is left of them.
func TestIdleConnectionsOwnAtMostOneReader(t *testing.T) {
	t.Run("goroutines", func(t *testing.T) { testIdleGoroutines(t, 100, true) })
	t.Run("readiness", func(t *testing.T) { testIdleGoroutines(t, 100, runtime.GOOS != "linux") })
}

func testIdleGoroutines(t *testing.T, n int, own bool) {
	r := onLoopback(t, func(cfg *Config) { cfg.ReaderGoroutines = own })
	base, limit := runtime.NumGoroutine(), n
	if !own {
		base += 1 + maxIdle // epoll's, and workers that wait for the next place
		limit = 0
	}
	var all []*rawSocket
	for range n {
		s := r.rawSocket(t)
		s.send(text(`[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`))
		s.want("connected")
		s.want("subscribed")
		all = append(all, s)
	}
	r.bus.publish("a", `"`+strings.Repeat("x", 60_000)+`"`)
	for _, s := range all {
		s.want("xxx")
	}
	waitFor(t, func() bool { return runtime.NumGoroutine() <= base+limit+2 })
	for _, s := range all {
		s.conn.Close()
	}
	waitFor(t, func() bool { return runtime.NumGoroutine() <= base+2 && r.h.Stats().WebSocket.Open == 0 })
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	if len(r.h.links) != 0 {
		t.Errorf("%d links are left", len(r.h.links))
	}
}

// smallBuffers makes the kernel hold little: a slow reader is felt soon.
type smallBuffers struct{ net.Listener }

func (l smallBuffers) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		c.(*net.TCPConn).SetWriteBuffer(4 << 10)
	}
	return c, err
}

// onSmallBuffers starts a server on loopback whose sockets hold a few KiB, and dials with as small ones.
func onSmallBuffers(t *testing.T, change func(*Config)) *rig {
	r := onLoopback(t, change)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: r.h.mux()}
	go server.Serve(smallBuffers{l})
	t.Cleanup(func() { server.Close() })
	r.dial = dialSmall(l.Addr().String())
	return r
}

func TestPartialWrites(t *testing.T) {
	r := onSmallBuffers(t, nil)
	s := r.rawSocket(t)
	s.send(text(`[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`))
	s.want("connected")
	s.want("subscribed")
	const n = 500
	go func() {
		for i := range n {
			r.bus.publish("a", fmt.Sprintf(`"%d %s"`, i+1, strings.Repeat("x", rand.IntN(3000))))
			if i%20 == 0 {
				time.Sleep(time.Millisecond)
				s.conn.Write(frame(fin|opPing, "p"))
			}
		}
	}()
	for i := 0; i < n; {
		if i%50 == 0 {
			time.Sleep(5 * time.Millisecond)
			s.conn.Write(frame(fin|opPing, "p")) // with such buffers a busy machine may take long, and a silent client is cut
		}
		op, payload, err := s.read()
		if err != nil {
			t.Fatalf("after %d: %v", i, err)
		}
		if op == opPong {
			continue
		}
		if i++; !strings.Contains(payload, fmt.Sprintf(`"data":"%d x`, i)) && !strings.Contains(payload, fmt.Sprintf(`"data":"%d "`, i)) {
			t.Fatalf("message %d is %.200q", i, payload)
		}
	}
}

func Test_F8_readerThatStops(t *testing.T) {
	r := onSmallBuffers(t, func(c *Config) { c.WriteDeadline = 300 * time.Millisecond })
	subscribe := text(`[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`)
	stopped := r.rawSocket(t)
	stopped.send(subscribe)
	stopped.want("connected")
	stopped.want("subscribed")
	session := r.bus.all()[0]
	good := r.rawSocket(t)
	good.send(subscribe)
	good.want("connected")
	good.want("subscribed")
	for i := range 100 {
		within(t, time.Second, func() { r.bus.publish("a", fmt.Sprintf(`"%d %s"`, i, strings.Repeat("x", 8000))) })
		good.want(fmt.Sprintf(`"data":"%d x`, i))
	}
	waitFor(t, func() bool { return len(session.losses()) == 1 })
	if got := session.losses(); !slices.Equal(got, []protocol.Code{protocol.CodeSlowConsumer}) {
		t.Errorf("lost with %q", got)
	}
	if stats := r.h.Stats().WebSocket; stats.Slow != 1 {
		t.Errorf("got %+v", stats)
	}
	runtime.KeepAlive(stopped) // an unused conn is closed by its finalizer, and nothing would be tested
}
