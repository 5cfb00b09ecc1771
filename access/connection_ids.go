package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// ConnectionIDs knows the connection ids that the application's backend signs into its pages: C~K~S. C is the page's
// own random id, K the hash of the key of the application's session, and S the HMAC-SHA256 of "C~K" in base64url. The
// zero ConnectionIDs knows none.
type ConnectionIDs struct{ secrets [][]byte }

// NewConnectionIDs takes the secrets that count, each of at least MinSecretBytes; the first one signs.
func NewConnectionIDs(secrets ...[]byte) (ConnectionIDs, error) {
	for _, s := range secrets {
		if len(s) < MinSecretBytes {
			return ConnectionIDs{}, fmt.Errorf("a secret of %d bytes, at least %d are needed", len(s), MinSecretBytes)
		}
	}
	return ConnectionIDs{secrets}, nil
}

// Page is what a signed connection id contains.
type Page struct {
	ID      string // the page's own, C
	Session string // the hash of the session's key, K: see SessionHash
}

// Verify reads a signed connection id. It returns false if id was not signed with any of the secrets, or is none.
func (c ConnectionIDs) Verify(id string) (Page, bool) {
	signed, signature, ok := cutLast(id)
	page, session, ok2 := cutLast(signed)
	if !ok || !ok2 || !GoodPageID(page) || len(session) != base64.RawURLEncoding.EncodedLen(sha256.Size) {
		return Page{}, false
	}
	for _, secret := range c.secrets {
		if hmac.Equal([]byte(signature), []byte(signID(secret, signed))) {
			return Page{ID: page, Session: session}, true
		}
	}
	return Page{}, false
}

// Sign makes the connection id of a page, as the application's backend does.
func (c ConnectionIDs) Sign(page, sessionKey string) (string, error) {
	switch {
	case len(c.secrets) == 0:
		return "", errors.New("there is no secret to sign with")
	case !GoodPageID(page):
		return "", errors.New("the page's id must be 16 to 64 characters of A-Z a-z 0-9 _ -")
	case sessionKey == "":
		return "", errors.New("the session's key is empty")
	}
	signed := page + "~" + SessionHash(sessionKey)
	return signed + "~" + signID(c.secrets[0], signed), nil
}

// SessionHash is the part of a signed connection id that names the session without its key.
func SessionHash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return text(sum[:])
}

// GoodPageID reports whether a page's own id is of the form that signed connection ids have.
func GoodPageID(id string) bool {
	return len(id) >= 16 && len(id) <= 64 && !strings.ContainsFunc(id, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

func signID(secret []byte, signed string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signed))
	return text(mac.Sum(nil))
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '~')
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}
