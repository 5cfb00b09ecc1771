package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"tidings/protocol"
)

// rawServer is the physical limit to compare with: plain net/http, or gin where a scenario says so, and a loop that
// writes one pre-encoded frame with one system call to each socket. It reads the JSON of a publish and answers with
// nothing. It keeps no history, numbers nothing, and reads nothing of its sockets.
type rawServer struct {
	mu     sync.Mutex
	conns  map[string][]net.Conn
	offset atomic.Uint64
}

// The kinds of raw server, which follow -raw-kind.
const (
	plainHTTP = "plain"
	ginHTTP   = "gin"
)

func runRaw(addr, kind string) error {
	s := &rawServer{conns: map[string][]net.Conn{}}
	mux := http.NewServeMux()
	routes := map[string]http.HandlerFunc{
		"GET /healthz":      func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") },
		"POST /api/publish": s.publish,
		"GET /bus/ws": s.take("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
			"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
		"POST /bus/sse": s.take("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"),
	}
	for pattern, handler := range routes {
		mux.HandleFunc(pattern, handler)
	}
	if kind != ginHTTP {
		return http.ListenAndServe(addr, mux)
	}
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.GET("/healthz", gin.WrapF(routes["GET /healthz"]))
	r.POST("/api/publish", gin.WrapF(s.publish))
	return http.ListenAndServe(addr, r)
}

func (s *rawServer) take(head string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		conn.Write([]byte(head))
		s.mu.Lock()
		ch := r.URL.Query().Get("c")
		s.conns[ch] = append(s.conns[ch], conn)
		s.mu.Unlock()
	}
}

func (s *rawServer) publish(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var p struct {
		Channel string          `json:"channel"`
		Data    json.RawMessage `json:"data"`
	}
	if err != nil || json.Unmarshal(body, &p) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	conns := s.conns[p.Channel]
	if len(conns) == 0 {
		return
	}
	m := &protocol.Message{
		Channel: protocol.Channel(p.Channel), Offset: s.offset.Add(1), Tag: "aB3dE7g", ID: "01JD8Z3N9Q4W5E6R7T8Y9U0I1O",
		Data: p.Data, TimeMS: time.Now().UnixMilli(),
	}
	m.Prev = m.Offset - 1
	frame := m.Encoded().WebSocket()
	if r.Header.Get("X-Form") == "sse" {
		frame = m.Encoded().SSE()
	}
	for _, conn := range conns {
		conn.Write(frame)
	}
}
