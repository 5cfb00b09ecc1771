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

// rawServer is the physical limit to compare with: the same publish path, and a loop that writes one pre-encoded frame
// with one system call to each socket. It keeps no history, numbers nothing, reads nothing.
type rawServer struct {
	mu     sync.Mutex
	conns  map[string][]net.Conn
	offset atomic.Uint64
}

func runRaw(addr string) error {
	gin.SetMode(gin.ReleaseMode)
	s := &rawServer{conns: map[string][]net.Conn{}}
	r := gin.New()
	r.GET("/healthz", func(c *gin.Context) { c.String(200, "ok") })
	r.POST("/api/publish", s.publish)
	r.GET("/bus/ws", func(c *gin.Context) {
		s.take(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
	})
	sse := func(c *gin.Context) {
		s.take(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
	}
	r.GET("/bus/sse", sse)
	r.POST("/bus/sse", sse)
	return http.ListenAndServe(addr, r)
}

func (s *rawServer) take(c *gin.Context, head string) {
	io.Copy(io.Discard, c.Request.Body)
	conn, _, err := c.Writer.Hijack()
	if err != nil {
		return
	}
	conn.Write([]byte(head))
	s.mu.Lock()
	ch := c.Query("c")
	s.conns[ch] = append(s.conns[ch], conn)
	s.mu.Unlock()
}

func (s *rawServer) publish(c *gin.Context) {
	body, err := io.ReadAll(c.Request.Body)
	var p struct {
		Channel string          `json:"channel"`
		Data    json.RawMessage `json:"data"`
	}
	if err != nil || json.Unmarshal(body, &p) != nil {
		c.Status(400)
		return
	}
	m := &protocol.Message{
		Channel: protocol.Channel(p.Channel), Offset: s.offset.Add(1), Tag: "aB3dE7g", ID: "01JD8Z3N9Q4W5E6R7T8Y9U0I1O",
		Data: p.Data, TimeMS: time.Now().UnixMilli(),
	}
	m.Prev = m.Offset - 1
	frame := m.Encoded().WebSocket()
	if c.GetHeader("X-Form") == "sse" {
		frame = m.Encoded().SSE()
	}
	s.mu.Lock()
	conns := s.conns[p.Channel]
	for _, conn := range conns {
		conn.Write(frame)
	}
	s.mu.Unlock()
	c.JSON(200, gin.H{"offset": m.Offset, "epoch": "x", "receivers": len(conns)})
}
