package access

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"tidings/protocol"
)

var testSecret = []byte("a secret of these tests, of more than 32 bytes")

// keys of these tests, made once.
var (
	rsaKey, _     = rsa.GenerateKey(rand.Reader, 2048)
	otherRSA, _   = rsa.GenerateKey(rand.Reader, 2048)
	ecKey, _      = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, edKey, _   = ed25519.GenerateKey(rand.Reader)
	issuer, aud   = "https://login.example.com", "tidings"
	goodClaims    = func() jwt.MapClaims { return claimsWith(nil) }
	secretsConfig = TokenConfig{Issuer: issuer, Audience: aud, Secret: testSecret}
)

// claimsWith gives good claims with some replaced; nil takes one out.
func claimsWith(change map[string]any) jwt.MapClaims {
	now := time.Now()
	c := jwt.MapClaims{"iss": issuer, "aud": aud, "sub": "u1", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func tokensOf(t testing.TB, cfg TokenConfig) *Tokens {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	tokens, err := NewTokens(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tokens.Close)
	return tokens
}

func signed(t testing.TB, method jwt.SigningMethod, key any, header map[string]any, c jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	maps.Copy(token.Header, header)
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// raw signs a header and claims as they are written, with the secret.
func raw(header, claims string) string {
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(header)) + "." + b64([]byte(claims))
	mac := hmac.New(sha256.New, testSecret)
	mac.Write([]byte(text))
	return text + "." + b64(mac.Sum(nil))
}

func publicPEM(t testing.TB, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func keySetText(t testing.TB, keys ...jose.JSONWebKey) []byte {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func codeOf(err *protocol.Error) protocol.Code {
	if err == nil {
		return ""
	}
	return err.Code
}

func TestEveryAlgorithm(t *testing.T) {
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	p521, _ := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	long := []byte(strings.Repeat("0123456789abcdef", 4))
	for _, c := range []struct {
		alg    string
		key    any
		public any
	}{
		{"HS256", long, long}, {"HS384", long, long}, {"HS512", long, long},
		{"RS256", rsaKey, rsaKey.Public()}, {"RS384", rsaKey, rsaKey.Public()}, {"RS512", rsaKey, rsaKey.Public()},
		{"ES256", ecKey, ecKey.Public()}, {"ES384", p384, p384.Public()}, {"ES512", p521, p521.Public()},
		{"EdDSA", edKey, edKey.Public()},
	} {
		t.Run(c.alg, func(t *testing.T) {
			set := keySetText(t, jose.JSONWebKey{Key: c.public, KeyID: "k", Algorithm: c.alg, Use: "sig"})
			tokens := tokensOf(t, TokenConfig{Issuer: issuer, Audience: aud, KeySet: set})
			text := signed(t, jwt.GetSigningMethod(c.alg), c.key, map[string]any{"kid": "k"}, goodClaims())
			id, err := tokens.Verify(t.Context(), text)
			if err != nil || id.User != "u1" {
				t.Fatalf("got %+v, %v", id, err)
			}
			head, sig, _ := strings.Cut(text[strings.IndexByte(text, '.')+1:], ".")
			if _, err := tokens.Verify(t.Context(), text[:strings.IndexByte(text, '.')]+"."+head[:len(head)-1]+"."+sig); err == nil {
				t.Error("a token with other claims was taken")
			}
		})
	}
}

func TestKeysOfPEM(t *testing.T) {
	text := slices.Concat(publicPEM(t, rsaKey.Public()), publicPEM(t, ecKey.Public()), publicPEM(t, edKey.Public()))
	tokens := tokensOf(t, TokenConfig{Issuer: issuer, Audience: aud, PublicKeys: text})
	for alg, key := range map[string]any{"RS256": rsaKey, "ES256": ecKey, "EdDSA": edKey} {
		for _, header := range []map[string]any{nil, {"kid": "whatever"}} {
			if _, err := tokens.Verify(t.Context(), signed(t, jwt.GetSigningMethod(alg), key, header, goodClaims())); err != nil {
				t.Errorf("%s with %v: %v", alg, header, err)
			}
		}
	}
	if _, err := tokens.Verify(t.Context(), signed(t, jwt.SigningMethodRS256, otherRSA, nil, goodClaims())); codeOf(err) != protocol.CodeUnauthorized {
		t.Errorf("another key: %v", err)
	}
}

// B55 to B61, B63, B64, B66: what is refused, and with which code.
func TestTokensThatAreRefused(t *testing.T) {
	now := time.Now()
	pemOfKey := publicPEM(t, rsaKey.Public())
	cfg := secretsConfig
	cfg.PublicKeys = pemOfKey
	tokens := tokensOf(t, cfg)
	hs := func(change map[string]any) string {
		return signed(t, jwt.SigningMethodHS256, testSecret, nil, claimsWith(change))
	}
	withHeader := func(header map[string]any) string {
		return signed(t, jwt.SigningMethodHS256, testSecret, header, goodClaims())
	}
	body, _ := json.Marshal(goodClaims())
	good := hs(nil)
	unauthorized := protocol.CodeUnauthorized
	for _, c := range []struct {
		name, token string
		want        protocol.Code
	}{
		{"a good one", good, ""},
		{"B55 alg none", signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, goodClaims()), unauthorized},
		{"B55 alg nOnE", raw(`{"alg":"nOnE"}`, string(body)), unauthorized},
		{"B55 alg in another case", raw(`{"alg":"hs256"}`, string(body)), unauthorized},
		{"B55 alg twice", raw(`{"alg":"none","alg":"HS256"}`, string(body)), unauthorized},
		{"B55 alg absent", raw(`{"typ":"JWT"}`, string(body)), unauthorized},
		{"B55 alg not a text", raw(`{"alg":["HS256"]}`, string(body)), unauthorized},
		{"B55 alg that is not configured", signed(t, jwt.SigningMethodHS384, testSecret, nil, goodClaims()), unauthorized},
		{"B56 the public key as a secret", signed(t, jwt.SigningMethodHS256, pemOfKey, nil, goodClaims()), unauthorized},
		{"B57 no exp", hs(map[string]any{"exp": nil}), unauthorized},
		{"B58 exp a text", hs(map[string]any{"exp": fmt.Sprint(now.Add(time.Hour).Unix())}), unauthorized},
		{"B58 exp 1e300", raw(`{"alg":"HS256"}`, strings.Replace(string(body), `"exp":`, `"exp":1e300,"x":`, 1)), unauthorized},
		{"B58 exp 1e999", raw(`{"alg":"HS256"}`, strings.Replace(string(body), `"exp":`, `"exp":1e999,"x":`, 1)), unauthorized},
		{"B58 exp negative", hs(map[string]any{"exp": -1}), unauthorized},
		{"B58 exp zero", hs(map[string]any{"exp": 0}), unauthorized},
		{"B58 exp null", raw(`{"alg":"HS256"}`, strings.Replace(string(body), `"exp":`, `"exp":null,"x":`, 1)), unauthorized},
		{"B58 exp in milliseconds", hs(map[string]any{"exp": now.UnixMilli()}), unauthorized},
		{"B58 nbf in the future", hs(map[string]any{"nbf": now.Add(time.Minute).Unix()}), unauthorized},
		{"B58 iat in the future", hs(map[string]any{"iat": now.Add(time.Minute).Unix()}), unauthorized},
		{"B58 exp in the past", hs(map[string]any{"exp": now.Add(-time.Minute).Unix()}), protocol.CodeTokenExpired},
		{"B58 exp in the past within the leeway", hs(map[string]any{"exp": now.Add(-TokenLeeway / 2).Unix()}), ""},
		{"B58 iat in the future within the leeway", hs(map[string]any{"iat": now.Add(TokenLeeway / 2).Unix()}), ""},
		{"exp in the past and another issuer", hs(map[string]any{"exp": now.Add(-time.Minute).Unix(), "iss": "x"}), unauthorized},
		{"exp in the past and a bad signature", hs(map[string]any{"exp": now.Add(-time.Minute).Unix()})[:200] + "AAAA", unauthorized},
		{"B59 an unknown crit", withHeader(map[string]any{"crit": []string{"x"}, "x": 1}), unauthorized},
		{"B59 an empty crit", withHeader(map[string]any{"crit": []string{}}), unauthorized},
		{"B59 b64", withHeader(map[string]any{"b64": true}), unauthorized},
		{"B60 no aud", hs(map[string]any{"aud": nil}), unauthorized},
		{"B60 another aud", hs(map[string]any{"aud": "other"}), unauthorized},
		{"B60 one aud of several", hs(map[string]any{"aud": []string{"other", aud}}), ""},
		{"B60 no iss", hs(map[string]any{"iss": nil}), unauthorized},
		{"B60 another iss", hs(map[string]any{"iss": issuer + "/"}), unauthorized},
		{"B61 the last character altered", alterLast(good), unauthorized},
		{"B61 padded", good + "=", unauthorized},
		{"B61 a character of other base64", strings.Replace(good, ".", "+.", 1), unauthorized},
		{"B125 a line feed behind it", good + "\n", unauthorized},
		{"B125 a line feed before it", "\n" + good, unauthorized},
		{"B125 a line feed in its header", good[:5] + "\n" + good[5:], unauthorized},
		{"B125 a carriage return in its claims", strings.Replace(good, ".", ".\r", 1), unauthorized},
		{"B125 both in its signature", good[:len(good)-5] + "\r\n" + good[len(good)-5:], unauthorized},
		{"B125 a space behind it", good + " ", unauthorized},
		{"B63 a kid of 10 KB", withHeader(map[string]any{"kid": strings.Repeat("k", 10<<10)}), unauthorized},
		{"B63 a kid of 257 bytes", withHeader(map[string]any{"kid": strings.Repeat("k", 257)}), unauthorized},
		{"B63 an empty kid", withHeader(map[string]any{"kid": ""}), unauthorized},
		{"B63 a kid that is no text", withHeader(map[string]any{"kid": 7}), unauthorized},
		{"B64 jku and x5u are not looked at", withHeader(map[string]any{"jku": "http://127.0.0.1:1/", "x5u": "http://127.0.0.1:1/"}), ""},
		{"B66 too long", strings.Repeat("a", protocol.MaxTokenBytes+1), unauthorized},
		{"B66 dots", strings.Repeat(".", protocol.MaxTokenBytes), unauthorized},
		{"two parts", "a.b", unauthorized},
		{"a claim twice", raw(`{"alg":"HS256"}`, `{"sub":"admin",`+string(body[1:])), unauthorized},
		{"claims that are no object", raw(`{"alg":"HS256"}`, `[]`), unauthorized},
		{"bytes after the claims", raw(`{"alg":"HS256"}`, string(body)+"{}"), unauthorized},
		{"the token of another use", withHeader(map[string]any{"typ": "logout+jwt"}), unauthorized},
		{"an access token", withHeader(map[string]any{"typ": "at+JWT"}), ""},
		{"no sub", hs(map[string]any{"sub": nil}), unauthorized},
		{"an empty sub", hs(map[string]any{"sub": ""}), unauthorized},
		{"a sub that is a number", hs(map[string]any{"sub": 7}), unauthorized},
		{"the longest sub", hs(map[string]any{"sub": strings.Repeat("s", 128)}), ""},
		{"a longer sub", hs(map[string]any{"sub": strings.Repeat("s", 129)}), unauthorized},
		{"a sub with a line break", hs(map[string]any{"sub": "a\nb"}), unauthorized},
		{"the longest lifetime", hs(map[string]any{"exp": now.Add(24 * time.Hour).Unix()}), ""},
		{"a longer lifetime", hs(map[string]any{"exp": now.Add(25 * time.Hour).Unix()}), unauthorized},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, err := tokens.Verify(t.Context(), c.token)
			if codeOf(err) != c.want {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if err != nil && (id != Identity{} || err.Hint == "" || strings.Contains(err.Reason, c.token)) {
				t.Errorf("it is %+v all the same, or the error is of no use: %v", id, err)
			}
		})
	}
}

// alterLast changes only bits of the last character that lax decoding drops.
func alterLast(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last^1])
}

