package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
)

// fakeAuthority is an ACME authority (RFC 8555) that believes nobody: it looks at the server under test, as Let's
// Encrypt would, before it signs. What it does not check are the signatures of requests.
type fakeAuthority struct {
	t           *testing.T
	web         *httptest.Server
	root        *x509.Certificate
	rootKey     *ecdsa.PrivateKey
	tlsAddress  string // where the server under test is, whatever name it has
	httpAddress string // "": offers no http-01

	mu         sync.Mutex // guards what follows
	nonces     map[string]bool
	thumbprint string
	contact    []string
	orders     map[string]*order
	proved     []string // "tls-alpn-01 bus.example.com"
}

type order struct {
	host, token string
	valid       bool
	chain       []byte
}

func startAuthority(t *testing.T, tlsAddress, httpAddress string) *fakeAuthority {
	f := &fakeAuthority{t: t, tlsAddress: tlsAddress, httpAddress: httpAddress, nonces: map[string]bool{}, orders: map[string]*order{}}
	f.rootKey, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "fake authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, f.rootKey.Public(), f.rootKey)
	if err != nil {
		t.Fatal(err)
	}
	f.root, _ = x509.ParseCertificate(der)
	mux := http.NewServeMux()
	mux.HandleFunc("/directory", f.directory)
	mux.HandleFunc("/nonce", func(w http.ResponseWriter, r *http.Request) {})
	mux.HandleFunc("/account", f.account)
	mux.HandleFunc("/order", f.newOrder)
	mux.HandleFunc("/order/{id}", f.order)
	mux.HandleFunc("/authz/{id}", f.authorization)
	mux.HandleFunc("/challenge/{id}/{type}", f.challenge)
	mux.HandleFunc("/finalize/{id}", f.finalize)
	mux.HandleFunc("/cert/{id}", f.certificate)
	f.web = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		nonce := rand.Text()
		f.nonces[nonce] = true
		w.Header().Set("Replay-Nonce", nonce)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(f.web.Close)
	return f
}

// trust writes what the server under test has to trust to speak to the authority.
func (f *fakeAuthority) trust() string {
	file := filepath.Join(f.t.TempDir(), "trust.pem")
	write(f.t, file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.web.Certificate().Raw})))
	return file
}

func (f *fakeAuthority) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func (f *fakeAuthority) directory(w http.ResponseWriter, r *http.Request) {
	url := f.web.URL
	f.answer(w, 200, map[string]any{"newNonce": url + "/nonce", "newAccount": url + "/account", "newOrder": url + "/order", "revokeCert": url + "/revoke", "keyChange": url + "/key"})
}

// read takes a request apart; it must have a nonce that was given out, and only once.
func (f *fakeAuthority) read(r *http.Request, into any) (protected struct {
	Nonce string
	JWK   struct{ X, Y string }
}) {
	var jws struct{ Protected, Payload string }
	body, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(body, &jws); err != nil {
		f.t.Errorf("%s: %v", r.URL, err)
	}
	head, _ := base64.RawURLEncoding.DecodeString(jws.Protected)
	json.Unmarshal(head, &protected)
	if !f.nonces[protected.Nonce] {
		f.t.Errorf("%s: a nonce that was not given out", r.URL)
	}
	delete(f.nonces, protected.Nonce)
	payload, _ := base64.RawURLEncoding.DecodeString(jws.Payload)
	if into != nil && len(payload) > 0 {
		if err := json.Unmarshal(payload, into); err != nil {
			f.t.Errorf("%s: %v", r.URL, err)
		}
	}
	return protected
}

func (f *fakeAuthority) account(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Contact              []string
		TermsOfServiceAgreed bool
	}
	head := f.read(r, &q)
	x, _ := base64.RawURLEncoding.DecodeString(head.JWK.X)
	y, _ := base64.RawURLEncoding.DecodeString(head.JWK.Y)
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, make([]byte, 32-len(x)), x, make([]byte, 32-len(y)), y))
	if err != nil {
		f.t.Error(err)
	}
	f.thumbprint, _ = acme.JWKThumbprint(key)
	f.contact = q.Contact
	w.Header().Set("Location", f.web.URL+"/account/1")
	f.answer(w, 201, map[string]any{"status": "valid", "contact": q.Contact})
}

func (f *fakeAuthority) newOrder(w http.ResponseWriter, r *http.Request) {
	var q struct{ Identifiers []struct{ Value string } }
	f.read(r, &q)
	id := rand.Text()
	f.orders[id] = &order{host: q.Identifiers[0].Value, token: rand.Text()}
	w.Header().Set("Location", f.web.URL+"/order/"+id)
	f.answer(w, 201, f.describe(id))
}

