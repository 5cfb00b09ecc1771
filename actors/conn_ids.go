package actors

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"tidings/protocol"

	lru "github.com/hashicorp/golang-lru/v2"
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

// maxEndings bounds the sessions whose final word is kept for a client that is between two polls when it is said, and
// would else take the session for one that is merely gone, and come back.
const maxEndings = 1024

// endings are the final words of sessions that ended for good.
type endings struct {
	last *lru.Cache[sessionKey, *protocol.Error]
}

func newEndings() endings {
	last, err := lru.New[sessionKey, *protocol.Error](maxEndings)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return endings{last}
}

// keep remembers why a session has ended.
func (e endings) keep(session sessionKey, why *protocol.Error) { e.last.Add(session, why) }

// of is the error for a session that is no more: its final word, if it had one a short time ago.
func (e endings) of(session sessionKey) error {
	if why, ok := e.last.Get(session); ok {
		return why
	}
	return errGone
}

var errGone = &protocol.Error{Code: protocol.CodeSessionGone, Reason: "there is no such session", Hint: "Connect anew, and subscribe from the last positions."}
