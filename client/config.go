package client

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"tidings/protocol"
)

// Config is where the bus is and how to reach it. Only URL is needed.
type Config struct {
	// URL is the base of the bus, such as "https://example.org/bus". Its scheme is http or https (ws and wss are
	// taken for these); it has no query.
	URL string

	// Token is sent with connect; empty is an anonymous client.
	Token string
	// GetToken returns a token where Token is empty, and again when the server says token_expired or unauthorized. It
	// runs on a goroutine of its own, for at most 30 s. A *protocol.Error whose code does not retry ends the client;
	// after any other error it is asked again with the next attempt.
	GetToken func(context.Context) (string, error)

	// Transports are tried in this order. Empty means protocol.WebSocket, protocol.SSE, protocol.Poll.
	Transports []string
	// ProofDeadline is how long a transport has to bring connected before the next one is tried. Zero means 3 s. It
	// doubles with each round in which all of them failed, up to 12 s, so that a slow network gets through in the end.
	ProofDeadline time.Duration

	// HTTPClient carries all three transports, WebSocket included. Its Timeout is ignored: streams last. Nil means a
	// client like http.DefaultClient, whose idle connections are closed with the Client.
	HTTPClient *http.Client

	// OnStatus is told of each change of Status, in order with the other callbacks.
	OnStatus func(Status)
	// Logger gets a warning for each gap that no OnGap takes, and what happens to the connection at debug level. Nil
	// means slog.Default().
	Logger *slog.Logger
	// Random returns numbers in [0,1) for jitter. Nil means math/rand/v2. It is called from one goroutine.
	Random func() float64
}

func (cfg *Config) transports() []string {
	if len(cfg.Transports) == 0 {
		return []string{protocol.WebSocket, protocol.SSE, protocol.Poll}
	}
	return slices.Clone(cfg.Transports)
}

// check fills in defaults. It fails naming the field.
func (cfg *Config) check() error {
	u, err := url.Parse(cfg.URL)
	if err == nil && (u.Scheme == "ws" || u.Scheme == "wss") { // the base of a WebSocket is that of the others
		u.Scheme = "http" + u.Scheme[len("ws"):]
		cfg.URL = u.String()
	}
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("client: URL %q is not the http or https base of a bus", cfg.URL)
	}
	cfg.URL = strings.TrimSuffix(cfg.URL, "/")
	if err := checkTransports(cfg.Transports); err != nil {
		return err
	}
	switch {
	case cfg.ProofDeadline < 0:
		return fmt.Errorf("client: ProofDeadline %v is negative", cfg.ProofDeadline)
	case cfg.ProofDeadline == 0:
		cfg.ProofDeadline = proofDeadline
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	return nil
}

func checkTransports(names []string) error {
	for i, name := range names {
		if name != protocol.WebSocket && name != protocol.SSE && name != protocol.Poll || slices.Contains(names[:i], name) {
			return fmt.Errorf("client: Transports has %q, which is unknown or there twice", name)
		}
	}
	return nil
}

// Times of the client; SPEC.md section 7 where it says them.
const (
	proofDeadline    = 3 * time.Second
	proofDeadlineMax = 4 * proofDeadline

	backoffBase = 200 * time.Millisecond
	backoffMax  = 20 * time.Second
	// stableAfter is how long a connection must hold before the next loss counts as the first.
	stableAfter = 10 * time.Second
	// shakyLosses is how many losses before stableAfter make a transport a bad one: then the next is tried first.
	shakyLosses = 3
	// rememberFor is how long the transport that worked is tried first. After that all are tried again in order, so
	// that a network that got better is noticed.
	rememberFor = 10 * time.Minute

	// lateFor is how long a request of a link that was closed may still arrive at the server, and take the session
	// over.
	lateFor = time.Minute

	tokenDeadline   = 30 * time.Second
	goodbyeDeadline = time.Second

	// askAgainBase is how long what rules ended is left alone at most before it is asked for again. It doubles with
	// each try, up to askAgainMax.
	askAgainBase = 30 * time.Second
	askAgainMax  = 5 * time.Minute

	retryBase = time.Second // of a subscription that was refused for the moment
)
