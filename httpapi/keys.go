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
	visits   access.Visits
	proxies  proxies
	failures failures
	sites    *http.CrossOriginProtection
}

func newKeyring(cfg *Config, p proxies) *keyring {
	k := &keyring{dev: cfg.Dev, visits: access.NewVisits(cfg.SigningSecret), proxies: p, sites: http.NewCrossOriginProtection()}
	k.keys.Store(&cfg.Keys)
	return k
}

// SetKeys puts other keys in the place of those of Config, from the next request on.
func (a *API) SetKeys(keys access.Keys) { a.keys.keys.Store(&keys) }

// backend returns which backend makes the request. It fails with CodeUnauthorized, and with CodeRateLimited for an
// address that failed too often. A valid key always counts: many backends may stand behind one address, and one of them
// be misconfigured. A key counts in the Authorization header only: URLs and bodies end up in logs. Without one the
// cookie of a visit counts, as visitor says.
func (k *keyring) backend(r *http.Request) (access.Backend, error) {
	values := r.Header["Authorization"]
	if len(values) == 0 {
		if b, ok := k.visitor(r); ok {
			return b, nil
		}
	}
	if len(values) == 0 && k.developing(r) && k.sites.Check(r) == nil {
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
	n := noteOf(c)
	n.backend, n.visiting = b, visiting(c.Request)
	return nil
}

const (
	// visitHeader is what requests have in which the cookie of a visit counts. No form can send it, and no page of
	// another origin without being asked about first, which is always refused.
	visitHeader = "Tidings-Admin"
	visitCookie = "tidings_visit"
)

// visiting reports whether a request is that of a person, who has no key in it.
func visiting(r *http.Request) bool {
	return len(r.Header["Authorization"]) == 0 && r.Header.Get(visitHeader) != ""
}

// administers reports whether the admin page can be opened with a backend's key.
func administers(b access.Backend) bool { return b.MayEverywhere(access.ActionAdmin) == nil }

// visitor returns the backend whose key the cookie of a request stands in for. It counts only together with
// visitHeader, for a page of this server, and as long as the key is there and has the scope.
func (k *keyring) visitor(r *http.Request) (access.Backend, bool) {
	if !visiting(r) || !k.ownPage(r) {
		return access.Backend{}, false
	}
	b, _, ok := k.visit(r)
	return b, ok
}

func (k *keyring) visit(r *http.Request) (access.Backend, time.Time, bool) {
	for _, cookie := range r.CookiesNamed(visitCookie) {
		if b, ends, ok := k.visits.Find(cookie.Value, *k.keys.Load(), time.Now()); ok && administers(b) {
			return b, ends, true
		}
	}
	return access.Backend{}, time.Time{}, false
}

// ownPage reports whether a request can be one of a page of this server, as far as the browser says it.
func (k *keyring) ownPage(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return (site == "" || site == "same-origin") && k.sites.Check(r) == nil
}

// developing reports whether a request needs no key, if it is not one of a page of another site.
func (k *keyring) developing(r *http.Request) bool { return k.dev && local(r) }

// near reports whether a page may come over http: with --dev, and on this machine, where nobody is on the way.
func (k *keyring) near(r *http.Request) bool {
	return k.proxies.scheme(r) == "http" && (k.dev || local(r))
}

// adminOn reports whether there is a key that the admin page can be opened with.
func (k *keyring) adminOn() bool { return k.keys.Load().Any(administers) }

// admitErrand is admit for a request of a gateway, which may be a client's: one without a key, or with a token. It
// reports whether the request has an API key that counts.
func (a *API) admitErrand(w http.ResponseWriter, r *http.Request) (b access.Backend, admitted bool, err error) {
	values := r.Header["Authorization"]
	if len(values) != 1 {
		return b, false, nil
	}
	scheme, key, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return b, false, nil
	}
	_, known := a.keys.keys.Load().Find(strings.TrimSpace(key))
	if !known && strings.Count(key, ".") == 2 { // a token, which has three parts
		return b, false, nil
	}
	if b, err = a.keys.backend(r); err != nil {
		return b, false, err
	}
	w.(*note).backend = b
	return b, true, nil
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
