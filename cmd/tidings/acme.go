package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"tidings/internal/config"
)

// authority gets certificates from an ACME authority such as Let's Encrypt, for the named hosts and no other, and
// renews them. It proves that it has the names on its own TLS port (tls-alpn-01), or on a second one for plain HTTP
// (http-01).
type authority struct {
	manager *autocert.Manager
	hosts   []string
	cache   string
	http    string // address for http-01 and redirects; "": none
	log     *slog.Logger

	mu    sync.Mutex           // guards until
	until map[string]time.Time // of what was shown last, by host
}

// newAuthority checks what would fail later. It changes nothing.
func newAuthority(s config.Settings, log *slog.Logger) (*authority, error) {
	if err := checkCache(s.ACMECache); err != nil {
		return nil, fmt.Errorf("tls.acme.cache: %w", err)
	}
	a := &authority{hosts: s.ACMEHosts, cache: s.ACMECache, http: s.ACMEHTTP, log: log, until: map[string]time.Time{}}
	a.manager = &autocert.Manager{
		Prompt:     autocert.AcceptTOS, // docs/operators.md says so
		Cache:      autocert.DirCache(s.ACMECache),
		HostPolicy: autocert.HostWhitelist(s.ACMEHosts...),
		Email:      s.ACMEEmail,
		Client:     &acme.Client{DirectoryURL: s.ACMEDirectory, UserAgent: "tidings/" + version},
	}
	return a, nil
}

// checkCache refuses a directory that others can look into: it holds private keys. One that is not there is made at
// start.
func checkCache(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is no directory", dir)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s has mode %04o, so that others can read the private keys in it: chmod 700 %s", dir, info.Mode().Perm(), dir)
	}
	return nil
}

// config is that of certificates by file, and answers the authority's challenges.
func (a *authority) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     append(slices.Clone(protocols), acme.ALPNProto),
		GetCertificate: a.certificate,
	}
}

// certificate is what is shown to one client.
func (a *authority) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	shown, err := a.manager.GetCertificate(hello)
	if err == nil && shown.Leaf != nil && slices.Contains(a.hosts, hello.ServerName) && !slices.Contains(hello.SupportedProtos, acme.ALPNProto) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.until[hello.ServerName] = shown.Leaf.NotAfter
	}
	return shown, err
}

// ends returns until when the first of them is good; the zero time if none was shown.
func (a *authority) ends() (first time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range a.until {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	return first
}

// Bounds of the port for plain HTTP, which answers challenges and redirects.
const (
	plainTimeout = 5 * time.Second
	plainHeader  = 4 << 10
)

// begin makes the cache and opens the port for plain HTTP. When the port for TLS is open, too, call fetch.
func (a *authority) begin() (stop func(), err error) {
	if err := os.MkdirAll(a.cache, 0o700); err != nil {
		return nil, fmt.Errorf("tls.acme.cache: %w", err)
	}
	probe, err := os.CreateTemp(a.cache, ".probe-")
	if err != nil {
		return nil, fmt.Errorf("tls.acme.cache: cannot be written to: %w", err)
	}
	probe.Close()
	os.Remove(probe.Name())
	if a.http == "" {
		return func() {}, nil
	}
	listener, err := net.Listen("tcp", a.http)
	if err != nil {
		return nil, fmt.Errorf("tls.acme.http: %w", err)
	}
	plain := &http.Server{
		Handler:      a.manager.HTTPHandler(http.HandlerFunc(a.redirect)),
		ReadTimeout:  plainTimeout,
		WriteTimeout: plainTimeout, IdleTimeout: plainTimeout,
		MaxHeaderBytes: plainHeader,
		ErrorLog:       slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	go plain.Serve(listener)
	return func() { plain.Close() }, nil
}

// redirect sends a page to TLS, if it asks for one of our names.
func (a *authority) redirect(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if !slices.Contains(a.hosts, strings.ToLower(host)) || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.NotFound(w, r)
		return
	}
	http.Redirect(w, r, "https://"+strings.ToLower(host)+r.URL.RequestURI(), http.StatusFound)
}

// fetch gets each host's certificate now, so that the log shows at start what is wrong and the first visitor does not
// wait. What fails is tried again when somebody asks for that host, at most once a minute.
func (a *authority) fetch(ctx context.Context) {
	for _, host := range a.hosts {
		if ctx.Err() != nil {
			return
		}
		shown, err := a.certificate(&tls.ClientHelloInfo{ServerName: host, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}})
		if err != nil {
			a.log.Error("no certificate", "host", host, "error", err.Error(), "hint", "The authority must reach this server under that name, on port 443, or on port 80 where tls.acme.http is set.")
			continue
		}
		a.log.Info("certificate", "host", host, "until", shown.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
}
