package httpapi

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/protocol"
)

// developer makes the requests without a key in development.
var developer = access.Trusted("dev")

// keyring finds by a request's Authorization header which backend makes it.
type keyring struct {
	keys     atomic.Pointer[access.Keys]
	dev      bool
	proxies  proxies
	failures failures
	sites    *http.CrossOriginProtection
}

func newKeyring(cfg *Config, p proxies) *keyring {
	k := &keyring{dev: cfg.Dev, proxies: p, sites: http.NewCrossOriginProtection()}
	k.keys.Store(&cfg.Keys)
	return k
}

// SetKeys puts other keys in the place of those of Config, from the next request on.
func (a *API) SetKeys(keys access.Keys) { a.keys.keys.Store(&keys) }

// backend returns which backend makes the request. It fails with CodeUnauthorized, and with CodeRateLimited for an
// address that failed too often. A valid key always counts: many backends may stand behind one address, and one of them
// be misconfigured. A key counts in the Authorization header only: URLs and bodies end up in logs.
func (k *keyring) backend(r *http.Request) (access.Backend, error) {
	values := r.Header["Authorization"]
	if len(values) == 0 && k.dev && local(r) && k.sites.Check(r) == nil {
		return developer, nil
	}
	if len(values) == 1 {
		if scheme, key, ok := strings.Cut(values[0], " "); ok && strings.EqualFold(scheme, "Bearer") {
			if b, ok := k.keys.Load().Find(strings.TrimSpace(key)); ok {
				return b, nil
			}
		}
	}
	var addr netip.Addr
	if len(k.proxies) > 0 {
		addr = k.proxies.client(r)
	}
	if k.failures.tooMany(addr) {
		return access.Backend{}, errFailures
	}
	k.failures.add(addr)
	return access.Backend{}, &protocol.Error{Code: protocol.CodeUnauthorized, Reason: "no valid API key", Hint: "Send one, as Authorization: Bearer <key>. It counts in no other place."}
}

var errFailures = &protocol.Error{Code: protocol.CodeRateLimited, Reason: "too many requests from this address had no valid API key", Hint: "Send a valid key; without one, wait a minute."}

// admit finds which backend makes a request of the API, and remembers it for the log and for backendOf.
func (a *API) admit(c *gin.Context) error {
	b, err := a.keys.backend(c.Request)
	if err != nil {
		return err
	}
	noteOf(c).backend = b
	return nil
}

// failures counts failed keys per address in windows of a minute. The zero address is not counted.
type failures struct {
	mu    sync.Mutex // guards both
	since time.Time
	count map[netip.Addr]int
}

const (
	maxFailures    = 10
	failureWindow  = time.Minute
	maxFailureRows = 10_000 // addresses in one window; beyond it, nobody new is counted
)

func (f *failures) tooMany(a netip.Addr) bool {
	if !a.IsValid() {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn()
	return f.count[protocol.AddressBlock(a)] >= maxFailures
}

func (f *failures) add(a netip.Addr) {
	if !a.IsValid() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn()
	a = protocol.AddressBlock(a)
	if _, ok := f.count[a]; ok || len(f.count) < maxFailureRows {
		f.count[a]++
	}
}

func (f *failures) turn() {
	if now := time.Now(); f.count == nil || now.Sub(f.since) >= failureWindow {
		f.since, f.count = now, map[netip.Addr]int{}
	}
}
