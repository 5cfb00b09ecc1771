package httpapi

import (
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
		name    string
		trusted []string
		peer    string
		headers []string
		want    string
	}{
		{name: "nobody trusted", peer: "192.0.2.1:5", headers: []string{"6.6.6.6"}, want: "192.0.2.1"},
		{name: "peer is not the proxy", trusted: []string{"10.0.0.1"}, peer: "192.0.2.1:5", headers: []string{"6.6.6.6"}, want: "192.0.2.1"},
		{name: "behind a proxy", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", headers: []string{"192.0.2.9"}, want: "192.0.2.9"},
		{name: "what the client wrote itself is left of it", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", headers: []string{"6.6.6.6, 192.0.2.9"}, want: "192.0.2.9"},
		{name: "two proxies", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", headers: []string{"6.6.6.6, 192.0.2.9, 10.9.9.9"}, want: "192.0.2.9"},
		{name: "two header lines", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", headers: []string{"6.6.6.6", "192.0.2.9"}, want: "192.0.2.9"},
		{name: "no header", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", want: "10.1.2.3"},
		{name: "nonsense", trusted: []string{"10.0.0.0/8"}, peer: "10.1.2.3:5", headers: []string{"192.0.2.9, <script>"}, want: "10.1.2.3"},
		{name: "mapped IPv4", peer: "[::ffff:192.0.2.1]:5", want: "192.0.2.1"},
		{name: "IPv6 proxy", trusted: []string{"2001:db8::/32"}, peer: "[2001:db8::1]:5", headers: []string{"2001:db9::7"}, want: "2001:db9::7"},
		{name: "a pipe", peer: "pipe", want: ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = tt.peer
			r.Header["X-Forwarded-For"] = tt.headers
			if got := mustNetworks(t, tt.trusted...).clientText(r); got != tt.want {
				t.Errorf("peer %s, header %q: got %q, want %q", tt.peer, tt.headers, got, tt.want)
			}
		})
	}
}

func TestSchemeBehindAProxy(t *testing.T) {
	p := mustNetworks(t, "10.0.0.1")
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Forwarded-Proto", "https")
	r.RemoteAddr = "10.0.0.1:5"
	if got := p.scheme(r); got != "https" {
		t.Errorf("a trusted proxy said https: got %q", got)
	}
	r.RemoteAddr = "192.0.2.1:5"
	if got := p.scheme(r); got != "http" {
		t.Errorf("somebody said https: got %q", got)
	}
}
