package actors

import (
	"tidings/core"
	"tidings/protocol"
)

// What is said to clients in several places.
var (
	errBroker   = &protocol.Error{Code: protocol.CodeBrokerUnavailable, Reason: "the broker does not answer", Hint: "Try again in a moment."}
	errTimeout  = &protocol.Error{Code: protocol.CodeTimeout, Reason: "no answer in time; it may or may not have happened", Hint: "Repeat it with the same idempotency key."}
	errReplaced = &protocol.Error{Code: protocol.CodeSuperseded, Reason: "a later subscribe or unsubscribe of the channel took over", Hint: "Use the answer to the later one."}
	errStopped  = &protocol.Error{Code: protocol.CodeShuttingDown, Reason: "this node is going down", Hint: "Come back after a moment."}
	errGone     = &protocol.Error{Code: protocol.CodeSessionGone, Reason: "there is no such session", Hint: "Connect anew, and subscribe from the last positions."}
	errBusy     = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "too many publishes wait for the broker", Hint: "Try again in a moment."}
	errAhead    = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "messages come faster than the channel's subscribers can be given them", Hint: "Publish more slowly; repeat this one with the same idempotency key."}
	errRate     = &protocol.Error{Code: protocol.CodeRateLimited, Reason: "too many requests in too short a time", Hint: "Send fewer, or spread them."}
	errPayload  = &protocol.Error{Code: protocol.CodeTooLarge, Reason: "data is longer than the rules of this channel allow", Hint: "Publish less, or a reference; the rule's payload says how much."}
	errSlow     = &protocol.Error{Code: protocol.CodeSlowConsumer, Reason: "messages come faster than they are read", Hint: "Read faster, or subscribe to less; connect anew to recover what was missed."}
	errErrors   = &protocol.Error{Code: protocol.CodeTooManyErrors, Reason: "more than 20 errors in 10 s", Hint: "Mend the client; it sends requests that cannot succeed."}
	errFenced   = &protocol.Error{Code: protocol.CodeSuperseded, Reason: "a newer transport or request took over", Hint: "Nothing: the newer one goes on."}
	errStale    = &protocol.Error{Code: protocol.CodeSuperseded, Reason: "a newer connect of this client came before this one", Hint: "Nothing: the newer one goes on."}
	errVersion  = &protocol.Error{Code: protocol.CodeUnsupportedVersion, Reason: "this server speaks version 1", Hint: `Send "version": 1.`}
)

func errorFrame(id uint64, err *protocol.Error) *protocol.Encoded {
	return protocol.Encode(&protocol.ServerFrame{
		Type: protocol.TypeError, ID: id, Code: err.Code, Message: err.Reason, Hint: err.Hint, Retry: err.Code.Row().Retry,
	})
}

// disconnectFrame ends a link. afterMS is when to come back, 0 to leave that to the client.
func disconnectFrame(err *protocol.Error, afterMS int64) *protocol.Encoded {
	return protocol.Encode(&protocol.ServerFrame{
		Type: protocol.TypeDisconnect, Code: err.Code, Reason: err.Reason, Hint: err.Hint, Retry: err.Code.Row().Retry, AfterMS: afterMS,
	})
}

var fencedFrame = disconnectFrame(errFenced, 0)

func replyFrame(id uint64) *protocol.Encoded {
	return protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeReply, ID: id})
}

func pongFrame(id uint64) *protocol.Encoded {
	return protocol.Encode(&protocol.ServerFrame{Type: protocol.TypePong, ID: id})
}

// subscribedFrame answers a subscribe. Most connections keep it for long, until they say what they received: so it holds no more than its
// bytes, but for a plain client, whose transport looks into it.
func subscribedFrame(sub *subscription, room string, ch protocol.Channel, at protocol.Position, recovered bool) *protocol.Encoded {
	f := &protocol.ServerFrame{Type: protocol.TypeSubscribed, ID: sub.id, Channel: ch, Room: room, Position: at, Recovered: recovered}
	if sub.id == 0 {
		f.By = protocol.ByServer
	}
	if sub.conn.plain {
		return protocol.Encode(f)
	}
	return protocol.EncodeBytes(f)
}

func gapFrame(ch protocol.Channel, room string, id uint64, g core.Gap) *protocol.Encoded {
	f := &protocol.ServerFrame{Type: protocol.TypeGap, ID: id, Channel: ch, Room: room, Reason: string(g.Reason), From: &g.From}
	if !g.Last.IsZero() {
		f.Last = &g.Last
	}
	return protocol.Encode(f)
}

func positionFrame(ch protocol.Channel, room string, at protocol.Position) *protocol.Encoded {
	return protocol.Encode(&protocol.ServerFrame{Type: protocol.TypePosition, Channel: ch, Room: room, Position: at})
}
