package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"tidings/internal/teststack"
)

const otherSecret = "another-key-of-a-backend-0123456789"

// write writes a file, moved into place as tools that rotate do.
func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

// B110: check-config makes the checks of serve, and prints each fault.
func TestB110_CheckConfig(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "tidings.yaml")
	for _, tt := range []struct {
		name, file string
		args       []string
		want       []string // none: no faults
	}{
		{name: "no faults", file: "api_keys: [shop " + otherSecret + "]\nrules: {subscribe: anyone}\n"},
		{name: "a typo", file: "histroy: {messages: 1}\n", args: []string{"--dev"}, want: []string{`tidings.yaml:1: "histroy" is no setting`}},
		{name: "a typo with its like", file: "history:\n  mesages: 1\n", args: []string{"--dev"}, want: []string{`tidings.yaml:2: "history.mesages" is no setting; did you mean history.messages?`}},
		{name: "what the packages check", file: "api_key: short\nrules: {subscribe: anyone}\n", want: []string{"API keys: key 1 is shorter than 16 bytes"}},
		{name: "an origin with a pattern", file: "origins: [\"https://*.example.com*\"]\n", args: []string{"--dev"}, want: []string{"Origins"}},
		{name: "production left open", want: []string{"no API key", "rules.subscribe is not set"}},
		{name: "certificates that are not there", file: "tls: {cert: none.pem, key: none.pem}\n", args: []string{"--dev"}, want: []string{"tls: open none.pem"}},
	} {
		write(t, name, tt.file)
		p := run(t, nil, append([]string{"check-config", "--config", name}, tt.args...)...)
		code := p.exit()
		if tt.want == nil && (code != 0 || p.out.String() != "no faults\n") || tt.want != nil && code != 1 {
			t.Errorf("%s: ended with %d: %s%s", tt.name, code, p.out, p.errors)
		}
		for _, want := range tt.want {
			if !strings.Contains(p.errors.String(), want) {
				t.Errorf("%s: %q lacks %q", tt.name, p.errors, want)
			}
		}
	}
}

// B111: what is in effect is printed with its source, and no secret is.
func TestB111_PrintConfig(t *testing.T) {
	name := filepath.Join(t.TempDir(), "tidings.yaml")
	write(t, name, "rules:\n  subscribe: anyone\n")
	p := run(t, []string{"TIDINGS_API_KEY=" + otherSecret, "TIDINGS_SIGNING_SECRET=" + otherSecret + otherSecret}, "serve", "--print-config", "--config", name, "--park", "40s")
	if p.exit() != 0 || strings.Contains(p.out.String()+p.errors.String(), otherSecret) {
		t.Fatalf("printed %s%s", p.out, p.errors)
	}
	for _, want := range [][]string{{"park:", "40s", "# --park"}, {"rules.subscribe:", "anyone", "tidings.yaml:2"}, {"heartbeat:", "25s", "# default"}, {"api_key:", "(hidden)", "# environment: TIDINGS_API_KEY"}, {"signing_secret:", "(hidden)", "# environment: TIDINGS_SIGNING_SECRET"}} {
		found := false
		for line := range strings.Lines(p.out.String()) {
			found = found || strings.HasPrefix(line, want[0]) && strings.Contains(line, want[1]) && strings.Contains(line, want[2])
		}
		if !found {
			t.Errorf("%s lacks %q", p.out, want)
		}
	}
}

