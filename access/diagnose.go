package access

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"tidings/protocol"
)

// Diagnose returns what is wrong with a token that Verify refuses, in more words than strangers should get: which claim
// is of the wrong type, which keys there are, what was expected and what came. It returns nil for a token that counts.
func (t *Tokens) Diagnose(ctx context.Context, token string) error {
	_, fault := t.Verify(ctx, token)
	if fault == nil {
		return nil
	}
	if detail := t.detail(token); detail != "" {
		return fmt.Errorf("%s: %s", fault.Reason, detail)
	}
	return errors.New(fault.Reason)
}

// detail returns "" if there is nothing to add to the reason.
func (t *Tokens) detail(token string) string {
	if goodForm(token) != nil {
		return ""
	}
	h, fault := readHeader(token)
	if fault != nil {
		return headerDetail(token)
	}
	var c claims
	parsed, _, err := jwt.NewParser(jwt.WithStrictDecoding()).ParseUnverified(token, &c)
	if err != nil {
		if wrong := new(claimFault); errors.As(err, &wrong) {
			return wrong.Error()
		}
		return "its parts are not base64url of JSON objects"
	}
	keys := t.keys.Load()
	fits := keys.find(h)
	if len(fits.Keys) == 0 {
		return fmt.Sprintf("it is signed with %s and the key %.64q, and there is no such key: there are %s", h.algorithm, h.key, keys)
	}
	signed := token[:strings.LastIndexByte(token, '.')]
	if !slices.ContainsFunc(fits.Keys, func(key jwt.VerificationKey) bool { return parsed.Method.Verify(signed, parsed.Signature, key) == nil }) {
		return fmt.Sprintf("its %s signature was made with another secret or key than this server has, or the token was changed", h.algorithm)
	}
	return c.detail(&t.cfg)
}

// detail compares the claims of a token whose signature is good with what they should be.
func (c *claims) detail(cfg *TokenConfig) string {
	switch now := time.Now(); {
	case c.issuer != cfg.Issuer:
		return fmt.Sprintf("iss is %.200q, and tokens.issuer is %q", c.issuer, cfg.Issuer)
	case !slices.Contains(c.audience, cfg.Audience):
		return fmt.Sprintf("aud is %.200q, and tokens.audience is %q", []string(c.audience), cfg.Audience)
	case c.expires == nil:
		return "exp is missing"
	case c.notBefore != nil && c.notBefore.After(now.Add(TokenLeeway)):
		return "nbf is " + moment(c.notBefore.Time)
	case c.issued != nil && c.issued.After(now.Add(TokenLeeway)):
		return "iat is " + moment(c.issued.Time)
	case !c.expires.After(now):
		return "exp is " + moment(c.expires.Time)
	case time.Until(c.expires.Time) > cfg.MaxLifetime+TokenLeeway:
		return fmt.Sprintf("exp is %s, and tokens.max_lifetime is %v", moment(c.expires.Time), cfg.MaxLifetime)
	case c.subject == "":
		return "sub is missing or empty"
	case !goodSubject(c.subject):
		return fmt.Sprintf("sub has %d bytes: %.140q", len(c.subject), c.subject)
	}
	return ""
}

func moment(at time.Time) string {
	if ago := time.Since(at).Round(time.Second); ago >= 0 {
		return fmt.Sprintf("%s, %v ago", at.UTC().Format(time.RFC3339), ago)
	}
	return fmt.Sprintf("%s, in %v", at.UTC().Format(time.RFC3339), time.Until(at).Round(time.Second))
}

// headerDetail returns what the header of a token is, if it can be read at all.
func headerDetail(token string) string {
	encoded, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return ""
	}
	var known []string
	err = protocol.ReadObject(raw, func(name string, value []byte) error {
		if slices.Contains([]string{"alg", "kid", "typ", "crit", "b64", "zip"}, name) {
			known = append(known, fmt.Sprintf("%s is %.80s", name, value))
		}
		return nil
	})
	if err != nil {
		return "it is not a JSON object, or has a name twice"
	}
	return strings.Join(known, ", ") + "; the algorithms are " + strings.Join(algorithms, ", ")
}

// String lists the keys for people, by algorithm and id.
func (s *keySet) String() string {
	if len(s.keys) == 0 {
		return "none"
	}
	var list []string
	for _, k := range s.keys {
		one := k.algorithm
		if k.id != "" {
			one += fmt.Sprintf(" %.64q", k.id)
		}
		list = append(list, one)
	}
	return strings.Join(list, ", ")
}
