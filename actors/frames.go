package actors

import (
	"tidings/access"
	"tidings/protocol"
	"time"
)

func errorFrame(id uint64, fault *protocol.Error) *protocol.Encoded {
	return protocol.Encode(&protocol.ServerFrame{
		Type: protocol.TypeError, ID: id, Code: fault.Code, Message: fault.Reason, Hint: fault.Hint, Retry: fault.Code.Row().Retry,
	})
}

// disconnectFrame ends a link. afterMS is when to come back, 0 to leave that to the client.
func disconnectFrame(fault *protocol.Error, afterMS int64) *protocol.Encoded {
	return protocol.Encode(&protocol.ServerFrame{
		Type: protocol.TypeDisconnect, Code: fault.Code, Reason: fault.Reason, Hint: fault.Hint, Retry: fault.Code.Row().Retry, AfterMS: afterMS,
	})
}

var fencedFrame = disconnectFrame(errFenced, 0)

func replyFrame(id uint64) *protocol.Encoded {
	return protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeReply, ID: id})
}

func pongFrame(id uint64) *protocol.Encoded {
	return protocol.Encode(&protocol.ServerFrame{Type: protocol.TypePong, ID: id})
}

func unsubscribedFrame(ch protocol.Channel, fault *protocol.Error) *protocol.Encoded {
	return protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeUnsubscribed, Channel: ch, Code: fault.Code, Message: fault.Reason, Hint: fault.Hint})
}

// timeLeft is for how long a token is good yet, in ms; 0 if there is none.
func timeLeft(identity access.Identity) int64 {
	until := identity.Expires()
	if until.IsZero() {
		return 0
	}
	return max(1, time.Until(until).Milliseconds())
}

// What is said to clients in several places.
var (
	errBroker   = &protocol.Error{Code: protocol.CodeBrokerUnavailable, Reason: "the broker does not answer", Hint: "Try again in a moment."}
	errTimeout  = &protocol.Error{Code: protocol.CodeTimeout, Reason: "no answer in time; it may or may not have happened", Hint: "Repeat it with the same idempotency key."}
	errReplaced = &protocol.Error{Code: protocol.CodeSuperseded, Reason: "a later subscribe or unsubscribe of the channel took over", Hint: "Use the answer to the later one."}
	errStopped  = &protocol.Error{Code: protocol.CodeShuttingDown, Reason: "this node is going down", Hint: "Come back after a moment."}
	errGone     = &protocol.Error{Code: protocol.CodeSessionGone, Reason: "there is no such session", Hint: "Connect anew, and subscribe from the last positions."}
	errBusy     = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "too many publishes wait for the broker", Hint: "Try again in a moment."}
	errRate     = &protocol.Error{Code: protocol.CodeRateLimited, Reason: "too many requests in too short a time", Hint: "Send fewer, or spread them."}
	errPayload  = &protocol.Error{Code: protocol.CodeTooLarge, Reason: "data is longer than the rules of this channel allow", Hint: "Publish less, or a reference; the rule's payload says how much."}
	errFenced   = &protocol.Error{Code: protocol.CodeSuperseded, Reason: "a newer transport or request took over", Hint: "Nothing: the newer one goes on."}
)

var (
	errRevoked = &protocol.Error{Code: protocol.CodeUnauthorized, Reason: "the token was revoked", Hint: "Sign in again."}
)

var errNoConnection = &protocol.Error{Code: protocol.CodeNotFound, Reason: "there is no connection of this id on this node", Hint: "It may have ended, or be on another node; GET /api/connections lists those that are here."}

var errMemory = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "the server is short of memory", Hint: "Try again in a moment. The operator may shorten history, or give it more memory."}

func unsupported(what string) *protocol.Error {
	return &protocol.Error{Code: protocol.CodeUnsupported, Reason: what + " is not offered by this server", Hint: "Leave it out."}
}
