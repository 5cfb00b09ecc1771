package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
	lru "github.com/hashicorp/golang-lru/v2"

	"tidings/protocol"
)

// TokenConfig is which tokens count. Zero numbers and durations mean the default.
type TokenConfig struct {
	// Issuer must be a token's "iss", and Audience be among its "aud". Both are required: a token that the same issuer
	// made for another service is none for this one.
	Issuer, Audience string

	// Secret verifies HS256; at least MinSecretBytes.
	Secret []byte
	// PublicKeys are PEM blocks of public keys or certificates: RSA of at least 2,048 bits for RS256, P-256, P-384 and
	// P-521 for ES256, ES384 and ES512, Ed25519 for EdDSA.
	PublicKeys []byte
	// KeySet is a JWK set (RFC 7517), with what algorithm and id each key has: for what the two above cannot say.
	KeySet []byte
	// KeySetURL is the address at which the issuer shows its public keys as a JWK set. https only, unless
	// PrivateNetwork is set.
	KeySetURL string
	// KeySetRefresh is how often they are fetched; a key that the issuer removed counts for so long. Zero means 5 min;
	// at least 1 min.
	KeySetRefresh time.Duration
	// PrivateNetwork allows KeySetURL to be http, and to be on a loopback, private or link-local address.
	PrivateNetwork bool

	// Roles and Permissions are the claims that name them: a list of texts, or one text of words. Zero means "roles"
	// and "permissions".
	Roles, Permissions string
	// MaxLifetime refuses tokens that are valid for longer from now on: so long a revocation has to be remembered. Zero
	// means 24 h.
	MaxLifetime time.Duration
	// CacheSize bounds the verified tokens that need not be verified again. Zero means 10,000; about 500 bytes each.
	CacheSize int
	// Log takes a line if keys cannot be fetched (Warn). Nil means slog.Default.
	Log *slog.Logger

	fetch *fetcher // of a test; else made of KeySetURL
}

// Bounds of tokens.
const (
	// TokenLeeway is how far the issuer's clock may be off.
	TokenLeeway         = 30 * time.Second
	maxSubjectBytes     = protocol.MaxNameBytes
	maxKeyIDBytes       = 256
	defaultLifetime     = 24 * time.Hour
	defaultTokenCache   = 10_000
	defaultRefresh      = 5 * time.Minute
	defaultRoles        = "roles"
	defaultPermissions  = "permissions"
	minKeySetRefresh    = time.Minute
	maxKeySetStaleness  = time.Hour
	keySetFetchDeadline = 5 * time.Second
)

// Tokens verifies tokens (RFC 7519, RFC 8725).
type Tokens struct {
	cfg    TokenConfig
	parser *jwt.Parser
	keys   atomic.Pointer[keySet]
	source *keySource // nil without KeySetURL
	cache  *lru.Cache[[sha256.Size]byte, verified]
	checks atomic.Uint64 // signatures that were checked
}

// verified is a token that was. It counts as long as the keys are those that it was verified with.
type verified struct {
	identity Identity
	keys     *keySet
}

