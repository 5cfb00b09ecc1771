package main

import (
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tidings/internal/teststack"
)

func TestACME(t *testing.T) {
	for _, kind := range []string{"tls-alpn-01", "http-01"} {
		t.Run(kind, func(t *testing.T) {
			address, plain := teststack.FreeAddress(t), ""
			if kind == "http-01" {
				plain = teststack.FreeAddress(t)
			}
			f := startAuthority(t, address, plain)
			cache := filepath.Join(t.TempDir(), "state", "acme")
			args := []string{"serve", "--addr", address, "--rules-subscribe", "anyone", "--tls-acme-hosts", "bus.example.com", "--tls-acme-cache", cache,
				"--tls-acme-email", "ops@example.com", "--tls-acme-directory", f.web.URL + "/directory"}
			if plain != "" {
				args = append(args, "--tls-acme-http", plain)
			}
			environ := []string{"TIDINGS_API_KEY=" + otherSecret, "SSL_CERT_FILE=" + f.trust()}
			s := run(t, environ, args...)
			s.errors.wait(t, `"msg":"certificate"`)
			if proved, _ := f.seen(); proved != kind+" bus.example.com" {
				t.Errorf("proved %q: %s", proved, s.errors)
			}
			if f.contact[0] != "mailto:ops@example.com" {
				t.Errorf("contact is %v", f.contact)
			}
			if got := publishAs(t, f.client(), "https://bus.example.com", otherSecret); got != 200 {
				t.Errorf("publish over the certificate: got %d", got)
			}
			onlyOwner(t, cache)
			refusesOtherNames(t, f, address, plain)

			s.signal(os.Interrupt)
			s.exit()
			s = run(t, environ, args...)
			s.errors.wait(t, `"msg":"certificate"`)
			if got := publishAs(t, f.client(), "https://bus.example.com", otherSecret); got != 200 {
				t.Errorf("publish after a restart: got %d", got)
			}
			if _, orders := f.seen(); orders != 1 {
				t.Errorf("%d orders: the certificate was not kept, or another name had one", orders)
			}
		})
	}
}

func onlyOwner(t *testing.T, cache string) {
	t.Helper()
	err := filepath.WalkDir(cache, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("others can read %s: %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Only the names that are configured count, exactly: anybody may connect with any.
func refusesOtherNames(t *testing.T, f *fakeAuthority, address, plain string) {
	t.Helper()
	for _, name := range []string{"evil.example", "bus.example.com.evil.example", "www.bus.example.com", "example.com", "localhost", ""} {
		conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err == nil {
			conn.Close()
			t.Errorf("%q was served", name)
		}
	}
	if plain == "" {
		return
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for host, want := range map[string]string{"bus.example.com": "https://bus.example.com/demo/?a=1", "BUS.example.com:80": "https://bus.example.com/demo/?a=1", "evil.example": ""} {
		r, _ := http.NewRequestWithContext(context.Background(), "GET", "http://"+plain+"/demo/?a=1", nil)
		r.Host = host
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.Header.Get("Location") != want || answer.StatusCode == 200 {
			t.Errorf("%s over plain HTTP: got %s to %q, want %q", host, answer.Status, answer.Header.Get("Location"), want)
		}
	}
}

// An authority that cannot be reached is said in the log, and the rest goes on.
func TestACMEAuthorityIsDown(t *testing.T) {
	dead := teststack.FreeAddress(t)
	s := run(t, nil, "serve", "--dev", "--addr", teststack.FreeAddress(t), "--tls-acme-hosts", "bus.example.com", "--tls-acme-cache", t.TempDir()+"/acme", "--tls-acme-directory", "https://"+dead+"/directory")
	s.errors.wait(t, `"msg":"no certificate"`)
	if log := s.errors.String(); !strings.Contains(log, `"host":"bus.example.com"`) || !strings.Contains(log, "must reach this server") {
		t.Errorf("got %s", log)
	}
	s.signal(os.Interrupt)
	if code := s.exit(); code != 0 {
		t.Errorf("ended with %d", code)
	}
}

func TestACMERefusesNonsense(t *testing.T) {
	open := t.TempDir()
	os.Chmod(open, 0o755)
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	private := filepath.Join(t.TempDir(), "acme")
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"no cache", []string{"--tls-acme-hosts", "a.example"}, "tls.acme.cache is not set: without a directory"},
		{"a cache without hosts", []string{"--tls-acme-cache", private}, "tls.acme.hosts is not set"},
		{"a cache that others can read", []string{"--tls-acme-hosts", "a.example", "--tls-acme-cache", open}, "chmod 700"},
		{"a cache that is a file", []string{"--tls-acme-hosts", "a.example", "--tls-acme-cache", file}, "is no directory"},
		{"a wildcard", []string{"--tls-acme-hosts", "*.a.example", "--tls-acme-cache", private}, "a wildcard cannot be proved"},
		{"an address", []string{"--tls-acme-hosts", "192.0.2.1", "--tls-acme-cache", private}, "is an address"},
		{"a URL", []string{"--tls-acme-hosts", "https://a.example", "--tls-acme-cache", private}, "is no host such as"},
		{"a port", []string{"--tls-acme-hosts", "a.example:443", "--tls-acme-cache", private}, "is no host such as"},
		{"no dot", []string{"--tls-acme-hosts", "localhost", "--tls-acme-cache", private}, "is no host such as"},
		{"capitals", []string{"--tls-acme-hosts", "A.example", "--tls-acme-cache", private}, "in small letters"},
		{"an authority without TLS", []string{"--tls-acme-hosts", "a.example", "--tls-acme-cache", private, "--tls-acme-directory", "http://ca.example"}, "must be a URL that starts with https://"},
		{"no mail address", []string{"--tls-acme-hosts", "a.example", "--tls-acme-cache", private, "--tls-acme-email", "ops"}, "must be an address such as"},
		{"no port", []string{"--tls-acme-hosts", "a.example", "--tls-acme-cache", private, "--tls-acme-http", "80"}, "must be host:port"},
		{"files, too", []string{"--tls-acme-hosts", "a.example", "--tls-acme-cache", private, "--tls-cert", file, "--tls-key", file}, "exclude each other"},
	} {
		for _, command := range []string{"check-config", "serve"} {
			p := run(t, nil, append([]string{command, "--dev"}, tt.args...)...)
			if code := p.exit(); code != 1 || !strings.Contains(p.errors.String(), tt.want) {
				t.Errorf("%s, %s: ended with %d: %s", tt.name, command, code, p.errors)
			}
		}
	}
	p := run(t, nil, "check-config", "--dev", "--tls-acme-hosts", "a.example", "--tls-acme-cache", private)
	if code := p.exit(); code != 0 {
		t.Errorf("ended with %d: %s", code, p.errors)
	}
	if _, err := os.Stat(private); err == nil {
		t.Error("check-config made the cache")
	}
}
