package transports

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tidings/protocol"
)

// gate decides which pages and host names may use the bus.
type gate struct {
	any       bool
	localhost bool
	cookies   bool
	origins   map[string]bool // canonical
	hosts     map[string]bool // lower case, with or without port; empty: all
	scheme    func(*http.Request) string
}

func newGate(c *Config) gate {
	g := gate{localhost: c.LocalhostOrigins, cookies: c.Cookies, origins: map[string]bool{}, hosts: map[string]bool{}, scheme: c.Scheme}
	for _, o := range c.Origins {
		switch o {
		case "*":
			g.any = true
		case "null":
			g.origins[o] = true
		default:
			canonical, _ := canonicalOrigin(o)
			g.origins[canonical] = true
		}
	}
	for _, h := range c.AllowedHosts {
		g.hosts[strings.ToLower(h)] = true
	}
	return g
}

// check returns the request's origin, "" if it has none, or why the request is refused.
func (g *gate) check(r *http.Request) (origin string, fault *protocol.Error) {
	if !g.hostAllowed(r.Host) {
		return "", &protocol.Error{Code: protocol.CodeForbidden, Reason: "this server does not answer to that host name", Hint: "Add the name to allowed hosts."}
	}
	values := r.Header["Origin"]
	switch len(values) {
	case 0:
		return "", nil
	case 1:
	default:
		return "", &protocol.Error{Code: protocol.CodeBadRequest, Reason: "more than one Origin header", Hint: "Send one."}
	}
	origin = values[0]
	if len(origin) <= protocol.MaxCursorBytes && g.originAllowed(origin, r) {
		return origin, nil
	}
	return "", &protocol.Error{Code: protocol.CodeOriginForbidden, Reason: "pages of this origin may not connect", Hint: "Add the page's origin, with scheme and port, to the allowed origins."}
}

func (g *gate) originAllowed(origin string, r *http.Request) bool {
	if origin == "null" {
		return g.origins["null"]
	}
	canonical, ok := canonicalOrigin(origin)
	if !ok {
		return false
	}
	if g.any || g.origins[canonical] {
		return true
	}
	return g.own(canonical, r) || g.localhost && isLocalhost(canonical)
}

// own reports whether an origin is that of the request itself.
func (g *gate) own(canonical string, r *http.Request) bool {
	own, ok := canonicalOrigin(g.scheme(r) + "://" + r.Host)
	return ok && own == canonical
}

// credentials reports whether pages of an origin that may connect may also be known by their cookies: "*" lets every
// page connect, and must not let every page act as the user whose browser it runs in.
func (g *gate) credentials(origin string, r *http.Request) bool {
	canonical, ok := canonicalOrigin(origin)
	return ok && (g.own(canonical, r) || g.cookies && (g.origins[canonical] || g.localhost && isLocalhost(canonical)))
}

func (g *gate) hostAllowed(host string) bool {
	if len(g.hosts) == 0 {
		return true
	}
	host = strings.ToLower(host)
	if g.hosts[host] {
		return true
	}
	name, _, err := net.SplitHostPort(host)
	return err == nil && (g.hosts[name] || g.hosts["["+name+"]"])
}

// canonicalOrigin returns scheme://host[:port] in lower case without the scheme's own port. It reports false for
// everything that is more or less than that.
func canonicalOrigin(s string) (string, bool) {
	lower := strings.ToLower(s)
	scheme, host, ok := strings.Cut(lower, "://")
	if !ok || scheme == "" || host == "" || strings.ContainsAny(host, "/?#@*\\ ") {
		return "", false
	}
	u, err := url.Parse(lower)
	if err != nil || u.Scheme != scheme || u.Host != host || u.Hostname() == "" || strings.HasSuffix(host, ":") {
		return "", false
	}
	if port := u.Port(); port == "443" && scheme == "https" || port == "80" && scheme == "http" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return scheme + "://" + host, true
}

// neverSent returns why no browser sends a host, with or without a port, as it is written here. It returns "" if one
// may: names are sent in ASCII, addresses in their usual form, and ports as plain numbers.
func neverSent(host string) string {
	host = strings.ToLower(host)
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') && (host[0] == '[' || strings.Count(host, ":") == 1) {
		name, port = host[:i], host[i+1:]
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != port {
			return "the port is no number from 1 to 65535"
		}
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r >= 0x80 }) {
		return "browsers send a name in its ASCII form, which begins with xn--: write that"
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if ip, err := netip.ParseAddr(bare); err == nil {
		if ip.String() != bare {
			return "browsers send the address as " + ip.String()
		}
		return ""
	}
	last := name[strings.LastIndexByte(strings.TrimSuffix(name, "."), '.')+1:]
	if strings.Trim(last, "0123456789.") == "" && last != "" || strings.HasPrefix(last, "0x") {
		return "browsers send it as an address with four numbers"
	}
	if strings.Contains(name, "%") {
		return "browsers send a name without percent signs"
	}
	return ""
}

func isLocalhost(canonical string) bool {
	u, err := url.Parse(canonical)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	return slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
}
