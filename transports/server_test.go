package transports

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"tidings/internal/memnet"
	"tidings/internal/resting"
)

// rig is a running server over a fakeBus.
type rig struct {
	bus  *fakeBus
	h    *Handler
	url  string // of /bus
	dial func(ctx context.Context) (net.Conn, error)
	http *http.Client
	read atomic.Int64 // polls that were read without net/http

	opened atomic.Int64 // handshakes that were read without net/http
}

func quietConfig() Config {
	cfg := DefaultConfig()
	cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	return cfg
}

func (h *Handler) mux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/bus", h.Negotiate)
	mux.HandleFunc("/bus/ws", h.WebSocket)
	mux.HandleFunc("/bus/sse", h.SSE)
	mux.HandleFunc("/bus/poll", h.Poll)
	mux.HandleFunc("/bus/send", h.Send)
	mux.HandleFunc("/shout", h.Speak(shout{}))
	mux.HandleFunc("/mumble", h.Speak(mumble{}))
	return mux
}

// start makes the handler. Polls are known on conns which rest.
func (r *rig) start(t testing.TB, cfg Config) {
	var err error
	if cfg.Known == nil {
		poll := http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { r.read.Add(1); r.h.Poll(w, q) })
		socket := http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { r.opened.Add(1); r.h.WebSocket(w, q) })
		if cfg.Known, err = resting.NewReader(resting.Form{Path: "/bus/poll", Handler: poll}, resting.Form{Path: "/bus/ws", Handler: socket, Handshake: true}); err != nil {
			t.Fatal(err)
		}
	}
	if r.h, err = New(r.bus, cfg); err != nil {
		t.Fatal(err)
	}
}

// inMemory starts a server on a network without sockets, for use in a synctest bubble.
func inMemory(t testing.TB, change func(*Config)) *rig {
	cfg := quietConfig()
	if change != nil {
		change(&cfg)
	}
	r := &rig{bus: newFakeBus(), url: "http://tidings.test/bus"}
	r.start(t, cfg)
	l := memnet.Listen()
	server := &http.Server{Handler: r.h.mux(), ReadHeaderTimeout: 5 * time.Second}
	go server.Serve(l)
	r.dial = l.Dial
	transport := &http.Transport{DialContext: l.DialContext}
	r.http = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		r.h.Close()
		for _, s := range r.bus.all() {
			s.end(nil)
		}
		server.Close()
	})
	return r
}

// testPatience is how long a test's client on a real port waits at most, so that a test that fails says what it waited for.
const testPatience = 90 * time.Second

// onLoopback starts a server on a real port. Handshakes and polls are known from the first request of a conn.
func onLoopback(t testing.TB, change func(*Config)) *rig {
	cfg := quietConfig()
	if change != nil {
		change(&cfg)
	}
	r := &rig{bus: newFakeBus()}
	r.start(t, cfg)
	server := httptest.NewUnstartedServer(r.h.mux())
	server.Listener = r.h.Listener(server.Listener, Arrivals{Server: server.Config})
	server.Start()
	r.url = server.URL + "/bus"
	r.http = server.Client()
	r.http.Timeout = testPatience
	r.dial = func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", server.Listener.Addr().String())
		if _, test := t.(*testing.T); test && err == nil {
			c.SetDeadline(time.Now().Add(testPatience))
		}
		return c, err
	}
	t.Cleanup(func() {
		r.h.Close()
		for _, s := range r.bus.all() {
			s.end(nil)
		}
		server.CloseClientConnections()
		server.Close()
	})
	return r
}
