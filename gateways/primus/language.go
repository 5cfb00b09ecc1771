package primus

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"tidings/gateways/feathers"
	"tidings/protocol"
	"tidings/transports"
)

// Config is how the gateway behaves.
type Config struct {
	// PingInterval is how often a spark is pinged. Zero means 30 s. One of which nothing was heard since the last ping
	// is cut, without the word that it shall not come back.
	PingInterval time.Duration
	// Path is where the gateway is mounted: "/primus", behind the base path.
	Path string
	// Services are those of Feathers that the server has itself. Nil means none.
	Services *feathers.Services
	// Library is what /primus/primus.js is: a file that the user's own build made. Nil means the client of this
	// package.
	Library []byte
}

// Language is the wire of Primus. There is one for all clients.
type Language struct {
	cfg     Config
	spec    []byte
	library library

	transports.Lacks
}

var (
	_ transports.Language    = (*Language)(nil)
	_ transports.Unsupporter = (*Language)(nil)
)

// specVersion is the version of Primus whose protocol this is.
const specVersion = "8.0.9"

// New returns the language.
func New(cfg Config) *Language {
	if cfg.PingInterval == 0 {
		cfg.PingInterval = 30 * time.Second
	}
	if cfg.Path == "" {
		cfg.Path = "/primus"
	}
	if cfg.Services == nil {
		cfg.Services = &feathers.Services{}
	}
	spec, err := json.Marshal(struct {
		PingInterval int64  `json:"pingInterval"` // ms
		Pathname     string `json:"pathname"`
		Version      string `json:"version"`
		Parser       string `json:"parser"`
		Transformer  string `json:"transformer"`
	}{cfg.PingInterval.Milliseconds(), cfg.Path, specVersion, "json", "websockets"})
	if err != nil {
		panic(err) // a type of our own that cannot be written
	}
	return &Language{cfg: cfg, spec: spec, library: newLibrary(&cfg)}
}

// Gateway implements transports.Language.
func (l *Language) Gateway() protocol.Gateway { return protocol.GatewayPrimus }

// Greet implements transports.Language. It answers what is no handshake as Primus does with the transformer websockets.
func (l *Language) Greet(w http.ResponseWriter, r *http.Request) *transports.Greeting {
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return &transports.Greeting{Talk: &spark{language: l}}
	}
	header := w.Header()
	path := strings.TrimPrefix(r.URL.Path, l.cfg.Path)
	if path == "/spec" {
		header.Set("Content-Type", "application/json")
		w.Write(l.spec)
		return nil
	}
	if path == "/primus.js" {
		l.library.serve(w, r)
		return nil
	}
	header.Set("Cache-Control", "no-store, no-cache, must-revalidate, max-age=0")
	header.Set("Pragma", "no-cache")
	switch {
	case r.URL.Query().Has("EIO") || path == "/info" || strings.Contains(path, "/xhr") || strings.Contains(path, "/eventsource"):
		l.Lack("transformer")
		header.Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotImplemented)
		w.Write(protocol.AppendError(nil, &protocol.Error{
			Code: protocol.CodeUnsupported, Reason: "the transformers engine.io and sockjs are not offered by this server",
			Hint: "Build the client with the transformer websockets, or use the client of Tidings, which falls back to SSE and polling; see docs/gateways.md.",
		}))
	default:
		header.Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusUpgradeRequired)
		w.Write([]byte("Upgrade Required"))
	}
	return nil
}