func TestWhatATokenGrants(t *testing.T) {
	tokens := tokensOf(t, secretsConfig)
	text := signed(t, jwt.SigningMethodHS256, testSecret, nil, claimsWith(map[string]any{
		"roles": []any{"admin", 7, true, "desk"}, "permissions": "orders:read orders:write", "tenant": 42, "jti": "j1",
		"realm_access": map[string]any{"roles": []string{"r"}}, "realm_access.roles2": "x", "flag": true, "half": 1.5, "empty": "",
	}))
	id, err := tokens.Verify(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		got, want []string
	}{
		{"roles", id.Roles(), []string{"admin", "7", "desk"}},
		{"permissions", id.Permissions(), []string{"orders:read", "orders:write"}},
		{"a number", id.Claim("tenant"), []string{"42"}},
		{"one within an object", id.Claim("realm_access.roles"), []string{"r"}},
		{"true", id.Claim("flag"), nil},
		{"a fraction", id.Claim("half"), nil},
		{"an empty text", id.Claim("empty"), nil},
		{"a registered one", id.Claim("sub"), nil},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, c.got, c.want)
		}
	}
	if id.TokenID() != "j1" || id.Issued().IsZero() || time.Until(id.Expires()) > time.Hour {
		t.Errorf("got %q, %v, %v", id.TokenID(), id.Issued(), id.Expires())
	}
	cfg := secretsConfig
	cfg.Roles, cfg.Permissions = "realm_access.roles", "scope"
	if id, _ := tokensOf(t, cfg).Verify(t.Context(), text); !slices.Equal(id.Roles(), []string{"r"}) || id.Permissions() != nil {
		t.Errorf("by other claims: %q, %q", id.Roles(), id.Permissions())
	}
}

