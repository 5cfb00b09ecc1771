package protocol

// The frames that a server makes in several places.

// ErrorFrame returns the answer of a request, by its id, with fault. An id of 0 tells the client beside any request.
func ErrorFrame(id uint64, fault *Error) *Encoded {
	return Encode(&ServerFrame{
		Type: TypeError, ID: id, Code: fault.Code, Message: fault.Reason, Hint: fault.Hint, Retry: fault.Code.Row().Retry,
	})
}

// DisconnectFrame ends a link. afterMS is when to come back, in ms, or 0 to leave that to the client.
func DisconnectFrame(fault *Error, afterMS int64) *Encoded {
	return Encode(&ServerFrame{
		Type: TypeDisconnect, Code: fault.Code, Reason: fault.Reason, Hint: fault.Hint, Retry: fault.Code.Row().Retry, AfterMS: afterMS,
	})
}

// ReplyFrame returns the answer of a request, by its id, without content.
func ReplyFrame(id uint64) *Encoded { return Encode(&ServerFrame{Type: TypeReply, ID: id}) }

// PongFrame returns the answer to a ping.
func PongFrame(id uint64) *Encoded { return Encode(&ServerFrame{Type: TypePong, ID: id}) }

// SubscribedFrame returns the answer to a subscribe; f lacks its type. Most connections keep the frame for long, until
// they report what they received, so it holds no more than its bytes. The frame of a fleeting client holds f too, since
// its transport looks into it.
func SubscribedFrame(fleeting bool, f *ServerFrame) *Encoded {
	f.Type = TypeSubscribed
	if f.ID == 0 {
		f.By = ByServer
	}
	if fleeting {
		return Encode(f)
	}
	return EncodeBytes(f)
}

// UnsubscribedFrame reports the end of a subscription that its client did not ask for.
func UnsubscribedFrame(ch Channel, room string, fault *Error) *Encoded {
	return Encode(&ServerFrame{Type: TypeUnsubscribed, Channel: ch, Room: room, Code: fault.Code, Message: fault.Reason, Hint: fault.Hint})
}

// PositionFrame moves the position of a subscription, in place of messages that are not for it.
func PositionFrame(ch Channel, room string, at Position) *Encoded {
	return Encode(&ServerFrame{Type: TypePosition, Channel: ch, Room: room, Position: at})
}