func (f *fakeAuthority) describe(id string) map[string]any {
	o := f.orders[id]
	status := "pending"
	if o.valid {
		status = "ready"
	}
	d := map[string]any{"identifiers": []any{map[string]string{"type": "dns", "value": o.host}}, "authorizations": []string{f.web.URL + "/authz/" + id}, "finalize": f.web.URL + "/finalize/" + id}
	if o.chain != nil {
		status = "valid"
		d["certificate"] = f.web.URL + "/cert/" + id
	}
	d["status"] = status
	return d
}

func (f *fakeAuthority) order(w http.ResponseWriter, r *http.Request) {
	f.read(r, nil)
	f.answer(w, 200, f.describe(r.PathValue("id")))
}

func (f *fakeAuthority) authorization(w http.ResponseWriter, r *http.Request) {
	f.read(r, nil)
	id := r.PathValue("id")
	o := f.orders[id]
	status := "pending"
	if o.valid {
		status = "valid"
	}
	kinds := []string{"tls-alpn-01"}
	if f.httpAddress != "" {
		kinds = []string{"http-01"}
	}
	var list []any
	for _, kind := range kinds {
		list = append(list, map[string]string{"type": kind, "status": status, "token": o.token, "url": f.web.URL + "/challenge/" + id + "/" + kind})
	}
	f.answer(w, 200, map[string]any{"status": status, "identifier": map[string]string{"type": "dns", "value": o.host}, "challenges": list})
}

// challenge looks at the server, as whoever has the name.
func (f *fakeAuthority) challenge(w http.ResponseWriter, r *http.Request) {
	f.read(r, nil)
	o, kind := f.orders[r.PathValue("id")], r.PathValue("type")
	proof := o.token + "." + f.thumbprint
	look := f.overTLS
	if kind == "http-01" {
		look = f.overHTTP
	}
	if err := look(o, proof); err != nil {
		f.t.Errorf("%s of %s: %v", kind, o.host, err)
	} else {
		o.valid = true
		f.proved = append(f.proved, kind+" "+o.host)
	}
	f.answer(w, 200, map[string]string{"type": kind, "status": "processing", "token": o.token, "url": f.web.URL + r.URL.Path})
}

func (f *fakeAuthority) overTLS(o *order, proof string) error {
	conn, err := tls.Dial("tcp", f.tlsAddress, &tls.Config{ServerName: o.host, NextProtos: []string{acme.ALPNProto}, InsecureSkipVerify: true})
	if err != nil {
		return err
	}
	defer conn.Close()
	sum := sha256.Sum256([]byte(proof))
	want, _ := asn1.Marshal(sum[:])
	shown := conn.ConnectionState().PeerCertificates[0]
	for _, e := range shown.Extensions {
		if e.Id.String() == "1.3.6.1.5.5.7.1.31" && e.Critical && string(e.Value) == string(want) && len(shown.DNSNames) == 1 && shown.DNSNames[0] == o.host {
			return nil
		}
	}
	return fmt.Errorf("the certificate that was shown proves nothing: %v", shown.Subject)
}

func (f *fakeAuthority) overHTTP(o *order, proof string) error {
	r, _ := http.NewRequest("GET", "http://"+f.httpAddress+"/.well-known/acme-challenge/"+o.token, nil)
	r.Host = o.host
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if got, _ := io.ReadAll(answer.Body); string(got) != proof {
		return fmt.Errorf("got %s %q", answer.Status, got)
	}
	return nil
}

func (f *fakeAuthority) finalize(w http.ResponseWriter, r *http.Request) {
	var q struct{ CSR string }
	f.read(r, &q)
	id := r.PathValue("id")
	o := f.orders[id]
	raw, _ := base64.RawURLEncoding.DecodeString(q.CSR)
	request, err := x509.ParseCertificateRequest(raw)
	if err != nil || !o.valid || request.CheckSignature() != nil || len(request.DNSNames) != 1 || request.DNSNames[0] != o.host {
		f.t.Errorf("asked to sign %v for %s, which is proved: %v (%v)", request, o.host, o.valid, err)
		f.answer(w, 403, map[string]string{"type": "urn:ietf:params:acme:error:unauthorized"})
		return
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: request.DNSNames, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(90 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, leaf, f.root, request.PublicKey, f.rootKey)
	if err != nil {
		f.t.Error(err)
	}
	for _, der := range [][]byte{der, f.root.Raw} {
		o.chain = append(o.chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	w.Header().Set("Location", f.web.URL+"/order/"+id)
	f.answer(w, 200, f.describe(id))
}

func (f *fakeAuthority) certificate(w http.ResponseWriter, r *http.Request) {
	f.read(r, nil)
	w.Header().Set("Content-Type", "application/pem-certificate-chain")
	w.Write(f.orders[r.PathValue("id")].chain)
}

// client trusts the authority alone and finds every name at the server under test.
func (f *fakeAuthority) client() *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(f.root)
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", f.tlsAddress)
		},
	}}
}

func (f *fakeAuthority) seen() (proved string, orders int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.proved, ", "), len(f.orders)
}
