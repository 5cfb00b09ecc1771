package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
)

// MinKeyBytes is how long an API key must be.
const MinKeyBytes = 16

// Keys are the API keys of backends. Only their hashes are kept. The zero Keys know no key.
type Keys struct{ hashes [][sha256.Size]byte }

// NewKeys takes API keys. It fails where one is shorter than MinKeyBytes or given twice; the error does not show the key.
func NewKeys(keys ...string) (Keys, error) {
	var k Keys
	for i, key := range keys {
		if len(key) < MinKeyBytes {
			return Keys{}, fmt.Errorf("key %d is shorter than %d bytes", i+1, MinKeyBytes)
		}
		if _, ok := k.Principal(key); ok {
			return Keys{}, fmt.Errorf("key %d is given twice", i+1)
		}
		k.hashes = append(k.hashes, sha256.Sum256([]byte(key)))
	}
	return k, nil
}

// Len is the number of keys.
func (k Keys) Len() int { return len(k.hashes) }

// Principal tells whether key is one of the keys, in a time that depends on nothing but the lengths, and names it without
// telling what it is: idempotency keys of different principals do not meet.
func (k Keys) Principal(key string) (name string, ok bool) {
	hash := sha256.Sum256([]byte(key))
	found := 0
	for i := range k.hashes {
		found |= subtle.ConstantTimeCompare(hash[:], k.hashes[i][:])
	}
	if found == 0 {
		return "", false
	}
	return "key:" + hex.EncodeToString(hash[:8]), true
}
