package httpapi

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"tidings/access"
	"tidings/internal/forward"
	"tidings/store"
	"tidings/transports"
)

// Config is how the HTTP side behaves.
type Config struct {
	// BasePath stands before every URL: "" or "/tidings". No slash at its end.
	BasePath string
	// Keys are the API keys of backends. Without keys, and without Dev, every request for /api is refused.
	Keys access.Keys
	// Dev allows requests from this machine to use /api and /metrics without a key, as long as they were neither
	// forwarded by a proxy nor made by a page of another site.
	Dev bool
	// Metrics is who may read /metrics without a key. Empty means Loopback. A proxy on this machine makes everyone look
	// local, unless it sends X-Forwarded-For or Via: choose MetricsNobody behind one.
	Metrics MetricsReaders
	// SigningSecret signs the visits of people who use the admin page, at least access.MinSecretBytes. All nodes need
	// the same. Empty means one that is drawn now: visits then end with the process.
	SigningSecret []byte
	// Settings returns the settings that are in effect, for people. Nil means that they are not shown.
	Settings func() []Setting
	// TrustedProxies are the addresses and networks whose X-Forwarded-For and X-Forwarded-Proto, or Forwarded, are
	// believed; by default nobody's. Failed API keys are counted per address only if it is set: offices share one
	// address.
	TrustedProxies []string
	// Transports configures /bus. ClientAddress, Scheme, Known, Forward, Log and Refusals are set by New.
	Transports transports.Config
	// IdleTimeout is how long Server keeps a connection without a request. Zero means 75 s. A balancer in front that
	// keeps its connections for longer (Google's 600 s, Envoy's an hour) now and then sends a request into one that is
	// just being closed, and answers 502. Validate refuses less than 5 s.
	IdleTimeout time.Duration
	// Forward hands requests to other nodes that are theirs to answer, and asks them. Nil: this node answers for itself
	// alone.
	Forward *forward.Forwarder
	// Documents is what /api/documents reads and writes.
	Documents Documents
	// Start is the page at /, whose other files are served at /start/. Nil means none.
	Start fs.FS
	// Demo is served at /demo/, with index.html at its root. Nil means none.
	Demo fs.FS
	// DemoPages are served below Demo, each at /demo/NAME/ with index.html at its root.
	DemoPages map[string]fs.FS
	// Docs returns what is served at /docs/, with index.html at its root. It is called once, by the first request for
	// it. Nil means that there is none.
	Docs func() (fs.FS, error)
	// Gateways are what clients of other systems connect to.
	Gateways []Gateway
	// Tracer makes a span of each publish. Nil means none: a publish's trace context then goes on with its message as
	// it came.
	Tracer Tracer
	// CertificateEnds returns when the first of the certificates that are shown ends; the zero time if none was shown
	// yet. Nil means no TLS here.
	CertificateEnds func() time.Time
	// DemoBackend answers what is below /demo/api/, for the demo page. It sees paths without that. Nil means none.
	DemoBackend http.Handler
	// Log takes one line per request that failed (Info, Error) or, at Debug, per request. Nil means slog.Default.
	// Clients can cause as many of them as they like: have the handler bound lines of the same code and reason.
	Log *slog.Logger
	// LostLogLines returns how many lines of the log were lost so far. Nil means that they are not counted.
	LostLogLines func() uint64
}

// Setting is one setting as it is in effect.
type Setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`  // of a secret only whether, and how many, there are
	Source string `json:"source"` // "default", or where it was set
}

// Documents are what /api/documents is about.
type Documents struct {
	Store store.Store          // nil: none, and the requests are refused
	Lag   func() time.Duration // age of the oldest change that is being published; nil: not measured
}

// Gateway is a language that clients of another system speak, and where.
type Gateway struct {
	// Path is what the paths of its URLs are, or begin with: "/primus" is of /primus and of all below it. "/" is of
	// handshakes at / alone, whatever the base path, since the clients of some systems know no other path.
	Path     string
	Language transports.Language
	// Query, if it is not "", is the parameter that a URL of this gateway has. Of several gateways with one Path the
	// first that fits is taken.
	Query string
}

// Tracer makes spans and sends them somewhere.
type Tracer interface {
	// Publish starts the span of a publish below a W3C trace context ("" for none). It returns the context that goes on
	// with the message, and what ends the span.
	Publish(parent, channel string) (trace string, end func(id string, offset uint64, receivers int, err error))
	// Stats counts the spans that were sent, and those that were lost.
	Stats() (sent, lost uint64)
}

// MetricsReaders is who may read /metrics without a key.
type MetricsReaders string

// The readers.
const (
	MetricsAnyone   MetricsReaders = "anyone"
	MetricsLoopback MetricsReaders = "loopback" // clients on this machine
	MetricsNobody   MetricsReaders = "nobody"
)

// DefaultConfig returns the defaults in full. It has no key: add one.
func DefaultConfig() Config {
	return Config{Metrics: MetricsLoopback, Transports: transports.DefaultConfig(), Log: slog.Default()}
}

// Validate refuses what cannot work, naming the field.
func (c Config) Validate() error {
	if p := c.BasePath; p != "" && (!strings.HasPrefix(p, "/") || strings.HasSuffix(p, "/") || strings.ContainsAny(p, ":*?#% ")) {
		return fmt.Errorf(`BasePath: %q does not start with a slash, or ends with one, or holds ":", "*", "?", "#", "%%" or a space`, p)
	}
	switch c.Metrics {
	case "", MetricsAnyone, MetricsLoopback, MetricsNobody:
	default:
		return fmt.Errorf(`Metrics: %q is neither "anyone" nor "loopback" nor "nobody"`, c.Metrics)
	}
	if len(c.DemoPages) > 0 && c.Demo == nil {
		return errors.New("DemoPages: there is no Demo below which they would be")
	}
	if n := len(c.SigningSecret); n > 0 && n < access.MinSecretBytes {
		return fmt.Errorf("SigningSecret: it is shorter than %d bytes", access.MinSecretBytes)
	}
	if c.IdleTimeout != 0 && c.IdleTimeout < headerTimeout {
		return fmt.Errorf("IdleTimeout: %v is less than %v", c.IdleTimeout, headerTimeout)
	}
	if _, err := parseNetworks(c.TrustedProxies); err != nil {
		return fmt.Errorf("TrustedProxies: %w", err)
	}
	if err := c.Transports.Validate(); err != nil {
		return fmt.Errorf("Transports.%w", err)
	}
	return nil
}

func parseNetworks(list []string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, s := range list {
		if prefix, err := netip.ParsePrefix(s); err == nil {
			networks = append(networks, prefix.Masked())
			continue
		}
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", s)
		}
		networks = append(networks, netip.PrefixFrom(addr, addr.BitLen()))
	}
	return networks, nil
}
