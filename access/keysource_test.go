package access

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"tidings/protocol"
)

// shown is an issuer that shows its keys; it counts how often it is asked.
type shown struct {
	mu     sync.Mutex
	text   []byte
	status int
	delay  time.Duration
	asked  atomic.Int32
}

func (s *shown) set(status int, text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.text = status, text
}

func (s *shown) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked.Add(1)
	s.mu.Lock()
	status, text, delay := s.status, s.text, s.delay
	s.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if status == 0 {
		return nil, errors.New("no route to host")
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(bytes.NewReader(text)), Header: http.Header{}}, nil
}

// withIssuer plays fn in a bubble with tokens whose keys an issuer shows.
func withIssuer(t *testing.T, status int, text []byte, fn func(*testing.T, *Tokens, *shown)) {
	withSlowIssuer(t, 0, status, text, fn)
}

// withSlowIssuer is withIssuer of one that takes its time, from the first question on.
func withSlowIssuer(t *testing.T, delay time.Duration, status int, text []byte, fn func(*testing.T, *Tokens, *shown)) {
	synctest.Test(t, func(t *testing.T) {
		s := &shown{status: status, text: text, delay: delay}
		tokens, err := NewTokens(TokenConfig{
			Issuer: issuer, Audience: aud, KeySetURL: "https://login.example.com/keys", Log: slog.New(slog.DiscardHandler),
			fetch: &fetcher{url: "https://login.example.com/keys", client: &http.Client{Transport: s}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer tokens.Close()
		fn(t, tokens, s)
	})
}

func keyOf(key *ecdsa.PrivateKey, id string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key.Public(), KeyID: id}
}

func tokenOf(t *testing.T, id string) string {
	return signed(t, jwt.SigningMethodES256, ecKey, map[string]any{"kid": id}, goodClaims())
}

func TestKeysThatAnIssuerShows(t *testing.T) {
	withIssuer(t, 200, keySetText(t, keyOf(ecKey, "a")), func(t *testing.T, tokens *Tokens, s *shown) {
		for range 3 {
			if id, err := tokens.Verify(t.Context(), tokenOf(t, "a")); err != nil || id.User != "u1" {
				t.Fatalf("got %v", err)
			}
		}
		if n := s.asked.Load(); n != 1 {
			t.Errorf("it was asked %d times", n)
		}
	})
}

// B63: whoever makes up key ids makes us ask once a minute, whatever he sends.
func TestB63_UnknownKeysAreAskedForOnceAMinute(t *testing.T) {
	withIssuer(t, 200, keySetText(t, keyOf(ecKey, "a")), func(t *testing.T, tokens *Tokens, s *shown) {
		synctest.Wait()
		for minute := range 3 {
			for i := range 50 {
				if _, err := tokens.Verify(t.Context(), tokenOf(t, fmt.Sprint("made up ", i))); codeOf(err) != protocol.CodeUnauthorized {
					t.Fatalf("got %v", err)
				}
			}
			if n := s.asked.Load(); n != int32(minute+1) {
				t.Errorf("in minute %d it was asked %d times", minute, n)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
		}
	})
}

// A token with a key that is new is taken at once, also where many come at the same time.
func TestARotatedKeyIsFetched(t *testing.T) {
	withIssuer(t, 200, keySetText(t, keyOf(ecKey, "a")), func(t *testing.T, tokens *Tokens, s *shown) {
		time.Sleep(90 * time.Second)
		s.set(200, keySetText(t, keyOf(ecKey, "a"), keyOf(ecKey, "b")))
		s.mu.Lock()
		s.delay = time.Second
		s.mu.Unlock()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := tokens.Verify(t.Context(), tokenOf(t, "b")); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := s.asked.Load(); n != 2 {
			t.Errorf("it was asked %d times", n)
		}
	})
}

// B65: a key that the issuer removed counts for KeySetRefresh at most, also for tokens that were verified before.
func TestB65_ARemovedKeyIsRefused(t *testing.T) {
	withIssuer(t, 200, keySetText(t, keyOf(ecKey, "a")), func(t *testing.T, tokens *Tokens, s *shown) {
		token := tokenOf(t, "a")
		tokens.Verify(t.Context(), token)
		s.set(200, keySetText(t, jose.JSONWebKey{Key: rsaKey.Public(), KeyID: "other"}))
		time.Sleep(4 * time.Minute)
		if _, err := tokens.Verify(t.Context(), token); err != nil {
			t.Errorf("before it is fetched again: %v", err)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if _, err := tokens.Verify(t.Context(), token); codeOf(err) != protocol.CodeUnauthorized {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// B65: what is no key set changes nothing for an hour, and lets nobody in after it.
func TestB65_AnIssuerThatFails(t *testing.T) {
	good := keySetText(t, keyOf(ecKey, "a"))
	for name, answer := range map[string]struct {
		status int
		text   []byte
	}{
		"a 500": {500, nil}, "no answer": {0, nil}, "a redirect": {302, nil}, "not JSON": {200, []byte("<html>")}, "no keys": {200, []byte(`{"keys":[]}`)},
		"a secret": {200, keySetText(t, jose.JSONWebKey{Key: testSecret, KeyID: "a"})}, "10 MB": {200, append(good, bytes.Repeat([]byte(" "), 10<<20)...)},
		"a weak key": {200, []byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"a"}]}`)},
	} {
		t.Run(name, func(t *testing.T) {
			withIssuer(t, 200, good, func(t *testing.T, tokens *Tokens, s *shown) {
				synctest.Wait()
				s.set(answer.status, answer.text)
				verify := func() protocol.Code {
					_, err := tokens.Verify(t.Context(), tokenOf(t, "a"))
					return codeOf(err)
				}
				time.Sleep(59 * time.Minute)
				if code := verify(); code != "" {
					t.Errorf("within the hour: %s", code)
				}
				time.Sleep(7 * time.Minute)
				if code := verify(); code != protocol.CodeInternal {
					t.Errorf("after it: %q", code)
				}
				s.set(200, good)
				time.Sleep(2 * time.Minute)
				if code := verify(); code != "" {
					t.Errorf("when it works again: %s", code)
				}
			})
		})
	}
}

func TestAnIssuerThatIsDownAtTheStart(t *testing.T) {
	withIssuer(t, 0, nil, func(t *testing.T, tokens *Tokens, s *shown) {
		if _, err := tokens.Verify(t.Context(), tokenOf(t, "a")); codeOf(err) != protocol.CodeInternal || !err.Code.Row().Retry {
			t.Errorf("got %v", err)
		}
		s.set(200, keySetText(t, keyOf(ecKey, "a")))
		time.Sleep(61 * time.Second)
		if _, err := tokens.Verify(t.Context(), tokenOf(t, "a")); err != nil {
			t.Errorf("a minute later: %v", err)
		}
	})
}

func TestAnIssuerThatDoesNotAnswer(t *testing.T) {
	withSlowIssuer(t, time.Hour, 200, keySetText(t, keyOf(ecKey, "a")), func(t *testing.T, tokens *Tokens, _ *shown) {
		start := time.Now()
		if _, err := tokens.Verify(t.Context(), tokenOf(t, "a")); codeOf(err) != protocol.CodeInternal || time.Since(start) > keySetFetchDeadline {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		time.Sleep(time.Minute)
		if _, err := tokens.Verify(ctx, tokenOf(t, "a")); codeOf(err) != protocol.CodeInternal {
			t.Errorf("a caller that does not wait: %v", err)
		}
	})
}

// Over real sockets: what a fetch must not do.
func TestAFetchIsBounded(t *testing.T) {
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	mux.HandleFunc("/good", func(w http.ResponseWriter, r *http.Request) {
		if len(r.Cookies()) > 0 || r.Header.Get("Authorization") != "" {
			t.Error("it sends what it should keep")
		}
		w.Write([]byte("{}"))
	})
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/good", http.StatusFound) })
	mux.HandleFunc("/long", func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, maxKeySetBytes+1)) })
	mux.HandleFunc("/full", func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, maxKeySetBytes)) })
	mux.HandleFunc("/heads", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X", strings.Repeat("x", 64<<10)) })
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	for path, want := range map[string]string{"/good": "", "/full": "", "/away": "status 302", "/long": "longer than", "/heads": "header", "/none": "status 404"} {
		f, err := newFetcher(server.URL+path, true)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.get(t.Context())
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
	f, err := newFetcher(strings.Replace(server.URL, "http:", "https:", 1)+"/good", false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.get(t.Context()); !errors.Is(err, errPrivate) {
		t.Errorf("a loopback address: %v", err)
	}
}

func TestB128_PrivateAddresses(t *testing.T) {
	for address, public := range map[string]bool{
		"8.8.8.8:443": true, "[2001:4860:4860::8888]:443": true,
		"127.0.0.1:443": false, "[::1]:443": false, "10.1.2.3:443": false, "172.16.0.1:443": false, "192.168.1.1:443": false, "169.254.169.254:80": false,
		"100.64.0.1:443": false, "0.0.0.0:443": false, "[::]:443": false, "[fe80::1%eth0]:443": false, "[fd00::1]:443": false, "224.0.0.1:443": false,
		"[::ffff:127.0.0.1]:443": false, "[::ffff:10.0.0.1]:443": false, "[64:ff9b::a00:1]:443": false, "255.255.255.255:443": false, "localhost:443": false,
		// 6to4 and Teredo carry an IPv4 address inside, as the first of the mapped and the compatible ones do.
		"[2002:a00:1::1]:443": false, "[2001:0:a00:1::]:443": false, "[::a00:1]:443": false, "[fec0::1]:443": false,
		"198.18.0.1:443": false, "198.19.255.255:443": false, "192.0.0.192:443": false, "192.88.99.1:443": false, "240.0.0.1:443": false,
		"192.0.2.1:443": false, "198.51.100.1:443": false, "203.0.113.1:443": false, "[2001:db8::1]:443": false, "[3fff::1]:443": false, "[5f00::1]:443": false, "[100::1]:443": false,
		"198.17.255.255:443": true, "198.20.0.0:443": true, "192.0.1.1:443": true, "[2003::1]:443": true, "[2001:200::1]:443": true,
	} {
		if err := refusePrivate(address); (err == nil) != public {
			t.Errorf("%s: %v", address, err)
		}
	}
}