// publishAs publishes with a key and returns the status.
func publishAs(t *testing.T, client *http.Client, url, key string) int {
	t.Helper()
	r, err := http.NewRequest("POST", url+"/api/publish", strings.NewReader(`{"channel":"a","data":1}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

func TestHangupTakesKeysAndRules(t *testing.T) {
	const first = "the-first-key-of-a-backend-0123456789"
	name := filepath.Join(t.TempDir(), "tidings.yaml")
	file := "log: {level: info}\nrules: {subscribe: anyone}\napi_keys: [shop %s]\n"
	write(t, name, fmt.Sprintf(file, first))
	address := teststack.FreeAddress(t)
	p := run(t, nil, "serve", "--config", name, "--addr", address)
	p.errors.wait(t, `"listening"`)
	url := "http://" + address
	stream, err := http.Get(url + "/bus/sse?channel=a")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	heard := ""
	hear := func(what string) { // reads the stream until something stands in it
		for part := make([]byte, 4096); !strings.Contains(heard, what); {
			n, err := stream.Body.Read(part)
			if heard += string(part[:n]); err != nil {
				t.Fatalf("%v before %s: %s", err, what, heard)
			}
		}
	}
	hear(`"type":"subscribed"`)
	if got := publishAs(t, http.DefaultClient, url, first); got != 200 {
		t.Fatalf("the first key: got %d", got)
	}
	hear(`"type":"message"`)
	write(t, name, strings.Replace(fmt.Sprintf(file, otherSecret), "subscribe: anyone", "subscribe: nobody", 1)+"park: 40s\n")
	p.signal(syscall.SIGHUP)
	p.errors.wait(t, `"reloaded"`)
	hear(`"code":"forbidden"`) // F64
	p.errors.wait(t, "these changes wait for the next start")
	if !strings.Contains(p.errors.String(), `"settings":"park"`) {
		t.Errorf("logged %s", p.errors)
	}
	if got := publishAs(t, http.DefaultClient, url, first); got != 401 {
		t.Errorf("the first key: got %d", got)
	}
	if got := publishAs(t, http.DefaultClient, url, otherSecret); got != 200 {
		t.Errorf("the other key: got %d", got)
	}
	refused, err := http.Get(url + "/bus/poll?channel=a")
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := io.ReadAll(refused.Body); !strings.Contains(string(text), "forbidden") {
		t.Errorf("the new rule: got %d %s", refused.StatusCode, text)
	}
	write(t, name, "rulse: {}\n")
	p.signal(syscall.SIGHUP)
	p.errors.wait(t, "not reloaded")
	if got := publishAs(t, http.DefaultClient, url, otherSecret); got != 200 {
		t.Errorf("after a fault: got %d", got)
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("ended with %d", code)
	}
	rest, err := io.ReadAll(stream.Body)
	if heard += string(rest); err != nil || strings.Count(heard, `"type":"message"`) != 1 {
		t.Errorf("the stream that the new rule forbids, %v: %s", err, heard)
	}
	if strings.Contains(p.errors.String(), first) || strings.Contains(p.errors.String(), otherSecret) {
		t.Error("B111: a key was logged")
	}
}

// certify writes a new certificate for 127.0.0.1 and its key, and returns its bytes.
func certify(t *testing.T, cert, key string) []byte {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<60))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: serial, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
	return der
}

func TestTLSByFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	first := certify(t, cert, key)
	address := teststack.FreeAddress(t)
	p := run(t, []string{"TIDINGS_API_KEY=" + otherSecret}, "serve", "--addr", address, "--tls-cert", cert, "--tls-key", key, "--rules-subscribe", "anyone")
	p.errors.wait(t, `"listening"`)
	shown := func() []byte {
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Raw
	}
	if !bytes.Equal(shown(), first) {
		t.Fatal("another certificate is shown")
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	url := "https://" + address
	stream, err := client.Get(url + "/bus/sse?channel=a")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	metrics, err := client.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer metrics.Body.Close()
	if text, _ := io.ReadAll(metrics.Body); !regexp.MustCompile(`(?m)^tidings_tls_certificate_end_seconds [1-9]`).Match(text) {
		t.Error("/metrics does not say when the certificate ends")
	}
	second := certify(t, cert, key)
	p.signal(syscall.SIGHUP)
	p.errors.wait(t, `"reloaded"`)
	if !bytes.Equal(shown(), second) {
		t.Error("the old certificate is shown")
	}
	write(t, key, "no key")
	p.signal(syscall.SIGHUP)
	p.errors.wait(t, "not reloaded")
	if !bytes.Equal(shown(), second) {
		t.Error("a faulty key replaced the certificate")
	}
	if got := publishAs(t, client, url, otherSecret); got != 200 {
		t.Errorf("publish: got %d", got)
	}
	if answer, err := http.Get("http://" + address + "/healthz"); err == nil && answer.StatusCode == 200 {
		t.Error("it answers without TLS, too")
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("ended with %d: %s", code, p.errors)
	}
	if got, err := io.ReadAll(stream.Body); err != nil || !strings.Contains(string(got), `"type":"message"`) || !strings.Contains(string(got), "shutting_down") {
		t.Errorf("the stream got %q, %v", got, err)
	}
}

// F86: under our own TLS the plain streams of a browser share one HTTP/2 connection: the seventh hears as the first
// does, and what it publishes and asks goes over the same connection.
func TestF86_StreamsShareAnHTTP2Connection(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certify(t, cert, key)
	address := teststack.FreeAddress(t)
	p := run(t, []string{"TIDINGS_API_KEY=" + otherSecret}, "serve", "--addr", address, "--tls-cert", cert, "--tls-key", key, "--rules-subscribe", "anyone", "--drain", "1s")
	p.errors.wait(t, `"listening"`)
	conns := 0
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conns++
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	client := &http.Client{Transport: transport}
	var streams []*bufio.Scanner
	for range 11 {
		answer, err := client.Get("https://" + address + "/bus/sse?channel=a")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.ProtoMajor != 2 {
			t.Fatalf("it speaks %s", answer.Proto)
		}
		lines := bufio.NewScanner(answer.Body)
		for lines.Scan() && !strings.Contains(lines.Text(), `"subscribed"`) {
		}
		streams = append(streams, lines)
	}
	if got := publishAs(t, client, "https://"+address, otherSecret); got != 200 {
		t.Errorf("publish: got %d", got)
	}
	for i, lines := range streams {
		for lines.Scan() && !strings.Contains(lines.Text(), `"type":"message"`) {
		}
		if lines.Err() != nil || !strings.Contains(lines.Text(), `"type":"message"`) {
			t.Errorf("stream %d heard nothing: %v", i+1, lines.Err())
		}
	}
	if conns != 1 {
		t.Errorf("%d connections were made, want 1", conns)
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("ended with %d: %s", code, p.errors)
	}
	for i, lines := range streams {
		farewell := false
		for lines.Scan() {
			farewell = farewell || strings.Contains(lines.Text(), "shutting_down")
		}
		if !farewell {
			t.Errorf("stream %d ended without a word", i+1)
		}
	}
}

// F86: the authority's certificates come with the same protocols.
func TestF86_ProtocolsOfBothKindsOfCertificates(t *testing.T) {
	for name, got := range map[string][]string{"files": (&certificate{}).config().NextProtos, "authority": (&authority{}).config().NextProtos} {
		if len(got) < 2 || got[0] != "h2" || got[1] != "http/1.1" {
			t.Errorf("%s: offers %q, want h2 and http/1.1", name, got)
		}
	}
}

func TestEveryTransportOverTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certify(t, cert, key)
	address := teststack.FreeAddress(t)
	s := run(t, nil, "serve", "--dev", "--addr", address, "--tls-cert", cert, "--tls-key", key)
	s.errors.wait(t, `"listening"`)
	url, trust := "https://"+address, []string{"SSL_CERT_FILE=" + cert}
	for _, transport := range []string{"websocket", "sse", "poll"} {
		sub := run(t, trust, "subscribe", "a/"+transport, "--url", url, "--transport", transport, "--count", "1")
		sub.errors.wait(t, "listening from")
		if p := run(t, trust, "publish", "a/"+transport, "--url", url, "--data", `"over TLS"`); p.exit() != 0 {
			t.Fatalf("%s: publish: %s", transport, p.errors)
		}
		if code := sub.exit(); code != 0 || !strings.Contains(sub.out.String(), "over TLS") {
			t.Errorf("%s: ended with %d: %s%s", transport, code, sub.out, sub.errors)
		}
	}
}
