package client

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"tidings/protocol"
)

var transports = []string{protocol.WebSocket, protocol.SSE, protocol.Poll}

// onEach plays a story over each transport, in a bubble of virtual time over an in-memory network.
func onEach(t *testing.T, play func(t *testing.T, s *server)) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) { bubble(t, transport, play) })
	}
}

func bubble(t *testing.T, transport string, play func(t *testing.T, s *server)) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, transport)
		defer s.stop()
		play(t, s)
	})
}

// server is a bus whose every word a test says.
type server struct {
	t         *testing.T
	transport string // of clients made by client
	lines     *pipes
	http      http.Server
	dialer    *http.Transport
	links     chan *serverLink
	clients   []*Client

	mu       sync.Mutex
	sessions map[string]*serverLink // guarded by mu: SSE and poll links by session
	answer   http.HandlerFunc       // guarded by mu: answers instead, where it is set
	silent   bool                   // guarded by mu: does not answer pings
	sends    []protocol.Send        // guarded by mu: bodies of POST /bus/send, repetitions included
}

func newServer(t *testing.T, transport string) *server {
	s := &server{
		t: t, transport: transport, lines: newPipes(),
		links: make(chan *serverLink, 100), sessions: map[string]*serverLink{},
	}
	s.http.Handler = s
	s.dialer = &http.Transport{DialContext: s.lines.dial}
	go s.http.Serve(s.lines)
	return s
}

func (s *server) stop() {
	for _, c := range s.clients {
		c.Close()
	}
	s.dialer.CloseIdleConnections()
	s.http.Close()
	s.lines.cutAll()
	time.Sleep(time.Second)
}

