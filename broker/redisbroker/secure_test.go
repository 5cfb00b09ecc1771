package redisbroker_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/broker/redisbroker"
	"tidings/internal/testredis"
	"tidings/protocol"
)

// narrow are the settings of a server with a user that may do what docs/CLUSTER.md says that nodes need, and no more.
func narrow(t testing.TB) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/CLUSTER.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rule, found := strings.Cut(string(text), "\nuser tidings ")
	rule, _, end := strings.Cut(rule, "\n```")
	if !found || !end {
		t.Fatal("docs/CLUSTER.md has no rule for the user of the nodes")
	}
	return append([]string{"--user", "tidings"}, strings.Fields(rule)...)
}

// as is the URL of a server with a user and a password.
func as(s *testredis.Server, user string) string { return "redis://" + user + "@" + s.Addr() }

// The rule of docs/CLUSTER.md is no wider than the prefix: the user of another bus sees nothing of this one.
func TestUserOfAnotherBus(t *testing.T) {
	t.Parallel()
	server := testredis.Start(t, narrow(t)...)
	cfg := config(as(server, "tidings:PASSWORD"))
	cfg.Prefix = "elsewhere"
	_, err := redisbroker.New(t.Context(), cfg)
	var fault *protocol.Error
	if !errors.As(err, &fault) || fault.Code != protocol.CodeBrokerUnavailable || fault.Hint == "" {
		t.Errorf("got %v, want broker_unavailable with a hint", err)
	}
	if strings.Contains(err.Error(), "PASSWORD") {
		t.Errorf("%v has the password in it", err)
	}
}

// pair is a certificate of this machine, which is its own authority, and its key, as files have them.
type pair struct{ cert, key []byte }

// trusted and stranger are made once: the system's authorities are read once in a process.
var trusted, stranger = sync.OnceValues(makePair), sync.OnceValues(makePair)

func makePair() (pair, error) {
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tidings test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	signed, err := x509.CreateCertificate(rand.Reader, form, form, &secret.PublicKey, secret)
	if err != nil {
		return pair{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(secret)
	text := func(kind string, bytes []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes})
	}
	return pair{text("CERTIFICATE", signed), text("PRIVATE KEY", private)}, err
}

// files writes a pair.
func files(t testing.TB, p pair, err error) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, text := range map[string][]byte{cert: p.cert, key: p.key} {
		if err == nil {
			err = os.WriteFile(name, text, 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// Over rediss:// messages are published and heard, and a server whose certificate nobody vouches for is refused.
func TestTLS(t *testing.T) {
	ours, err := trusted()
	cert, key := files(t, ours, err)
	t.Setenv("SSL_CERT_FILE", cert) // read once, at the first handshake of the process: no other test makes one
	t.Setenv("SSL_CERT_DIR", t.TempDir())
	secure := func(cert, key string) string {
		server := testredis.Start(t)
		port, err := testredis.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		for _, set := range [][2]string{{"tls-cert-file", cert}, {"tls-key-file", key}, {"tls-auth-clients", "no"}, {"tls-port", strconv.Itoa(port)}} {
			server.Do(t, "CONFIG", "SET", set[0], set[1])
		}
		return "rediss://127.0.0.1:" + strconv.Itoa(port)
	}
	b := start(t, config(secure(cert, key)))
	s := newSink()
	if _, err := b.Subscribe(t.Context(), "a", s); err != nil {
		t.Fatal(err)
	}
	insist(t, b, "a", 1)
	s.heardUntil(t, 1)

	theirs, err := stranger()
	cfg := config(secure(files(t, theirs, err)))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := redisbroker.New(ctx, cfg); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v, want that the certificate is not trusted", err)
	}
}
