package httpapi

import (
	"cmp"
	"net/http"
	"net/http/httptest"
	"testing"
)

func mustNetworks(t *testing.T, list ...string) proxies {
	t.Helper()
	networks, err := parseNetworks(list)
	if err != nil {
		t.Fatal(err)
	}
	return networks
}

// B81: X-Forwarded-For counts only as far as trusted proxies wrote it.
func TestB81_ClientAddress(t *testing.T) {
	for _, tt := range []struct {
		name      string
		trusted   []string
		peer      string
		headers   []string
		forwarded []string
		want      string
	}{
		{name: "nobody trusted", peer: "192.0.2.1:5", headers: []string{"6.6.6.6"}, want: "192.0.2.1"},
		{name: "peer is not the proxy", trusted: []string{"10.0.0.1"}, peer: "192.0.2.1:5", headers: []string{"6.6.6.6"}, want: "192.0.2.1"},
		{name: "behind a proxy", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", headers: []string{"192.0.2.9"}, want: "192.0.2.9"},
		{name: "what the client wrote itself is left of it", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", headers: []string{"6.6.6.6, 192.0.2.9"}, want: "192.0.2.9"},
		{name: "two proxies", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", headers: []string{"6.6.6.6, 192.0.2.9, 10.9.9.9"}, want: "192.0.2.9"},
		{name: "two header lines", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", headers: []string{"6.6.6.6", "192.0.2.9"}, want: "192.0.2.9"},
		{name: "no header", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", want: "10.1.2.3"},
		{name: "nonsense", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", headers: []string{"192.0.2.9, <script>"}, want: "10.1.2.3"},
		{name: "F72 with a port", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", headers: []string{"192.0.2.9:4711"}, want: "192.0.2.9"},
		{name: "F72 IPv6 in brackets", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", headers: []string{"[2001:db8::7]"}, want: "2001:db8::7"},
		{name: "F72 IPv6 with a port", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", headers: []string{"[2001:db8::7]:4711"}, want: "2001:db8::7"},
		{name: "F72 quoted, spaces, empty elements", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", headers: []string{"6.6.6.6 ,\t\"192.0.2.9\" , ,10.9.9.9, "}, want: "192.0.2.9"},
		{name: "F72 with a zone", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", headers: []string{"fe80::1%eth0"}, want: "fe80::1"},
		{name: "F72 unknown", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", headers: []string{"unknown"}, want: "10.1.2.3"},
		{name: "F72 Forwarded", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", forwarded: []string{`for=6.6.6.6, For="[2001:db8::17]:4711";proto=https;by=10.0.0.1`}, want: "2001:db8::17"},
		{name: "F72 Forwarded by two proxies", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", forwarded: []string{"for=192.0.2.9", "for=10.9.9.9;proto=http"}, want: "192.0.2.9"},
		{name: "F72 Forwarded of somebody hidden", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", forwarded: []string{"for=_hidden"}, want: "10.1.2.3"},
		{name: "F72 Forwarded of a client beside the proxy's own header", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", headers: []string{"192.0.2.9"}, forwarded: []string{"for=6.6.6.6"}, want: "192.0.2.9"},
		{name: "F72 Forwarded of nobody trusted", peer: "192.0.2.1:5", forwarded: []string{"for=6.6.6.6"}, want: "192.0.2.1"},
		{name: "mapped IPv4", peer: "[::ffff:192.0.2.1]:5", want: "192.0.2.1"},
		{name: "IPv6 proxy", trusted: []string{"2001:db8::/32"}, peer: "[2001:db8::1]:5", headers: []string{"2001:db9::7"}, want: "2001:db9::7"},
		{name: "a pipe", peer: "pipe", want: ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = tt.peer
			if tt.headers != nil {
				r.Header["X-Forwarded-For"] = tt.headers
			}
			r.Header["Forwarded"] = tt.forwarded
			if got := mustNetworks(t, tt.trusted...).clientText(r); got != tt.want {
				t.Errorf("peer %s, header %q: got %q, want %q", tt.peer, tt.headers, got, tt.want)
			}
		})
	}
}

// F72: the scheme in the spellings of proxies: Traefik says wss for a WebSocket, chains of proxies make lists.
func TestF72_SchemeBehindAProxy(t *testing.T) {
	p := mustNetworks(t, "10.0.0.1")
	for _, tt := range []struct {
		name      string
		peer      string
		proto     []string
		forwarded []string
		want      string
	}{
		{name: "https", proto: []string{"https"}, want: "https"},
		{name: "a WebSocket behind Traefik", proto: []string{"wss"}, want: "https"},
		{name: "capitals", proto: []string{"HTTPS"}, want: "https"},
		{name: "a list", proto: []string{"https,http"}, want: "https"},
		{name: "a list in two lines", proto: []string{"https", "http"}, want: "https"},
		{name: "spaces and quotes", proto: []string{` "https" , http`}, want: "https"},
		{name: "http", proto: []string{"http"}, want: "http"},
		{name: "ws", proto: []string{"ws"}, want: "http"},
		{name: "the outermost proxy speaks http", proto: []string{"http, https"}, want: "http"},
		{name: "nonsense", proto: []string{"gopher"}, want: "http"},
		{name: "Forwarded", forwarded: []string{`for=192.0.2.9;Proto=HTTPS;host=bus.example.com`}, want: "https"},
		{name: "Forwarded, quoted, of two proxies", forwarded: []string{`for="[2001:db8::1]";proto="https", for=10.0.0.9;proto=http`}, want: "https"},
		{name: "Forwarded beside the proxy's own header", proto: []string{"http"}, forwarded: []string{"proto=https"}, want: "http"},
		{name: "neither", want: "http"},
		{name: "somebody says https", peer: "192.0.2.1:5", proto: []string{"https"}, forwarded: []string{"proto=https"}, want: "http"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = cmp.Or(tt.peer, "10.0.0.1:5")
		if tt.proto != nil {
			r.Header["X-Forwarded-Proto"] = tt.proto
		}
		if tt.forwarded != nil {
			r.Header["Forwarded"] = tt.forwarded
		}
		if got := p.scheme(r); got != tt.want {
			t.Errorf("%s: X-Forwarded-Proto %q, Forwarded %q: got %q, want %q", tt.name, tt.proto, tt.forwarded, got, tt.want)
		}
	}
}

// F72: a WebSocket of the bus's own page gets through behind Traefik as it is.
func TestF72_OwnPageBehindTraefik(t *testing.T) {
	w := start(t, func(c *Config) { c.TrustedProxies = []string{"127.0.0.1"} })
	for proto, want := range map[string]int{"wss": 200, "https": 200, "ws": 403} {
		r := w.do(request{path: "http://bus.example.com/bus", noKey: true, remote: "127.0.0.1:5", header: http.Header{
			"Origin": {"https://bus.example.com"}, "X-Forwarded-Proto": {proto}}})
		if r.Code != want {
			t.Errorf("X-Forwarded-Proto: %s: got %d %s, want %d", proto, r.Code, r.Body, want)
		}
	}
}

// B126: what a proxy on this machine sends is not from this machine, whichever header it adds, and if it adds none and
// speaks HTTP/1.0, as proxies do that are told nothing.
func TestB126_LocalIsNotBehindAProxy(t *testing.T) {
	for _, tt := range []struct {
		name, header string
		old          bool
		host         string
		want         bool
	}{
		{name: "curl", want: true},
		{name: "curl to a name", host: "localhost:8080", want: true},
		{name: "Prometheus with a header of its own", header: "X-Prometheus-Scrape-Timeout-Seconds", want: true},
		{name: "a proxy that speaks HTTP/1.0 and rewrites Host", old: true},
		{name: "a page that rebinds its name", host: "evil.example"},
		{header: "X-Forwarded-For"}, {header: "X-Forwarded-Proto"}, {header: "X-Forwarded-Host"}, {header: "X-Forwarded-Port"}, {header: "X-Forwarded-Server"},
		{header: "Forwarded"}, {header: "Via"}, {header: "X-Real-Ip"}, {header: "Cf-Connecting-Ip"}, {header: "True-Client-Ip"},
	} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.RemoteAddr, r.Host = "127.0.0.1:5", cmp.Or(tt.host, "127.0.0.1:8080")
		if tt.header != "" {
			r.Header.Set(tt.header, "1")
		}
		if tt.old {
			r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.0", 1, 0
		}
		if got := local(r); got != tt.want {
			t.Errorf("%s%s: local is %v, want %v", tt.name, tt.header, got, tt.want)
		}
	}
}