// client makes a client of the server that is closed with it.
func (s *server) client(change ...func(*Config)) *Client {
	cfg := Config{
		URL:        "http://bus.test/bus",
		Transports: []string{s.transport},
		HTTPClient: &http.Client{Transport: s.dialer},
		Random:     func() float64 { return 0.5 },
		Logger:     slog.New(slog.DiscardHandler),
	}
	for _, fn := range change {
		fn(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.clients = append(s.clients, c)
	return c
}

func (s *server) instead(answer http.HandlerFunc) {
	s.mu.Lock()
	s.answer = answer
	s.mu.Unlock()
}

func (s *server) mute() {
	s.mu.Lock()
	s.silent = true
	s.mu.Unlock()
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	answer := s.answer
	s.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	s.serve(w, r)
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET /bus/ws":
		s.webSocket(w, r)
	case "POST /bus/sse":
		s.sse(w, r)
	case "POST /bus/poll":
		s.poll(w, r)
	case "POST /bus/send":
		s.send(w, r)
	default:
		http.Error(w, "nothing here", http.StatusNotFound)
	}
}

// link waits for the client's next link.
func (s *server) link() *serverLink {
	s.t.Helper()
	select {
	case l := <-s.links:
		return l
	case <-time.After(time.Hour):
		s.t.Fatal("no link came within an hour")
		return nil
	}
}

// connected waits for the next link and answers its connect.
func (s *server) connected(session string, resumed bool) (*serverLink, protocol.ClientFrame) {
	s.t.Helper()
	l := s.link()
	f := l.want(protocol.TypeConnect)
	l.connected(session, resumed, f.Received)
	return l, f
}

func (s *server) newLink(transport string) *serverLink {
	ctx, cancel := context.WithCancel(context.Background())
	l := &serverLink{
		s: s, transport: transport, ctx: ctx, cancel: cancel,
		in: make(chan protocol.ClientFrame, 10_000), out: make(chan string, 10_000),
	}
	s.links <- l
	return l
}

// serverLink is one link as its server sees it.
type serverLink struct {
	s         *server
	transport string
	header    http.Header
	ctx       context.Context
	cancel    context.CancelFunc
	in        chan protocol.ClientFrame
	out       chan string

	mu      sync.Mutex
	session string
	counted uint64   // number of the last counted frame written
	kept    []string // of a poll: counted frames after acked
	acked   uint64
}

// want gives the client's next frame but pings, which must be of a type.
func (l *serverLink) want(frameType string) protocol.ClientFrame {
	l.s.t.Helper()
	for {
		select {
		case f := <-l.in:
			if f.Type == protocol.TypePing && frameType != protocol.TypePing {
				continue
			}
			if f.Type != frameType {
				l.s.t.Fatalf("the client sent %s, want %s: %+v", f.Type, frameType, f)
			}
			return f
		case <-time.After(time.Hour):
			l.s.t.Fatalf("no %s came within an hour", frameType)
		}
	}
}

// say sends frames, each as it is written.
func (l *serverLink) say(frames ...string) {
	for _, f := range frames {
		l.out <- f
	}
}

func (l *serverLink) connected(session string, resumed bool, received *uint64) {
	l.connectedWith(session, resumed, received, 25000)
}

// connectedWith announces a heartbeat in ms.
func (l *serverLink) connectedWith(session string, resumed bool, received *uint64, heartbeat int64) {
	l.mu.Lock()
	l.session = session
	if resumed && received != nil {
		l.counted, l.acked = *received, *received
	}
	l.mu.Unlock()
	l.s.mu.Lock()
	l.s.sessions[session] = l
	l.s.mu.Unlock()
	l.say(fmt.Sprintf(`{"type":"connected","session":%q,"connection":"c1","resumed":%v,"generation":1,"version":1,"heartbeat":%d,"park":30000,"limits":{"message":65536,"payload":65536,"frames":64,"channel":200,"subscriptions":128}}`, session, resumed, heartbeat))
}

// cut breaks the link without a word.
func (l *serverLink) cut() { l.cancel() }

// subscribed answers the client's next subscribe, from the top at offset.
func (l *serverLink) subscribed(offset uint64) protocol.ClientFrame {
	l.s.t.Helper()
	f := l.want(protocol.TypeSubscribe)
	l.say(subscribed(f, at(offset), false))
	return f
}

// recovered answers the client's next subscribe, which must ask for offset.
func (l *serverLink) recovered(offset uint64) {
	l.s.t.Helper()
	f := l.want(protocol.TypeSubscribe)
	if f.Since == nil || *f.Since != at(offset) {
		l.s.t.Fatalf("the client subscribed since %v, want %v", f.Since, at(offset))
	}
	l.say(subscribed(f, at(offset), true))
}

func at(offset uint64) protocol.Position {
	p := protocol.Position{Epoch: "E", Offset: offset}
	if offset > 0 {
		p.Tag = fmt.Sprintf("t%d", offset)
	}
	return p
}

func subscribed(f protocol.ClientFrame, p protocol.Position, recovered bool) string {
	return fmt.Sprintf(`{"type":"subscribed","id":%d,"channel":%q,"epoch":%q,"offset":%d,"tag":%q,"recovered":%v}`, f.ID, f.Channel, p.Epoch, p.Offset, p.Tag, recovered)
}

// message is message number offset of channel "a".
func message(offset uint64) string {
	return fmt.Sprintf(`{"type":"message","channel":"a","offset":%d,"tag":"t%d","id":"m%d","time":1,"data":%d}`, offset, offset, offset, offset)
}

func (s *server) webSocket(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(protocol.MaxMessageBytes)
	l := s.newLink(protocol.WebSocket)
	defer l.cancel()
	l.header = r.Header
	go func() {
		defer l.cancel()
		for {
			_, b, err := conn.Read(context.Background())
			if err != nil {
				return
			}
			l.take(protocol.DecodeClientFrames(b))
		}
	}()
	for {
		select {
		case f := <-l.out:
			if number, ok := strings.CutPrefix(f, "close "); ok {
				var n int
				fmt.Sscan(number, &n)
				conn.Close(websocket.StatusCode(n), "by the script")
				return
			}
			if conn.Write(context.Background(), websocket.MessageText, []byte(f)) != nil {
				return
			}
		case <-l.ctx.Done():
			return
		}
	}
}

func (l *serverLink) take(frames []protocol.ClientFrame, err error) {
	if err != nil {
		l.s.t.Errorf("the client sent what is no frame: %v", err)
	}
	l.s.mu.Lock()
	silent := l.s.silent
	l.s.mu.Unlock()
	for _, f := range frames {
		l.in <- f
		switch {
		case f.Type == protocol.TypePing && !silent:
			l.say(`{"type":"pong"}`)
		case f.Type == protocol.TypeDisconnect:
			l.cancel()
		}
	}
}

func (s *server) sse(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "text/event-stream")
	l := s.newLink(protocol.SSE)
	defer l.cancel()
	l.header = r.Header
	l.take(protocol.DecodeClientFrames(body))
	flush := http.NewResponseController(w).Flush
	io.WriteString(w, ": hello\n\n")
	flush()
	for {
		select {
		case f := <-l.out:
			io.WriteString(w, "data: "+f+"\n\n")
			if flush() != nil {
				return
			}
		case <-r.Context().Done():
			return
		case <-l.ctx.Done():
			panic(http.ErrAbortHandler)
		}
	}
}

