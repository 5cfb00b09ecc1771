package actors

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// sessionKey is the hash of a session id. The id itself, which is a secret, is not kept.
type sessionKey [16]byte

func keyOf(session string) sessionKey {
	sum := sha256.Sum256([]byte(session))
	return sessionKey(sum[:])
}

// newSession draws a session id: 32 random bytes.
func newSession() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// newConnectionID draws a connection's public name: 9 random bytes.
func newConnectionID() string {
	var b [9]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func (k sessionKey) part() uint64 { return binary.LittleEndian.Uint64(k[:]) % 64 }
