package transports

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"tidings/internal/forward"
	"tidings/internal/refusals"
	"tidings/internal/resting"
	"tidings/protocol"
)

// Config is how the transports behave. A duration of zero means its default.
type Config struct {
	// Origins lists the origins whose pages may connect, as scheme://host or scheme://host:port, compared exactly. "*"
	// means any. The origin of the request itself is always allowed; "null" (a sandboxed page, a file) only if it is
	// listed.
	Origins []string
	// LocalhostOrigins allows pages of localhost, 127.0.0.1 and [::1] on any port, for development.
	LocalhostOrigins bool
	// Cookies allows pages of other origins to send their cookies with every transport, if the origin is listed: "*" is
	// not enough. For servers whose clients are known by a cookie; without it a page of another origin sends them over
	// a WebSocket alone.
	Cookies bool
	// AllowedHosts lists the names, with or without port, by which this server may be addressed. It protects against
	// DNS rebinding. Empty means all.
	AllowedHosts []string

	// Heartbeat is the silence after which a client pings, and after which an idle plain client is probed. Zero means
	// protocol.DefaultHeartbeat, 25 s. A client that is silent for 1.1 times as long and 10 s more is taken for lost.
	Heartbeat time.Duration
	// Park is announced to clients. The bus keeps to it. Zero means protocol.DefaultPark, 30 s.
	Park time.Duration
	// PollHold is how long a long-poll request waits for a first frame before it is answered empty. Zero means
	// protocol.DefaultPollHold, 25 s: below the 30 s after which common proxies cut an idle request. At most 60 s.
	PollHold time.Duration
	// StreamLifetime is how long an SSE stream lives, plus or minus a fifth, before it ends with CodeRotated. Zero
	// means 15 min.
	StreamLifetime time.Duration
	// WriteDeadline is how long a client may take to read 16 KiB before it is cut with CodeSlowConsumer. Zero means 5
	// s.
	WriteDeadline time.Duration
	// ConnectDeadline is how long a WebSocket may stay without a connect frame. Zero means protocol.ConnectDeadline, 10
	// s.
	ConnectDeadline time.Duration

	// ReaderGoroutines starts a goroutine for each connection that waits for what its client sends: about 4 KB each.
	// False means that on Linux a connection has one only while its client is sending. Connections whose TLS ends here,
	// and other systems, always have one.
	ReaderGoroutines bool

	// Known are the requests that are read and answered on a conn which rests, without net/http, if the conn is one
	// that readiness watches. Nil means that net/http reads all requests.
	Known *resting.Reader

	// Forward hands polls and sends of a session of another node on to it. Nil: they are answered as if there were no
	// such session.
	Forward *forward.Forwarder

	// ClientAddress returns the address of a request's client, for limits and the log; it knows which proxies to
	// believe. Nil means the host of RemoteAddr.
	ClientAddress func(*http.Request) string
	// Scheme returns "http" or "https": how the client sent a request, if a proxy in front ends TLS. Nil means what
	// this server saw.
	Scheme func(*http.Request) string
	// Log takes one line per refused handshake (Debug) and per failure of the bus (Error). Nil means slog.Default.
	Log *slog.Logger
	// Refusals remembers what is refused, for people who look for the cause. Nil means that it is not remembered.
	Refusals *refusals.Ring
}

// Times that are no settings, because nobody has had a reason to change them.
const (
	defaultLifetime = 15 * time.Minute
	defaultWrite    = 5 * time.Second
	maxPollHold     = 60 * time.Second
	assemblyLimit   = 10 * time.Second // from the first frame of a message to its last byte
	bodyLimit       = 10 * time.Second // for the body of a POST
	closeGrace      = time.Second      // between our close frame and the end of the socket
)

// DefaultConfig returns the defaults in full.
func DefaultConfig() Config { return Config{}.withDefaults() }

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.Heartbeat, protocol.DefaultHeartbeat},
		{&c.Park, protocol.DefaultPark},
		{&c.PollHold, protocol.DefaultPollHold},
		{&c.StreamLifetime, defaultLifetime},
		{&c.WriteDeadline, defaultWrite},
		{&c.ConnectDeadline, protocol.ConnectDeadline},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if c.ClientAddress == nil {
		c.ClientAddress = remoteHost
	}
	if c.Scheme == nil {
		c.Scheme = seenScheme
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// Validate returns an error, which names the field, for what cannot work.
func (c Config) Validate() error {
	for _, o := range c.Origins {
		if o == "*" || o == "null" {
			continue
		}
		if _, ok := canonicalOrigin(o); !ok {
			return fmt.Errorf("Origins: %q is not of the form scheme://host or scheme://host:port; patterns are not supported", o)
		}
		_, host, _ := strings.Cut(o, "://")
		if why := neverSent(host); why != "" {
			return fmt.Errorf("Origins: %q would never match: %s", o, why)
		}
	}
	for _, h := range c.AllowedHosts {
		if h == "" || strings.ContainsAny(h, "*/@ ") {
			return fmt.Errorf("AllowedHosts: %q is not a host or host:port", h)
		}
		if why := neverSent(h); why != "" {
			return fmt.Errorf("AllowedHosts: %q would never match: %s", h, why)
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"Heartbeat", c.Heartbeat}, {"Park", c.Park}, {"PollHold", c.PollHold}, {"StreamLifetime", c.StreamLifetime},
		{"WriteDeadline", c.WriteDeadline}, {"ConnectDeadline", c.ConnectDeadline},
	} {
		if d.value < 0 {
			return fmt.Errorf("%s: %v is negative", d.name, d.value)
		}
	}
	if c.PollHold > maxPollHold {
		return fmt.Errorf("PollHold: %v is more than %v", c.PollHold, maxPollHold)
	}
	return nil
}

// Announce returns the answer to GET /bus. Without its Transports it is what a connected frame carries.
func (c Config) Announce() protocol.Announce {
	c = c.withDefaults()
	return protocol.Announce{
		Version:     protocol.Version,
		Transports:  []string{protocol.WebSocket, protocol.SSE, protocol.Poll},
		HeartbeatMS: c.Heartbeat.Milliseconds(),
		ParkMS:      c.Park.Milliseconds(),
		Limits: protocol.AnnouncedLimits{
			Message:       protocol.MaxMessageBytes,
			Payload:       protocol.MaxPayloadBytes,
			Frames:        protocol.MaxFrames,
			Channel:       protocol.MaxChannelBytes,
			Subscriptions: protocol.MaxSubscriptions,
		},
	}
}

// silence is how long a client may be silent before it is taken for lost.
func (c *Config) silence() time.Duration {
	return c.Heartbeat + c.Heartbeat/10 + protocol.PongDeadline
}

func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

func seenScheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}