func (s *server) send(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	in, err := protocol.DecodeSend(body)
	if err != nil {
		s.t.Errorf("the client sent a body that is none: %v: %s", err, body)
	}
	s.mu.Lock()
	l := s.sessions[in.Session]
	repeated := false
	for _, other := range s.sends {
		repeated = repeated || other.Session == in.Session && other.Seq == in.Seq
	}
	s.sends = append(s.sends, in)
	s.mu.Unlock()
	if l == nil {
		refuse(w, protocol.CodeSessionGone)
		return
	}
	if !repeated {
		l.take(in.Frames, nil)
	}
	fmt.Fprintf(w, `{"seq":%d}`, in.Seq)
}

func refuse(w http.ResponseWriter, code protocol.Code) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code.Row().HTTP)
	fmt.Fprintf(w, `{"error":{"code":%q,"message":"says the script","hint":"none","retry":%v}}`, code, code.Row().Retry)
}

func (s *server) poll(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	frames, err := protocol.DecodeClientFrames(body)
	if err != nil {
		s.t.Errorf("the client polled with what is no frame: %v: %s", err, body)
		return
	}
	var l *serverLink
	if frames[0].Type == protocol.TypeConnect {
		l = s.newLink(protocol.Poll)
		l.header = r.Header
		l.take(frames, nil)
	} else {
		s.mu.Lock()
		l = s.sessions[frames[0].Session]
		s.mu.Unlock()
		if l == nil || l.transport != protocol.Poll || l.ctx.Err() != nil {
			refuse(w, protocol.CodeSessionGone)
			return
		}
		l.ack(*frames[0].Received)
	}
	l.hold(w, r, frames[0].Max)
}

func (l *serverLink) ack(received uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if received < l.acked || received > l.counted {
		l.s.t.Errorf("the client polled with received %d, of %d to %d", received, l.acked, l.counted)
		return
	}
	l.kept = l.kept[received-l.acked:]
	l.acked = received
}

// hold answers when something is there, after a moment for more.
func (l *serverLink) hold(w http.ResponseWriter, r *http.Request, most int) {
	l.mu.Lock()
	again := append([]string{}, l.kept...)
	l.mu.Unlock()
	out := again
	if len(out) == 0 {
		select {
		case f := <-l.out:
			out = append(out, l.count(f))
		case <-time.After(protocol.DefaultPollHold):
		case <-r.Context().Done():
			if l.session == "" {
				l.cancel()
			}
			return
		case <-l.ctx.Done():
			panic(http.ErrAbortHandler)
		}
	}
	time.Sleep(time.Millisecond)
	for more := true; more; {
		select {
		case f := <-l.out:
			out = append(out, l.count(f))
		default:
			more = false
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	size, cursor := 0, l.acked
	for i, f := range out {
		if size += len(f); i > 0 && most > 0 && size > most {
			out = out[:i]
			break
		}
		if frames, err := protocol.DecodeServerFrames([]byte(f)); err == nil && protocol.Counted(frames[0].Type) {
			cursor++
		}
	}
	fmt.Fprintf(w, `{"frames":[%s],"cursor":%d}`, strings.Join(out, ","), cursor)
}

func (l *serverLink) count(f string) string {
	frames, err := protocol.DecodeServerFrames([]byte(f))
	if err != nil {
		l.s.t.Errorf("the script says what is no frame: %v: %s", err, f)
	}
	if err == nil && protocol.Counted(frames[0].Type) {
		l.mu.Lock()
		l.counted++
		l.kept = append(l.kept, f)
		l.mu.Unlock()
	}
	return f
}

// pipes is a network in memory.
type pipes struct {
	accept chan net.Conn
	once   sync.Once
	closed chan struct{}

	mu    sync.Mutex
	conns []net.Conn
	down  error // dials fail
}

func newPipes() *pipes {
	return &pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	p.mu.Lock()
	down := p.down
	p.mu.Unlock()
	if down != nil {
		return nil, down
	}
	near, far := net.Pipe()
	select {
	case p.accept <- far:
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	p.conns = append(p.conns, near, far)
	p.mu.Unlock()
	return near, nil
}

func (p *pipes) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

func (p *pipes) break_(err error) {
	p.mu.Lock()
	p.down = err
	p.mu.Unlock()
	if err != nil {
		p.cutAll()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accept:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "bus.test" }
