package actors

import (
	"crypto/sha256"
	"encoding/base64"
	"tidings/broker"
	"tidings/protocol"
)

// notes is the board of the broker; nil if the node is alone, and its books are its own.
func (b *Bus) notes() broker.Board {
	if b.cluster == nil {
		return nil
	}
	return b.cluster.board
}

// keyOfNote is the key of a note about a name, which may be longer than keys are.
func keyOfNote(kind, name string) string {
	sum := sha256.Sum256([]byte(name))
	return kind + " " + base64.RawURLEncoding.EncodeToString(sum[:])
}

// errUnnoted is for a note of which it is not known whether it was kept.
var errUnnoted = &protocol.Error{Code: protocol.CodeTimeout, Reason: "the broker did not answer in time; it may or may not have happened", Hint: "Send it again: it has one effect."}

// signal has the goroutine that waits for c look. It never waits.
func (c *clustered) signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

// informed reports whether the node knows what all nodes must know: before, it takes no clients.
func (b *Bus) informed() bool {
	return b.cluster == nil || b.cluster.board == nil || b.cluster.informed.Load()
}

var errUninformed = &protocol.Error{Code: protocol.CodeBrokerUnavailable, Reason: "this node does not know yet what was revoked", Hint: "Try again in a moment."}
