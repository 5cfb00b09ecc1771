package forward

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// ask hands a request of a client of bus.example.com to a node.
func ask(t *testing.T, f *Forwarder, to, host, body string) (*Answer, error) {
	t.Helper()
	r := httptest.NewRequest("POST", "http://bus.example.com/base/bus/poll?a=1", nil)
	r.Host = host
	r.Header.Set("Authorization", "Bearer secret")
	r.Header.Set("Connection", "keep-alive, X-Mine")
	r.Header.Set("X-Mine", "of this conn")
	r.Header.Set("X-Forwarded-For", "192.0.2.1")
	r.Header.Set(Header, "forged-0")
	return f.Ask(t.Context(), Node{ID: "node-001", URL: to}, r, []byte(body), "192.0.2.2")
}

func TestRequestGoesOnUnchanged(t *testing.T) {
	var got *http.Request
	var body []byte
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, "later")
	}))
	defer node.Close()
	f := New(Config{})
	defer f.Close()
	answer, err := ask(t, f, node.URL, "bus.example.com", `{"type":"poll"}`)
	if err != nil || answer.Status != http.StatusServiceUnavailable || string(answer.Body) != "later" || answer.Header.Get("Retry-After") != "3" {
		t.Fatalf("got %+v, %v, want the node's answer", answer, err)
	}
	for _, tt := range []struct{ what, got, want string }{
		{"method", got.Method, "POST"}, {"URL", got.RequestURI, "/base/bus/poll?a=1"}, {"host", got.Host, "bus.example.com"}, {"body", string(body), `{"type":"poll"}`},
		{"token", got.Header.Get("Authorization"), "Bearer secret"}, {"node", strings.Join(got.Header[Header], ","), "node-001"},
		{"addresses", strings.Join(got.Header["X-Forwarded-For"], ","), "192.0.2.1,192.0.2.2"}, {"header of the conn", got.Header.Get("X-Mine"), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.what, tt.got, tt.want)
		}
	}
	if c := f.Counts(); c.Handed != 1 || c.Running != 0 {
		t.Errorf("counts %+v, want one that was handed on", c)
	}
}

func TestNodeThatDoesNotAnswer(t *testing.T) {
	broken := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer broken.Close()
	half := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "half")
	}))
	defer half.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	f := New(Config{})
	defer f.Close()
	for _, tt := range []struct {
		name, url string
		want      error
	}{
		{"nobody listens", gone.URL, ErrUnreachable},
		{"no URL", "http://[", ErrUnreachable},
		{"it breaks off before an answer", broken.URL, ErrBroken},
		{"it breaks off within the answer", half.URL, ErrBroken},
	} {
		if _, err := ask(t, f, tt.url, "bus.example.com", "{}"); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
	if f.Reaches(t.Context(), Node{URL: gone.URL}, "/healthz", "bus.example.com") || !f.Reaches(t.Context(), Node{URL: half.URL}, "/healthz", "bus.example.com") {
		t.Error("a node that is gone is reached, or one that is there is not")
	}
}

func TestTooManyAtOnce(t *testing.T) {
	arrived, leave := make(chan struct{}), make(chan struct{})
	node := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-leave
	}))
	defer node.Close()
	f := New(Config{Max: 1})
	defer f.Close()
	done := make(chan error, 1)
	go func() {
		_, err := ask(t, f, node.URL, "bus.example.com", "{}")
		done <- err
	}()
	<-arrived
	if _, err := ask(t, f, node.URL, "bus.example.com", "{}"); !errors.Is(err, ErrFull) {
		t.Errorf("a second one: %v, want ErrFull", err)
	}
	close(leave)
	if err := <-done; err != nil {
		t.Errorf("the first one: %v", err)
	}
}

// TestCertificateIsOfTheClientsName shows that a node, which is reached by an address, has to have the certificate of the
// name that the client asked for.
func TestCertificateIsOfTheClientsName(t *testing.T) {
	node := httptest.NewTLSServer(http.NotFoundHandler()) // with a certificate of example.com
	defer node.Close()
	node.Config.ErrorLog = nil
	roots := x509.NewCertPool()
	roots.AddCert(node.Certificate())
	for _, tt := range []struct {
		host string
		want error
	}{{"example.com", nil}, {"example.com:8443", nil}, {"another.test", ErrUnreachable}, {"", ErrUnreachable}} {
		f := New(Config{TLS: &tls.Config{RootCAs: roots}})
		if _, err := ask(t, f, node.URL, tt.host, "{}"); !errors.Is(err, tt.want) {
			t.Errorf("for %q: got %v, want %v", tt.host, err, tt.want)
		}
		f.Close()
	}
}

func TestStreamIsReadWhileItComes(t *testing.T) {
	leave := make(chan struct{})
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		<-leave
	}))
	defer node.Close()
	f := New(Config{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}})
	defer f.Close()
	res, err := f.Stream(t.Context(), Node{ID: "node-001", URL: node.URL}, httptest.NewRequest("GET", "/api/tail", nil), "")
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != "first" {
		t.Errorf("got %q, %v, want what the node has written so far", got, err)
	}
	close(leave)
	res.Body.Close()
}
