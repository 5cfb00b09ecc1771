package httpapi

import (
	"cmp"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"tidings/actors"
	"tidings/clientjs"
	"tidings/internal/admin"
	"tidings/internal/counts"
	"tidings/internal/doctor"
	"tidings/internal/forward"
	"tidings/internal/guard"
	"tidings/internal/resting"
	"tidings/protocol"
	"tidings/transports"
)

// API is the HTTP side of one bus. It is an http.Handler.
type API struct {
	bus      *actors.Bus
	log      *slog.Logger
	proxies  proxies
	keys     *keyring
	metrics  MetricsReaders
	tracer   Tracer           // nil: none
	ends     func() time.Time // of certificates; nil: none
	lost     func() uint64    // lines of the log; nil: not counted
	store    Documents
	settings func() []Setting   // nil: not shown
	forward  *forward.Forwarder // nil: no other node is asked
	wasReady atomic.Bool        // the broker has answered
	idle     time.Duration      // how long Server keeps a connection without a request

	gateways    []Gateway
	onErrand    func(*gin.Context) bool // has a gateway answer a request that has no route, if it does; nil: none
	base        string                  // BasePath
	handler     *transports.Handler
	carried     string // what the paths of the transports begin with
	engine      *gin.Engine
	client      files
	demo        files
	start       files
	doctor      files
	docs        func() (files, error) // nil: none
	admin       files
	demoBackend http.Handler
	exporter    http.Handler

	refused counts.Map[protocol.Code]
	silent  silent
	guard   guard.Guard
	panics  atomic.Uint64
	closed  chan struct{} // when no tail may go on
	close   func()
}

// New makes the handler of every URL of the product. It fails where cfg does not validate, and where the demo's files
// cannot be read. Close it when no request comes any more.
func New(bus *actors.Bus, cfg Config) (*API, error) {
	if bus == nil {
		return nil, errors.New("httpapi: there is no bus")
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	networks, _ := parseNetworks(cfg.TrustedProxies)
	a := &API{bus: bus, log: cfg.Log, proxies: networks, metrics: cfg.Metrics, tracer: cfg.Tracer, ends: cfg.CertificateEnds, lost: cfg.LostLogLines, store: cfg.Documents, settings: cfg.Settings, forward: cfg.Forward, idle: cmp.Or(cfg.IdleTimeout, idleTimeout), base: cfg.BasePath, gateways: cfg.Gateways, carried: cfg.BasePath + "/bus", demoBackend: cfg.DemoBackend, docs: readLater(cfg.Docs)}
	if a.log == nil {
		a.log = slog.Default()
	}
	a.keys = newKeyring(&cfg, a.proxies)
	a.silent.trusted = a.proxies.trust
	a.watch()
	var err error
	if a.client, err = readFiles(clientFiles()); err != nil {
		return nil, err
	}
	if a.demo, err = readFiles(cfg.Demo); err != nil {
		return nil, err
	}
	if a.start, err = readFiles(cfg.Start); err != nil {
		return nil, err
	}
	for page, tree := range cfg.DemoPages {
		found, err := readFiles(tree)
		if err != nil {
			return nil, err
		}
		for name, f := range found {
			a.demo[page+"/"+name] = f
		}
	}
	if a.doctor, err = readFiles(doctor.Page); err != nil {
		return nil, err
	}
	if a.admin, err = readFiles(admin.Page); err != nil {
		return nil, err
	}
	cfg.Transports.Refusals = bus.Refusals()
	cfg.Transports.ClientAddress = a.proxies.knownText
	cfg.Transports.Scheme = a.proxies.scheme
	cfg.Transports.Log, cfg.Transports.Forward = a.log, cfg.Forward
	if cfg.Transports.Known, err = a.known(cfg.BasePath); err != nil {
		return nil, err
	}
	if a.handler, err = transports.New(bridge{bus}, cfg.Transports); err != nil {
		return nil, err
	}
	a.closed = make(chan struct{})
	a.close = sync.OnceFunc(func() {
		close(a.closed)
		a.handler.Close()
	})
	a.exporter = newExporter(a)
	a.engine = a.routes(cfg.BasePath)
	return a, nil
}

func clientFiles() fs.FS {
	dist, err := fs.Sub(clientjs.Dist, "dist")
	if err != nil {
		panic(err) // only for a malformed name
	}
	return dist
}

// ServeHTTP serves every URL of the product.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.engine.ServeHTTP(w, r) }

// known are the requests that are read on conns which rest. They are decided and answered as all others are.
func (a *API) known(base string) (*resting.Reader, error) {
	return resting.NewReader(
		resting.Form{Path: base + "/bus/ws", Handler: a, Handshake: true},
		resting.Form{Path: base + "/bus/poll", Handler: a},
		resting.Form{Path: base + "/api/publish", Handler: a},
	)
}

// Close cuts what is still connected.
func (a *API) Close() { a.close() }

// Bounds of a request's head and of a connection without one. Those of bodies and answers are the guard's (conns.go):
// a ReadTimeout or WriteTimeout would end streams, which live long.
const (
	headerTimeout = 5 * time.Second
	idleTimeout   = 75 * time.Second
	maxHeader     = 16 << 10
	headerSlack   = 4 << 10 // what net/http adds to MaxHeaderBytes
)

// Bounds of an HTTP/2 connection, which is one browser's.
var http2Bounds = http.HTTP2Config{
	MaxConcurrentStreams:          250,       // net/http's own default: streams, polls and requests of all tabs
	MaxReceiveBufferPerConnection: 1 << 20,   // bytes that wait for their handlers
	MaxReceiveBufferPerStream:     128 << 10, // more than one message; a larger body comes in steps
	SendPingTimeout:               idleTimeout,
	PingTimeout:                   headerTimeout, // for the answer to a ping
	WriteByteTimeout:              10 * time.Second,
}

// Server returns an http.Server for addr with the bounds that a server on the open network needs. It speaks HTTP/1.1,
// and over TLS HTTP/2. Serve a Listener with it.
func (a *API) Server(addr string) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	bounds := http2Bounds
	return &http.Server{
		Addr:              addr,
		Handler:           a.guard.Handler(a),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       a.idle,
		MaxHeaderBytes:    maxHeader - headerSlack,
		Protocols:         &protocols,
		HTTP2:             &bounds,
		ConnState:         a.silent.state,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
}