// B116: a name in a list is one name, however many there are; only a text alone is read as words.
func TestB116_NamesWithSpaces(t *testing.T) {
	tokens := tokensOf(t, secretsConfig)
	for _, c := range []struct {
		name  string
		claim any
		want  []string
	}{
		{"a list of one", []string{"not admin"}, []string{"not admin"}},
		{"a list of two", []string{"not admin", "y"}, []string{"not admin", "y"}},
		{"a list of one and what is no name", []any{"Domain Admins", true}, []string{"Domain Admins"}},
		{"a text", "not admin", []string{"not", "admin"}},
		{"a list of one without a space", []string{"admin"}, []string{"admin"}},
		{"an empty list", []string{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, fault := tokens.Verify(t.Context(), signed(t, jwt.SigningMethodHS256, testSecret, nil, claimsWith(map[string]any{"roles": c.claim, "permissions": c.claim})))
			if fault != nil {
				t.Fatal(fault)
			}
			if !slices.Equal(id.Roles(), c.want) || !slices.Equal(id.Permissions(), c.want) {
				t.Errorf("%v: got the roles %q and the permissions %q, want %q", c.claim, id.Roles(), id.Permissions(), c.want)
			}
		})
	}
}

// F78: keys that are of no use leave the others alone, and are named.
func TestF78_KeySetsWithOtherKeys(t *testing.T) {
	good := jose.JSONWebKey{Key: rsaKey.Public(), KeyID: "signs", Algorithm: "RS256", Use: "sig"}
	withKeys := func(keys ...string) []byte {
		text, err := good.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return []byte(`{"keys":[` + strings.Join(append(keys, string(text)), ",") + `]}`)
	}
	rsaOf := func(members string) string {
		text, _ := jose.JSONWebKey{Key: rsaKey.Public()}.MarshalJSON()
		return strings.Replace(string(text), "{", "{"+members+",", 1)
	}
	for _, c := range []struct {
		name string
		set  []byte
		warn string // "": no warning
	}{
		{"the one key alone", withKeys(), ""},
		{"Keycloak's key for encryption", withKeys(rsaOf(`"kid":"enc-1","use":"enc","alg":"RSA-OAEP"`)), `"enc-1"`},
		{"PS256", withKeys(rsaOf(`"kid":"pss","use":"sig","alg":"PS256"`)), `"pss"`},
		{"secp256k1", withKeys(`{"kty":"EC","kid":"k1","crv":"secp256k1","x":"AA","y":"AA"}`), `"k1"`},
		{"a type of the future", withKeys(`{"kty":"XYZ","kid":"x"}`), `"x"`},
		{"a key without an id", withKeys(`{"kty":"XYZ"}`), "without an id"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log strings.Builder
			tokens := tokensOf(t, TokenConfig{Issuer: issuer, Audience: aud, KeySet: c.set, Log: slog.New(slog.NewTextHandler(&log, nil))})
			token := signed(t, jwt.SigningMethodRS256, rsaKey, map[string]any{"kid": "signs"}, goodClaims())
			if _, fault := tokens.Verify(t.Context(), token); fault != nil {
				t.Errorf("the good key does not count: %v", fault)
			}
			if warned := strings.ReplaceAll(log.String(), `\"`, `"`); c.warn == "" && warned != "" || !strings.Contains(warned, c.warn) {
				t.Errorf("logged %q, want %q", warned, c.warn)
			}
		})
	}
}

