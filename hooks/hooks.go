// Package hooks asks the application behind the server by HTTP: who a client is, whether it may subscribe or publish,
// what it calls for; and tells it what happened. Requests are signed as Standard Webhooks says (standardwebhooks.com),
// so that the application knows whom they come from.
package hooks

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sony/gobreaker/v2"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"tidings/access"
	"tidings/protocol"
)

// What can be asked.
const (
	Connect   = "connect"
	Subscribe = "subscribe"
	Publish   = "publish"
	Call      = "call"
	SignIn    = "sign_in"
	Events    = "events"
)

// All lists what can be asked.
func All() []string { return []string{Connect, Subscribe, Publish, Call, SignIn, Events} }

// Config is which application to ask, and what. Zero numbers and durations mean the default.
type Config struct {
	// URL takes all hooks, by POST; "" if there are but routes.
	URL string
	// Ask lists what it is asked.
	Ask []string
	// Secret signs every request: "whsec_" and the base64 of 24 to 64 random bytes. Required.
	Secret string
	// Cookies adds the Cookie header of its client to connect, so that a session of the application's own can sign in.
	Cookies bool
	// RoutesURL is what the paths of call-route are put behind; "" for none.
	RoutesURL string
	// Routes are what clients may call there, each as "METHOD /path", with * for one segment of the path and ** for the
	// rest. At most 1,000.
	Routes []string
	// Timeout bounds one request, retries included. Zero means 3 s; 100 ms to 9 s.
	Timeout time.Duration
	// MaxConcurrent bounds the requests under way; more wait for their turn, at most Timeout. Zero means 64; at most
	// 1,024.
	MaxConcurrent int
	// MaxEvents bounds the events that wait for the application; further ones are lost, which shows in their numbers.
	// Zero means 10,000.
	MaxEvents int
	// Logger takes what fails. Nil means slog.Default.
	Logger *slog.Logger

	dial func(ctx context.Context, network, address string) (net.Conn, error) // of tests
}

// Bounds of Config.
const (
	minTimeout, maxTimeout = 100 * time.Millisecond, 9 * time.Second
	maxConcurrent          = 1024
	maxRoutes              = 1000
	minSecret, maxSecret   = 24, 64
)

// Client asks. Close it.
type Client struct {
	cfg     Config
	signer  *webhooks.Webhook
	http    *http.Client
	turns   chan struct{} // one for each request under way
	breaker *gobreaker.CircuitBreaker[*answer]
	routes  map[string]*access.Index[string] // by method
	queue   queue
}

// New makes a client. It fails if the config is wrong, naming the field.
func New(cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	signer, err := webhooks.NewWebhook(cfg.Secret)
	if err != nil {
		return nil, errSecret
	}
	routes, err := readRoutes(cfg.Routes)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil // it is ours, and near
	transport.MaxIdleConnsPerHost, transport.MaxResponseHeaderBytes = cfg.MaxConcurrent, 64<<10
	if cfg.dial != nil {
		transport.DialContext = cfg.dial
	}
	c := &Client{
		cfg:    cfg,
		signer: signer,
		routes: routes,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		turns: make(chan struct{}, cfg.MaxConcurrent),
	}
	c.breaker = gobreaker.NewCircuitBreaker[*answer](gobreaker.Settings{
		Name:         "hooks",
		Timeout:      5 * time.Second,
		ReadyToTrip:  func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= 5 },
		IsSuccessful: func(err error) bool { return err == nil || errors.Is(err, context.Canceled) },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			cfg.Logger.Warn("hooks: the application", "was", from.String(), "is", to.String(), "url", cfg.shown())
		},
	})
	if slices.Contains(cfg.Ask, Events) {
		c.queue.start(c)
	}
	return c, nil
}

// Close sends the events that wait, until ctx is over, and ends.
func (c *Client) Close(ctx context.Context) {
	c.queue.stop(ctx)
	c.http.CloseIdleConnections()
}