// NewTokens makes a verifier; Close it. It fails for a config that could let anybody in: without keys, with a secret
// that can be guessed, without issuer or audience. Keys of KeySetURL may be out of reach for now: then tokens are
// refused for now.
func NewTokens(cfg TokenConfig) (*Tokens, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	static, err := cfg.staticKeys()
	if err != nil {
		return nil, err
	}
	cache, err := lru.New[[sha256.Size]byte, verified](cfg.CacheSize)
	if err != nil {
		return nil, err
	}
	t := &Tokens{cfg: cfg, cache: cache, parser: jwt.NewParser(
		jwt.WithValidMethods(algorithms), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(TokenLeeway),
		jwt.WithIssuer(cfg.Issuer), jwt.WithAudience(cfg.Audience), jwt.WithStrictDecoding(),
	)}
	t.keys.Store(static)
	for _, err := range static.skipped {
		cfg.Log.Warn("a key of the key set is left out", "reason", err.Error())
	}
	if cfg.KeySetURL != "" {
		if t.source, err = newKeySource(t, static); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Close ends the fetching of keys.
func (t *Tokens) Close() {
	if t != nil && t.source != nil {
		t.source.close()
	}
}

func (c TokenConfig) withDefaults() TokenConfig {
	for _, f := range []struct {
		field *string
		value string
	}{{&c.Roles, defaultRoles}, {&c.Permissions, defaultPermissions}} {
		if *f.field == "" {
			*f.field = f.value
		}
	}
	for _, f := range []struct {
		field *time.Duration
		value time.Duration
	}{{&c.MaxLifetime, defaultLifetime}, {&c.KeySetRefresh, defaultRefresh}} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	if c.CacheSize == 0 {
		c.CacheSize = defaultTokenCache
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// Validate refuses a config that NewTokens would refuse.
func (c TokenConfig) Validate() error {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return err
	}
	keys, err := c.staticKeys()
	switch {
	case err != nil:
		return err
	case c.KeySetURL != "":
		_, err = newFetcher(c.KeySetURL, c.PrivateNetwork)
		if err != nil {
			return fmt.Errorf("KeySetURL: %w", err)
		}
	case len(keys.keys) == 0:
		return errors.New("there is no key: set a secret, a public key, a key set or its URL")
	}
	return nil
}

// staticKeys reads what the config holds.
func (c *TokenConfig) staticKeys() (*keySet, error) {
	s := &keySet{}
	if c.Secret != nil {
		k, err := newKey("", "", c.Secret)
		if err != nil {
			return nil, fmt.Errorf("Secret: %w", err)
		}
		s.keys = append(s.keys, k)
	}
	if c.PublicKeys != nil {
		keys, err := readPEM(c.PublicKeys)
		if err != nil {
			return nil, fmt.Errorf("PublicKeys: %w", err)
		}
		s.keys = append(s.keys, keys...)
	}
	if c.KeySet != nil {
		keys, skipped, err := readKeySet(c.KeySet, true)
		if err != nil {
			return nil, fmt.Errorf("KeySet: %w", err)
		}
		s.skipped = skipped
		s.keys = append(s.keys, keys...)
	}
	if len(s.keys) > maxKeys {
		return nil, fmt.Errorf("%d keys, at most %d", len(s.keys), maxKeys)
	}
	return s, nil
}

func (c *TokenConfig) check() error {
	switch {
	case c.Issuer == "":
		return errors.New("Issuer: there is none; set it to the tokens' iss")
	case c.Audience == "":
		return errors.New("Audience: there is none; set it to the tokens' aud for this service")
	case c.KeySetRefresh < minKeySetRefresh || c.KeySetRefresh > maxKeySetStaleness:
		return fmt.Errorf("KeySetRefresh: must be from %v to %v", minKeySetRefresh, maxKeySetStaleness)
	case c.MaxLifetime < 0:
		return errors.New("MaxLifetime: is negative")
	case c.CacheSize < 0:
		return errors.New("CacheSize: is negative")
	}
	return nil
}

// Verify returns whom a token is of. It fails with CodeUnauthorized, with CodeTokenExpired for a token that is good but
// for its time, and with CodeInternal if the issuer's keys have been out of reach. For a key that is not known it waits
// for the issuer, at most 5 s and at most once a minute. A Tokens that is nil takes every client for anonymous.
func (t *Tokens) Verify(ctx context.Context, token string) (Identity, *protocol.Error) {
	if t == nil || token == "" {
		return Identity{}, nil
	}
	if fault := goodForm(token); fault != nil {
		return Identity{}, fault
	}
	keys := t.keys.Load()
	hash := sha256.Sum256([]byte(token))
	if v, ok := t.cache.Get(hash); ok && v.keys == keys {
		if time.Now().After(v.identity.Expires().Add(TokenLeeway)) {
			t.cache.Remove(hash)
			return Identity{}, ErrTokenExpired
		}
		return v.identity, nil
	}
	h, fault := readHeader(token)
	if fault != nil {
		return Identity{}, fault
	}
	if len(keys.find(h).Keys) == 0 && t.source != nil {
		if keys, fault = t.source.unknown(ctx, h); fault != nil {
			return Identity{}, fault
		}
	}
	id, fault := t.parse(token, h, keys)
	if fault == nil {
		t.cache.Add(hash, verified{id, keys})
	}
	return id, fault
}

// goodForm refuses what cannot be a token. Line breaks among the characters are not base64url, though decoders pass
// over them: each way to write a token would be another one to the cache.
func goodForm(token string) *protocol.Error {
	switch {
	case len(token) > protocol.MaxTokenBytes:
		return tokenError("the token is longer than 8192 bytes")
	case strings.Count(token, ".") != 2:
		return tokenError("the token is not a JWT of three parts")
	case strings.ContainsFunc(token, func(r rune) bool {
		return r != '.' && r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}):
		return tokenError("the token has a character that no JWT has, such as a line break, a space or \"=\"")
	}
	return nil
}

// MaxLifetime is how long a token can be valid from now on.
func (t *Tokens) MaxLifetime() time.Duration { return t.cfg.MaxLifetime }

func (t *Tokens) parse(token string, h header, keys *keySet) (Identity, *protocol.Error) {
	t.checks.Add(1)
	var c claims
	_, err := t.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return keys.find(h), nil })
	switch {
	case err == nil:
	case errors.Is(err, jwt.ErrTokenMalformed), errors.Is(err, jwt.ErrTokenUnverifiable), errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return Identity{}, tokenError("the token's form, key or signature is not valid")
	case onlyExpired(err):
		return Identity{}, ErrTokenExpired
	default:
		return Identity{}, tokenError(wrongClaim(err))
	}
	if !goodSubject(c.subject) {
		return Identity{}, tokenError("the token names no subject of 1 to 128 bytes without control characters")
	}
	if time.Until(c.expires.Time) > t.cfg.MaxLifetime+TokenLeeway {
		return Identity{}, tokenError("the token is valid for longer than the server allows (tokens.max_lifetime)")
	}
	return c.identity(t.cfg.Roles, t.cfg.Permissions), nil
}

func goodSubject(s string) bool {
	return s != "" && len(s) <= maxSubjectBytes && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 })
}

// Suppose returns whose a token with these claims would be, if it counted. claims is a JSON object; "iss", "aud" and
// "exp" may be missing. Nil is an anonymous client. It fails for claims that no token can have.
func (t *Tokens) Suppose(raw []byte) (Identity, error) {
	if t == nil || raw == nil {
		return Identity{}, nil
	}
	var c claims
	if err := c.UnmarshalJSON(raw); err != nil {
		if wrong := new(claimFault); errors.As(err, &wrong) {
			return Identity{}, wrong
		}
		return Identity{}, errors.New("the claims are no JSON object with each name once")
	}
	if c.subject == "" || len(c.subject) > maxSubjectBytes {
		return Identity{}, fmt.Errorf("the claim \"sub\" must be a text of 1 to %d bytes: it is the user", maxSubjectBytes)
	}
	if c.expires == nil {
		c.expires = jwt.NewNumericDate(time.Now().Add(t.cfg.MaxLifetime))
	}
	return c.identity(t.cfg.Roles, t.cfg.Permissions), nil
}