// B62: what would let anybody in does not start.
func TestB62_ConfigsThatDoNotStart(t *testing.T) {
	weak, _ := rsa.GenerateKey(rand.Reader, 1024)
	for _, c := range []struct {
		name   string
		change func(*TokenConfig)
		want   string
	}{
		{"no key", func(c *TokenConfig) { c.Secret = nil }, "there is no key"},
		{"an empty secret", func(c *TokenConfig) { c.Secret = []byte{} }, "shorter than 32 bytes"},
		{"a secret of 31 bytes", func(c *TokenConfig) { c.Secret = testSecret[:31] }, "shorter than 32 bytes"},
		{"a secret of 32 bytes", func(c *TokenConfig) { c.Secret = testSecret[:32] }, ""},
		{"a secret of one character", func(c *TokenConfig) { c.Secret = []byte(strings.Repeat("x", 40)) }, "one repeated character"},
		{"no issuer", func(c *TokenConfig) { c.Issuer = "" }, "Issuer"},
		{"no audience", func(c *TokenConfig) { c.Audience = "" }, "Audience"},
		{"a private key", func(c *TokenConfig) {
			c.PublicKeys = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)})
		}, "PublicKeys"},
		{"no PEM", func(c *TokenConfig) { c.PublicKeys = []byte("hello") }, "PublicKeys"},
		{"something after the PEM", func(c *TokenConfig) { c.PublicKeys = append(publicPEM(t, rsaKey.Public()), "x"...) }, "PublicKeys"},
		{"a weak key", func(c *TokenConfig) { c.PublicKeys = publicPEM(t, weak.Public()) }, "1024 bits"},
		{"a key set that is none", func(c *TokenConfig) { c.KeySet = []byte("{}") }, "KeySet"},
		{"a key set of unknown keys", func(c *TokenConfig) { c.KeySet = []byte(`{"keys":[{"kty":"XYZ"}]}`) }, "KeySet"},
		{"a key that is for encryption", func(c *TokenConfig) {
			c.KeySet = keySetText(t, jose.JSONWebKey{Key: rsaKey.Public(), Use: "enc"})
		}, "KeySet"},
		{"a short secret in a key set", func(c *TokenConfig) {
			c.KeySet = keySetText(t, jose.JSONWebKey{Key: testSecret[:31]})
		}, "KeySet"},
		{"a secret that is too short for its algorithm", func(c *TokenConfig) {
			c.KeySet = keySetText(t, jose.JSONWebKey{Key: testSecret[:40], Algorithm: "HS384"})
		}, "too short for HS384"},
		{"a public key for HMAC", func(c *TokenConfig) {
			c.KeySet = keySetText(t, jose.JSONWebKey{Key: rsaKey.Public(), Algorithm: "HS256"})
		}, "no algorithm for this type"},
		{"two keys of one id", func(c *TokenConfig) {
			k := jose.JSONWebKey{Key: rsaKey.Public(), KeyID: "k"}
			c.KeySet = keySetText(t, k, k)
		}, "the same id"},
		{"more than 100 keys", func(c *TokenConfig) {
			c.KeySet = keySetText(t, slices.Repeat([]jose.JSONWebKey{{Key: edKey.Public()}}, 101)...)
		}, "at most 100"},
		{"a URL that is not https", func(c *TokenConfig) { c.KeySetURL = "http://login.example.com/keys" }, "https"},
		{"a URL with a password", func(c *TokenConfig) { c.KeySetURL = "https://a:b@login.example.com/keys" }, "not a URL"},
		{"a URL without a host", func(c *TokenConfig) { c.KeySetURL = "https:///keys" }, "not a URL"},
		{"a file", func(c *TokenConfig) { c.KeySetURL = "file:///etc/passwd" }, "not a URL"},
		{"a refresh of a second", func(c *TokenConfig) { c.KeySetRefresh = time.Second }, "KeySetRefresh"},
		{"a negative cache", func(c *TokenConfig) { c.CacheSize = -1 }, "CacheSize"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := secretsConfig
			c.change(&cfg)
			tokens, err := NewTokens(cfg)
			if err == nil {
				tokens.Close()
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if err != nil && len(cfg.Secret) > 8 && strings.Contains(err.Error(), string(cfg.Secret)) {
				t.Error("the error shows the secret")
			}
		})
	}
}

