package transports

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/protocol"
)

// TestTheLibraryIsTheOneThatEpollLeansOn: after a read error before the first byte of a frame, coder/websocket reads
// on. No documentation promises that. If this fails after an upgrade, look at readFrameHeader and finishRead; TestEpoll
// reports whether it still holds.
func TestTheLibraryIsTheOneThatEpollLeansOn(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mod), "github.com/coder/websocket v1.8.15") {
		t.Error("another version of coder/websocket: check that a read that finds nothing does not end its conn, then name it here")
	}
}

// TestEpoll sends messages whole, cut, in bursts, and with pings between, over many sockets, and looks at goroutines
// between.
func TestEpoll(t *testing.T) {
	r := onLoopback(t, nil)
	const clients = 50
	before := runtime.NumGoroutine()
	sockets := make([]*rawSocket, clients)
	for i := range sockets {
		sockets[i] = r.rawSocket(t)
		sockets[i].send(text(`[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`))
	}
	for _, s := range sockets {
		s.want("connected")
		s.want("subscribed")
	}
	waitFor(t, func() bool { return runtime.NumGoroutine() < before+clients/2 })
	for round := range 20 {
		for i, s := range sockets {
			ping := text(fmt.Sprintf(`{"type":"ping","id":%d}`, round+1))
			switch (i + round) % 4 {
			case 0:
				s.send(ping)
			case 1:
				cut := 1 + rand.IntN(len(ping)-1)
				s.conn.Write(ping[:cut])
				go func() {
					time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
					s.conn.Write(ping[cut:])
				}()
			case 2:
				s.send(frame(fin|opPing, "x"), ping, frame(fin|opPing, "y"))
			case 3:
				s.send(frame(fin|opPing, "x"))
				s.send(frame(fin|opPong, ""), ping)
			}
		}
		for _, s := range sockets {
			s.want(fmt.Sprintf(`"id":%d`, round+1))
		}
	}
	for i, s := range sockets {
		if i%2 == 0 {
			s.conn.Close()
		}
	}
	waitFor(t, func() bool { return r.h.Stats().WebSocket.Open == clients/2 })
	for i, s := range sockets {
		if i%2 == 1 {
			s.send(text(`{"type":"disconnect"}`))
		}
	}
	waitFor(t, func() bool { return r.h.Stats().WebSocket.Open == 0 })
	ready := r.h.readers.(*readiness)
	waitFor(t, func() bool {
		ready.mu.Lock()
		defer ready.mu.Unlock()
		return len(ready.free) == len(ready.spots)
	})
}

// TestEpollRacesClosing: clients come and go while the server cuts them, so that numbers of files are used again at
// once.
func TestEpollRacesClosing(t *testing.T) {
	r := onLoopback(t, nil)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				for _, s := range r.bus.all() {
					if rand.IntN(4) == 0 {
						s.end(goodbye(protocol.CodeOverloaded, "the test wants it"))
					}
				}
			}
		}
	}()
	for range 8 {
		wg.Go(func() {
			for range 40 {
				s := r.rawSocket(t)
				s.conn.Write(text(`[{"type":"connect"}]`))
				s.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
				s.read()
				s.conn.Write(text(`{"type":"ping"}`))
				s.read()
				s.conn.Close()
			}
		})
	}
	wg.Wait()
	close(stop)
	waitFor(t, func() bool { return r.h.Stats().WebSocket.Open == 0 })
	ready := r.h.readers.(*readiness)
	waitFor(t, func() bool {
		ready.mu.Lock()
		defer ready.mu.Unlock()
		return len(ready.free) == len(ready.spots)
	})
}

// Whatever the length of a message, and whatever lies behind it in the same segment, nothing of it stays unread: a
// reading that took all there was is not followed by another one.
func TestEpollReadsAllThatCameAtOnce(t *testing.T) {
	s := onLoopback(t, nil).rawSocket(t)
	s.send(text(`[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`))
	s.want("connected")
	s.want("subscribed")
	for n := range 2 * readBuffer {
		long := text(fmt.Sprintf(`{"type":"ping","id":%d}%*s`, 2*n+1, n, ""))
		short := text(fmt.Sprintf(`{"type":"ping","id":%d}`, 2*n+2))
		s.conn.Write(append(long, short...))
		for _, id := range []int{2*n + 1, 2*n + 2} {
			s.want(fmt.Sprintf(`"id":%d`, id))
		}
	}
}
