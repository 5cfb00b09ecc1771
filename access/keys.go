package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"
)

// MinKeyBytes is how long an API key must be.
const MinKeyBytes = 16

// Keys are the API keys of backends. Only their hashes are kept. The zero Keys know no key.
type Keys struct {
	hashes [][sha256.Size]byte
	names  []string // "" for one without
}

// NewKeys takes API keys, each as "KEY" or "NAME KEY". Several may have one name: they are one principal, so that a key can be rotated. It fails
// where one is shorter than MinKeyBytes or given twice, and for a name that is not of at most 32 letters, digits, "-", "_" and "."; the error
// does not show the key.
func NewKeys(keys ...string) (Keys, error) {
	var k Keys
	for i, key := range keys {
		name, secret, named := strings.Cut(key, " ")
		if named {
			if key = strings.TrimSpace(secret); !goodName(name) || strings.Contains(key, " ") {
				return Keys{}, fmt.Errorf(`key %d must be the key alone, or a name of letters, digits, "-", "_" and ".", a space, and the key`, i+1)
			}
		} else {
			name = ""
		}
		if len(key) < MinKeyBytes {
			return Keys{}, fmt.Errorf("key %d is shorter than %d bytes", i+1, MinKeyBytes)
		}
		if _, ok := k.Principal(key); ok {
			return Keys{}, fmt.Errorf("key %d is given twice", i+1)
		}
		k.hashes = append(k.hashes, sha256.Sum256([]byte(key)))
		k.names = append(k.names, name)
	}
	return k, nil
}

const maxNameBytes = 32

func goodName(name string) bool {
	return name != "" && len(name) <= maxNameBytes && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// Len is the number of keys.
func (k Keys) Len() int { return len(k.hashes) }

// Principal tells whether key is one of the keys, in a time that depends on nothing but the lengths, and names it without
// telling what it is: idempotency keys of different principals do not meet.
func (k Keys) Principal(key string) (name string, ok bool) {
	hash := sha256.Sum256([]byte(key))
	found := 0 // the key's number, from 1
	for i := range k.hashes {
		found += (i + 1) * subtle.ConstantTimeCompare(hash[:], k.hashes[i][:])
	}
	if found == 0 {
		return "", false
	}
	if name := k.names[found-1]; name != "" {
		return "name:" + name, true
	}
	return "key:" + hex.EncodeToString(hash[:8]), true
}