// B63: keys are found by id and algorithm.
func TestB63_KeyIDs(t *testing.T) {
	set := keySetText(t,
		jose.JSONWebKey{Key: rsaKey.Public(), KeyID: "a"}, jose.JSONWebKey{Key: otherRSA.Public(), KeyID: "b"}, jose.JSONWebKey{Key: ecKey.Public(), KeyID: "a"})
	tokens := tokensOf(t, TokenConfig{Issuer: issuer, Audience: aud, KeySet: set})
	for _, c := range []struct {
		name   string
		method jwt.SigningMethod
		key    any
		kid    any
		ok     bool
	}{
		{"the first", jwt.SigningMethodRS256, rsaKey, "a", true},
		{"the second", jwt.SigningMethodRS256, otherRSA, "b", true},
		{"the same id of another algorithm", jwt.SigningMethodES256, ecKey, "a", true},
		{"the other's id", jwt.SigningMethodRS256, otherRSA, "a", false},
		{"none, where there are two", jwt.SigningMethodRS256, rsaKey, nil, false},
		{"none, where there is one", jwt.SigningMethodES256, ecKey, nil, true},
		{"a path", jwt.SigningMethodRS256, rsaKey, "../../etc/passwd", false},
		{"SQL", jwt.SigningMethodRS256, rsaKey, "' OR 1=1 --", false},
		{"in another case", jwt.SigningMethodRS256, rsaKey, "A", false},
	} {
		header := map[string]any{}
		if c.kid != nil {
			header["kid"] = c.kid
		}
		if _, err := tokens.Verify(t.Context(), signed(t, c.method, c.key, header, goodClaims())); (err == nil) != c.ok {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

func TestVerifiedTokensAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := secretsConfig
		cfg.CacheSize = 2
		tokens := tokensOf(t, cfg)
		text := func(user string) string {
			return signed(t, jwt.SigningMethodHS256, testSecret, nil, claimsWith(map[string]any{"sub": user}))
		}
		a, b, c := text("a"), text("b"), text("c")
		for i, step := range []struct {
			token  string
			checks uint64
		}{{a, 1}, {a, 1}, {b, 2}, {a, 2}, {c, 3}, {a, 3}, {b, 4}} { // b went for c
			id, err := tokens.Verify(t.Context(), step.token)
			if err != nil || id.User == "" || tokens.checks.Load() != step.checks {
				t.Errorf("step %d: %v, %d were checked", i, err, tokens.checks.Load())
			}
		}
		tokens.Verify(t.Context(), a[:len(a)-1])
		if n := tokens.cache.Len(); n != 2 {
			t.Errorf("%d are kept", n)
		}
		time.Sleep(time.Hour + TokenLeeway - time.Second)
		if _, err := tokens.Verify(t.Context(), a); err != nil {
			t.Errorf("within the leeway: %v", err)
		}
		time.Sleep(2 * time.Second)
		if _, err := tokens.Verify(t.Context(), a); codeOf(err) != protocol.CodeTokenExpired {
			t.Errorf("a kept one that has expired: %v", err)
		}
	})
}