func (c Config) withDefaults() Config {
	if c.Timeout == 0 {
		c.Timeout = 3 * time.Second
	}
	if c.MaxConcurrent == 0 {
		c.MaxConcurrent = 64
	}
	if c.MaxEvents == 0 {
		c.MaxEvents = 10_000
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

var errSecret = errors.New(`Secret: must be "whsec_" and the base64 of 24 to 64 random bytes (echo "whsec_$(openssl rand -base64 32)")`)

func (c *Config) check() error {
	for _, ask := range c.Ask {
		if !slices.Contains(All(), ask) {
			return fmt.Errorf("Ask: %q is no hook; there are %v", ask, All())
		}
	}
	switch {
	case len(c.Ask) == 0 && len(c.Routes) == 0:
		return errors.New("Ask: neither a hook nor a route is asked for")
	case len(c.Ask) > 0 && !goodURL(c.URL):
		return errors.New("URL: must start with http:// or https:// and have neither user, query nor fragment")
	case len(c.Routes) > 0 && !goodURL(c.RoutesURL):
		return errors.New("RoutesURL: must start with http:// or https:// and have neither user, query nor fragment")
	case c.Timeout < minTimeout || c.Timeout > maxTimeout:
		return fmt.Errorf("Timeout: must be from %v to %v", minTimeout, maxTimeout)
	case c.MaxConcurrent < 1 || c.MaxConcurrent > maxConcurrent:
		return fmt.Errorf("MaxConcurrent: must be from 1 to %d", maxConcurrent)
	case c.MaxEvents < 1:
		return errors.New("MaxEvents: must be 1 or more")
	case !goodSecret(c.Secret):
		return errSecret
	}
	return nil
}

func goodURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

// shown is where requests go to, for the log.
func (c *Config) shown() string {
	if c.URL != "" {
		return c.URL
	}
	return c.RoutesURL
}

// answer is what the application said.
type answer struct {
	status int
	body   []byte
}

// maxAnswer bounds what is read of an answer: a payload, and room for what is around it.
const maxAnswer = protocol.MaxPayloadBytes + 16<<10

// request is one that goes out.
type request struct {
	method, url string
	id          string // of the message: the same for each retry
	body        []byte
	signed      []byte // what is signed; nil: the body
	header      http.Header
	again       bool // may be sent again if it is not known whether it arrived
}

// errUnsent marks a failure of a request that never reached the application.
var errUnsent = errors.New("the application was not reached")

// send sends a request, a second time where that is safe and may help. A status of 500 and above is an error.
func (c *Client) send(ctx context.Context, r request) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	select {
	case c.turns <- struct{}{}:
		defer func() { <-c.turns }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: too many requests are under way: %w", errUnsent, ctx.Err())
	}
	a, err := c.try(ctx, r)
	if err == nil || ctx.Err() != nil || errors.Is(err, gobreaker.ErrOpenState) || !r.again && !errors.Is(err, errUnsent) {
		return a, err
	}
	return c.try(ctx, r)
}

func (c *Client) try(ctx context.Context, r request) (*answer, error) {
	a, err := c.breaker.Execute(func() (*answer, error) { return c.exchange(ctx, r) })
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		err = fmt.Errorf("%w: it failed lately: %w", errUnsent, err)
	}
	return a, err
}

func (c *Client) exchange(ctx context.Context, r request) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	if r.header != nil {
		req.Header = r.header.Clone()
	}
	if err := c.sign(req, r); err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		var dial *net.OpError
		if errors.As(err, &dial) && dial.Op == "dial" {
			return nil, fmt.Errorf("%w: %w", errUnsent, err)
		}
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("its answer is longer than %d bytes", maxAnswer)
	case res.StatusCode >= 500, res.StatusCode >= 300 && res.StatusCode < 400:
		return nil, fmt.Errorf("its answer has status %d", res.StatusCode)
	}
	return &answer{status: res.StatusCode, body: body}, nil
}

func (c *Client) sign(req *http.Request, r request) error {
	content := r.signed
	if content == nil {
		content = r.body
	}
	now := time.Now()
	signature, err := c.signer.Sign(r.id, now, content)
	if err != nil {
		return err
	}
	if len(r.body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set(webhooks.HeaderWebhookID, r.id)
	req.Header.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	req.Header.Set(webhooks.HeaderWebhookSignature, signature)
	return nil
}

// refusal returns what a client is told if the answer is not yes; nil if it is.
func (a *answer) refusal() *protocol.Error {
	if a.status < 300 {
		return nil
	}
	said := struct {
		Error struct{ Message, Hint string }
	}{}
	json.Unmarshal(a.body, &said) // whatever the body says, the answer is no
	fault := &protocol.Error{Code: codeOf(a.status), Reason: cut(said.Error.Message), Hint: cut(said.Error.Hint)}
	if fault.Reason == "" {
		fault.Reason = "the application does not allow it"
	}
	if fault.Hint == "" {
		fault.Hint = "Ask its operator."
	}
	return fault
}

func codeOf(status int) protocol.Code {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return protocol.CodeBadRequest
	case http.StatusUnauthorized:
		return protocol.CodeUnauthorized
	case http.StatusNotFound:
		return protocol.CodeNotFound
	case http.StatusRequestEntityTooLarge:
		return protocol.CodeTooLarge
	case http.StatusTooManyRequests:
		return protocol.CodeRateLimited
	}
	return protocol.CodeForbidden
}

// cut bounds what a client is told.
func cut(s string) string {
	const most = 500
	if len(s) > most {
		s = s[:most]
	}
	return string(bytes.ToValidUTF8([]byte(s), nil))
}

func goodSecret(s string) bool {
	key, ok := decodeSecret(s)
	return ok && len(key) >= minSecret && len(key) <= maxSecret
}

func decodeSecret(s string) ([]byte, bool) {
	text, ok := strings.CutPrefix(s, "whsec_")
	key, err := base64.StdEncoding.DecodeString(text)
	return key, ok && err == nil
}
