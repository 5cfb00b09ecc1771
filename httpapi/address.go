package httpapi

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// proxies are the networks whose forwarding headers are believed.
type proxies []netip.Prefix

func (p proxies) trust(a netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(a) })
}

// client returns the address that the request came from: the last one in X-Forwarded-For that is not itself a trusted
// proxy, or that of the peer where it is none.
func (p proxies) client(r *http.Request) netip.Addr {
	addr := peerAddress(r)
	if !p.trust(addr) {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		a, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		addr = a.Unmap()
		if !p.trust(addr) {
			break
		}
	}
	return addr
}

// scheme is "https" where the request came over TLS, to us or to a trusted proxy.
func (p proxies) scheme(r *http.Request) string {
	if r.TLS != nil || p.trust(peerAddress(r)) && r.Header.Get("X-Forwarded-Proto") == "https" {
		return "https"
	}
	return "http"
}

func (p proxies) clientText(r *http.Request) string {
	if a := p.client(r); a.IsValid() {
		return a.String()
	}
	return ""
}

// knownText is the client's address, for limits; "" if all that is known is a trusted proxy's own, since that did not
// forward one.
func (p proxies) knownText(r *http.Request) string {
	a := p.client(r)
	if !a.IsValid() || p.trust(a) {
		return ""
	}
	return a.String()
}

func peerAddress(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}

// local reports whether the request was surely made on this machine for this machine: the peer is loopback, no proxy
// forwarded it, and the name asked for is loopback, too, which a page that rebinds its own name is not.
func local(r *http.Request) bool {
	if !peerAddress(r).IsLoopback() {
		return false
	}
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"} {
		if len(r.Header[name]) > 0 {
			return false
		}
	}
	host := r.Host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}
