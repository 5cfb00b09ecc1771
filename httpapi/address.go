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
// proxy, or that of the peer if there is none. Forwarded counts only without X-Forwarded-For: a proxy that sets one of
// them passes on what a client wrote into the other.
func (p proxies) client(r *http.Request) netip.Addr {
	addr := peerAddress(r)
	if !p.trust(addr) {
		return addr
	}
	hops := list(r.Header["X-Forwarded-For"])
	if len(r.Header["X-Forwarded-For"]) == 0 {
		hops = forwarded(r, "for")
	}
	for _, hop := range slices.Backward(hops) {
		a, ok := parseHop(hop)
		if !ok {
			break
		}
		addr = a
		if !p.trust(addr) {
			break
		}
	}
	return addr
}

// scheme returns "https" if the request came over TLS, to us or to a trusted proxy, else "http". Of several proxies the
// first one counts: it spoke with the client.
func (p proxies) scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	if !p.trust(peerAddress(r)) {
		return "http"
	}
	said := list(r.Header["X-Forwarded-Proto"])
	if len(r.Header["X-Forwarded-Proto"]) == 0 {
		said = forwarded(r, "proto")
	}
	if len(said) > 0 && (strings.EqualFold(said[0], "https") || strings.EqualFold(said[0], "wss")) { // wss: of a WebSocket, by Traefik
		return "https"
	}
	return "http"
}

// list returns the elements of a header that may have several lines, each with a list. Empty elements are left out.
func list(lines []string) (elements []string) {
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			if element = unquoted(element); element != "" {
				elements = append(elements, element)
			}
		}
	}
	return elements
}

// forwarded returns one parameter of each element of the header Forwarded (RFC 7239), "" for an element without it.
func forwarded(r *http.Request, parameter string) (values []string) {
	for _, element := range list(r.Header["Forwarded"]) {
		found := ""
		for pair := range strings.SplitSeq(element, ";") {
			if name, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok && strings.EqualFold(name, parameter) {
				found = unquoted(value)
			}
		}
		values = append(values, found)
	}
	return values
}

func unquoted(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	return s
}

// parseHop reads an address as proxies write it: with a port or without, an IPv6 one in brackets or not.
func parseHop(hop string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(hop, "["), "]"))
	if err != nil {
		var with netip.AddrPort
		with, err = netip.ParseAddrPort(hop)
		a = with.Addr()
	}
	return a.Unmap().WithZone(""), err == nil
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

// forwarders are headers of which a proxy adds at least one; those that begin with X-Forwarded- are not listed.
var forwarders = []string{"Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Original-Host", "X-Original-Forwarded-For"}

// local reports whether the request was surely made on this machine for this machine: the peer is loopback, no proxy
// forwarded it, and the name asked for is loopback, too, which a page that rebinds its own name is not. HTTP/1.0 is
// what proxies speak that add no header.
func local(r *http.Request) bool {
	if !peerAddress(r).IsLoopback() || !r.ProtoAtLeast(1, 1) {
		return false
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Forwarded-") || slices.Contains(forwarders, name) {
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
