package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// MinKeyBytes is how long an API key must be.
const MinKeyBytes = 16

// Keys are the API keys of backends. Only their hashes are kept. The zero Keys know no key.
type Keys struct {
	hashes   [][sha256.Size]byte
	backends []Backend // the holder of each
}

// NewKeys takes API keys, each as "KEY", "NAME KEY" or "NAME KEY SCOPE…". A scope is publish=PATTERN,
// subscribe=PATTERN, read=PATTERN, documents=PATTERN, admin=PATTERN or metrics. A key without a scope may do
// everything. Several may have one name: they are one principal, so that a key can be rotated, and must have the same
// scopes, so that the new one does not get more rights by an oversight.
//
// It fails if a key is shorter than MinKeyBytes or given twice, for a name that is not of at most 32 letters, digits,
// "-", "_" and ".", and for what is no scope. The error does not show the key.
func NewKeys(keys ...string) (Keys, error) {
	var k Keys
	for i, line := range keys {
		secret, b, err := readKey(line)
		if err != nil {
			return Keys{}, fmt.Errorf("key %d %w", i+1, err)
		}
		if _, ok := k.Find(secret); ok {
			return Keys{}, fmt.Errorf("key %d is given twice", i+1)
		}
		hash := sha256.Sum256([]byte(secret))
		if b.name == "" {
			b.principal = "key:" + hex.EncodeToString(hash[:8])
		}
		for _, other := range k.backends {
			if b.name != "" && other.name == b.name && !other.scopes.equal(b.scopes) {
				return Keys{}, fmt.Errorf("key %d has other scopes than the key of the same name before it: give both the same", i+1)
			}
		}
		k.hashes = append(k.hashes, hash)
		k.backends = append(k.backends, b)
	}
	return k, nil
}

// readKey reads one key. What its error quotes comes after a scope's "=", so that it is no secret.
func readKey(line string) (secret string, b Backend, err error) {
	words := strings.Split(strings.ReplaceAll(line, "\t", " "), " ")
	if len(words) == 1 {
		if len(line) < MinKeyBytes {
			return "", b, errShort
		}
		return line, b, nil
	}
	name, words := words[0], slices.DeleteFunc(words[1:], func(w string) bool { return w == "" })
	if !goodName(name) || len(words) == 0 || looksLikeScope(words[0]) { // the last one is "KEY SCOPE"
		return "", b, errForm
	}
	b = Backend{name: name, principal: "name:" + name}
	if b.scopes, err = parseScopes(words[1:]); err != nil {
		return "", b, err
	}
	if len(words[0]) < MinKeyBytes {
		return "", b, errShort
	}
	return words[0], b, nil
}

var errShort = fmt.Errorf("is shorter than %d bytes", MinKeyBytes)

const maxNameBytes = 32

func goodName(name string) bool {
	return name != "" && len(name) <= maxNameBytes && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// Len is the number of keys.
func (k Keys) Len() int { return len(k.hashes) }

// Any reports whether a key's backend is one for which is returns true.
func (k Keys) Any(is func(Backend) bool) bool { return slices.ContainsFunc(k.backends, is) }

// Find returns who holds key, and false if it is none of the keys. The time it takes depends on nothing but the
// lengths.
func (k Keys) Find(key string) (Backend, bool) {
	hash := sha256.Sum256([]byte(key))
	found := 0 // the key's number, from 1
	for i := range k.hashes {
		found += (i + 1) * subtle.ConstantTimeCompare(hash[:], k.hashes[i][:])
	}
	if found == 0 {
		return Backend{}, false
	}
	return k.backends[found-1], true
}
