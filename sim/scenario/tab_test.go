package scenario

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"tidings/protocol"
)

// tab speaks the wire itself, over a WebSocket: it does what no client of ours would.
type tab struct {
	w    *World
	link *link
	web  *http.Transport
	done chan struct{} // closed when the server ended it

	mu    sync.Mutex // guards all below
	conn  *websocket.Conn
	count uint64 // counted frames
	got   []protocol.ServerFrame
}

// Tab opens a tab that sends frames.
func (w *World) Tab(name string, frames ...protocol.ClientFrame) *tab {
	b := &tab{w: w, link: w.link(name, w.front), done: make(chan struct{})}
	b.web = &http.Transport{DialContext: b.link.dial}
	conn, _, err := websocket.Dial(context.Background(), "http://bus.test/bus/ws", &websocket.DialOptions{HTTPClient: &http.Client{Transport: b.web}})
	if err != nil {
		w.t.Error(err)
		close(b.done)
		return b
	}
	conn.SetReadLimit(1 << 20)
	b.conn = conn
	if err := conn.Write(context.Background(), websocket.MessageText, protocol.AppendClientFrames(nil, frames)); err != nil {
		w.t.Error(err)
	}
	go b.read()
	return b
}

func (b *tab) read() {
	defer close(b.done)
	for {
		_, data, err := b.conn.Read(context.Background())
		if err != nil {
			return
		}
		frames, err := protocol.DecodeServerFrames(data)
		if err != nil {
			b.w.t.Error(err)
			return
		}
		b.mu.Lock()
		for i := range frames {
			if protocol.Counted(frames[i].Type) {
				b.count++
			}
		}
		b.got = append(b.got, frames...)
		b.mu.Unlock()
	}
}

// first gives the first frame of a type, nil if there is none.
func (b *tab) first(frameType string) *protocol.ServerFrame {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.got {
		if b.got[i].Type == frameType {
			return &b.got[i]
		}
	}
	return nil
}

// offsets gives those of the messages that came.
func (b *tab) offsets() []uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []uint64
	for i := range b.got {
		if m := b.got[i].Msg; b.got[i].Type == protocol.TypeMessage && m != nil {
			all = append(all, m.Offset)
		}
	}
	return all
}

// received is the number of counted frames.
func (b *tab) received() *uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.count
	return &n
}

// open tells whether the server still carries it.
func (b *tab) open() bool {
	select {
	case <-b.done:
		return false
	default:
		return true
	}
}

func (b *tab) close() {
	if b.conn != nil {
		b.conn.CloseNow()
	}
	<-b.done
	b.web.CloseIdleConnections()
}

// ask posts a body to the bus as a client does, over a link of its own.
func (w *World) ask(path, body string) (status int, answer string) {
	web := &http.Transport{DialContext: w.link("asker", w.front).dial}
	defer web.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	status, b, err := post(ctx, web, path, body)
	if err != nil && !errors.Is(err, context.Canceled) {
		w.t.Errorf("POST %s: %v", path, err)
	}
	return status, string(b)
}