func TestTokensThatAreNil(t *testing.T) {
	var none *Tokens
	if id, err := none.Verify(context.Background(), "whatever"); err != nil || !id.Anonymous() {
		t.Errorf("got %+v, %v", id, err)
	}
	none.Close()
}

func TestSigners(t *testing.T) {
	private := func(kind string, der []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	pkcs8 := func(key crypto.Signer) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		return private("PRIVATE KEY", der, err)
	}
	sec1, err := x509.MarshalECPrivateKey(ecKey)
	for name, c := range map[string]struct{ private, public []byte }{
		"RSA":         {pkcs8(rsaKey), publicPEM(t, rsaKey.Public())},
		"RSA, PKCS 1": {private("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey), nil), publicPEM(t, rsaKey.Public())},
		"EC":          {private("EC PRIVATE KEY", sec1, err), publicPEM(t, ecKey.Public())},
		"Ed25519":     {pkcs8(edKey), publicPEM(t, edKey.Public())},
	} {
		s, err := NewPEMSigner(c.private, "k1")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text, err := s.Sign(TokenClaims{Issuer: issuer, Audience: aud, User: "u1", Lifetime: time.Minute, Claims: map[string]any{"roles": []string{"r"}, "sub": "other"}})
		if err != nil {
			t.Fatal(err)
		}
		id, fault := tokensOf(t, TokenConfig{Issuer: issuer, Audience: aud, PublicKeys: c.public}).Verify(t.Context(), text)
		if fault != nil || id.User != "u1" || !slices.Equal(id.Roles(), []string{"r"}) || id.TokenID() == "" {
			t.Errorf("%s: got %+v, %v", name, id, fault)
		}
	}
	for _, text := range []string{"", "x", string(publicPEM(t, rsaKey.Public()))} {
		if _, err := NewPEMSigner([]byte(text), ""); err == nil {
			t.Errorf("%.20q was taken for a private key", text)
		}
	}
	if _, err := NewSigner(testSecret[:31]); err == nil {
		t.Error("a short secret signs")
	}
}

// Whatever comes, nothing panics, and only what we signed is taken.
func FuzzToken(f *testing.F) {
	cfg := secretsConfig
	cfg.MaxLifetime = 100 * 365 * 24 * time.Hour
	tokens := tokensOf(f, cfg)
	// the same in each process that the fuzzer starts, whenever it starts it
	good := signed(f, jwt.SigningMethodHS256, testSecret, map[string]any{"kid": "k"}, claimsWith(map[string]any{"iat": nil, "exp": time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix()}))
	if _, err := tokens.Verify(f.Context(), good); err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(alterLast(good))
	f.Add(raw(`{"alg":"HS256","crit":[]}`, `{"sub":{"a":[1,"x"]}}`))
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		id, err := tokens.Verify(context.Background(), token)
		if err == nil && token != "" && token != good {
			t.Fatalf("%q was taken for %+v", token, id)
		}
	})
}

