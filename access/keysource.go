package access

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"syscall"
	"time"

	"tidings/protocol"
)

// keySource keeps the keys of a Tokens those that its issuer shows. It fetches them every KeySetRefresh, and for a
// token whose key is not known, but at most once a minute: a stranger who makes up key ids cannot make it fetch more.
// If fetching fails, the earlier keys count for an hour.
type keySource struct {
	tokens *Tokens
	static *keySet // what the config holds beside
	fetch  *fetcher
	stop   context.CancelFunc
	done   chan struct{}

	mu         sync.Mutex // guards all below
	text       []byte     // of the last answer that was good
	good       time.Time  // when it came; zero: never, or too long ago
	tried      time.Time
	underWay   chan struct{} // closed when the fetch at hand is over; nil without
	background context.Context
}

// minFetchPause is the least time between two fetches.
const minFetchPause = time.Minute

func newKeySource(t *Tokens, static *keySet) (*keySource, error) {
	fetch := t.cfg.fetch
	if fetch == nil {
		var err error
		if fetch, err = newFetcher(t.cfg.KeySetURL, t.cfg.PrivateNetwork); err != nil {
			return nil, fmt.Errorf("KeySetURL: %w", err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &keySource{tokens: t, static: static, fetch: fetch, stop: stop, done: make(chan struct{}), background: ctx}
	s.begin()
	go s.run(ctx)
	return s, nil
}

func (s *keySource) close() {
	s.stop()
	<-s.done
}

// run fetches in turn.
func (s *keySource) run(ctx context.Context) {
	defer close(s.done)
	tick := time.NewTicker(minFetchPause)
	defer tick.Stop()
	for {
		s.mu.Lock()
		over := s.underWay
		s.mu.Unlock()
		if over != nil {
			<-over
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		s.mu.Lock()
		due := time.Since(s.good) >= s.tokens.cfg.KeySetRefresh
		s.mu.Unlock()
		if due {
			s.begin()
		}
	}
}

// begin starts a fetch, unless one is under way or was a moment ago. It returns what is closed when the fetch is over,
// or nil if there is none.
func (s *keySource) begin() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.underWay != nil {
		return s.underWay
	}
	if !s.tried.IsZero() && time.Since(s.tried) < minFetchPause || s.background.Err() != nil {
		return nil
	}
	s.tried = time.Now()
	over := make(chan struct{})
	s.underWay = over
	go func() {
		defer close(over)
		ctx, cancel := context.WithTimeout(s.background, keySetFetchDeadline)
		defer cancel()
		text, err := s.fetch.get(ctx)
		s.took(text, err)
	}()
	return over
}

// took takes a fetch's answer.
func (s *keySource) took(text []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.underWay = nil
	var keys []verificationKey
	if err == nil && !bytes.Equal(text, s.text) {
		keys, _, err = readKeySet(text, false)
	}
	switch {
	case err != nil:
		if s.background.Err() == nil {
			s.tokens.cfg.Log.Warn("the keys of the tokens' issuer could not be fetched", "error", err.Error())
		}
		if !s.good.IsZero() && time.Since(s.good) > maxKeySetStaleness {
			s.good, s.text = time.Time{}, nil
			s.tokens.keys.Store(s.static)
		}
	case keys != nil:
		s.text = text
		s.tokens.keys.Store(&keySet{keys: append(append([]verificationKey(nil), s.static.keys...), keys...)})
		s.tokens.cache.Purge()
		s.good = time.Now()
	default:
		s.good = time.Now()
	}
}

// unknown returns the keys after a fetch for a token whose key is not among them, if one may be made now.
func (s *keySource) unknown(ctx context.Context, h header) (*keySet, *protocol.Error) {
	if over := s.begin(); over != nil {
		select {
		case <-over:
		case <-ctx.Done():
			return nil, errNoKeys
		}
	}
	s.mu.Lock()
	known := !s.good.IsZero()
	s.mu.Unlock()
	keys := s.tokens.keys.Load()
	if !known && len(keys.find(h).Keys) == 0 {
		return nil, errNoKeys
	}
	return keys, nil
}

// fetcher gets a key set over HTTP, bounded in everything: it follows no redirect, uses no proxy and sends no cookie.
// Unless it may, it goes to no private address, whatever the name resolves to.
type fetcher struct {
	url    string
	client *http.Client
}

const maxKeySetBytes = 1 << 20

func newFetcher(where string, private bool) (*fetcher, error) {
	u, err := url.Parse(where)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("not a URL such as https://login.example.com/jwks.json")
	}
	if u.Scheme != "https" && !(private && u.Scheme == "http") {
		return nil, errors.New("must be https: who can change the answer on its way can sign tokens")
	}
	dialer := &net.Dialer{Timeout: keySetFetchDeadline}
	if !private {
		dialer.Control = func(_, address string, _ syscall.RawConn) error { return refusePrivate(address) }
	}
	return &fetcher{url: u.String(), client: &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, DisableKeepAlives: true, DisableCompression: true,
			TLSHandshakeTimeout: keySetFetchDeadline, MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

var errPrivate = errors.New("the address is not a public one; tokens.private_network allows it")

// innerNetworks are the ones of IANA's special-purpose registries that are not for everybody and that netip does not
// call private, and those that carry an IPv4 address inside, which may be any.
var innerNetworks = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/32", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
)

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func refusePrivate(address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return errPrivate
	}
	a := to.Addr().Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return errPrivate
	}
	for _, network := range innerNetworks {
		if network.Contains(a) {
			return errPrivate
		}
	}
	return nil
}

func (f *fetcher) get(ctx context.Context) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	answer, err := f.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered with status %d; redirects are not followed", answer.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxKeySetBytes+1))
	if err == nil && len(text) > maxKeySetBytes {
		err = fmt.Errorf("the answer is longer than %d bytes", maxKeySetBytes)
	}
	return text, err
}