// Claims that are signed are read without a panic, and what they grant is bounded by what they say.
func FuzzClaims(f *testing.F) {
	for _, s := range []string{`{"sub":"u"}`, `{"roles":["a",{"b":1}],"x":{"y":{"z":"1"}}}`, `{"exp":1e300}`, `{"aud":[]}`, `[]`, ``} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var c claims
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			return
		}
		n := 0
		for _, list := range c.values {
			for _, s := range list {
				n += len(s)
			}
		}
		if n > len(text) {
			t.Fatalf("%q grants %v", text, c.values)
		}
	})
}

func FuzzKeySet(f *testing.F) {
	f.Add(keySetText(f, jose.JSONWebKey{Key: rsaKey.Public(), KeyID: "a"}, jose.JSONWebKey{Key: edKey.Public()}))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AAAA"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, _, err := readKeySet(text, false)
		if err == nil && len(keys) == 0 {
			t.Fatal("neither a key nor an error")
		}
		for _, k := range keys {
			if _, secret := k.key.([]byte); secret {
				t.Fatal("a stranger's secret was taken")
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	for _, c := range []struct {
		name   string
		method jwt.SigningMethod
		key    any
		public any
	}{{"HS256", jwt.SigningMethodHS256, testSecret, testSecret}, {"RS256", jwt.SigningMethodRS256, rsaKey, rsaKey.Public()}, {"ES256", jwt.SigningMethodES256, ecKey, ecKey.Public()}, {"EdDSA", jwt.SigningMethodEdDSA, edKey, edKey.Public()}} {
		tokens := tokensOf(b, TokenConfig{Issuer: issuer, Audience: aud, KeySet: keySetText(b, jose.JSONWebKey{Key: c.public})})
		text := signed(b, c.method, c.key, nil, claimsWith(map[string]any{"roles": []string{"admin", "desk"}, "tenant": "t1"}))
		for _, cached := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/cached=%v", c.name, cached), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if !cached {
						tokens.cache.Purge()
					}
					if _, err := tokens.Verify(b.Context(), text); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
