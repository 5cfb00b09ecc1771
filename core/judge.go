package core

import "tidings/protocol"

// Judge returns why the messages after a position cannot be read from a channel, or "" if they can. All brokers judge
// by it. top is the channel's newest position. Of the messages that history has within its bounds, oldest is the first,
// and at is the first whose offset is not below that of after; each is nil if there is none.
func Judge(after, top protocol.Position, oldest, at *protocol.Message) protocol.GapReason {
	switch {
	case after.Epoch != top.Epoch:
		return protocol.GapEpochChanged
	case after == top:
		return ""
	case after.Offset >= top.Offset:
		return protocol.GapPositionUnknown
	case oldest == nil:
		return protocol.GapHistoryExpired
	case after.Offset == 0 && after.Tag == "" && oldest.Prev == 0:
		return ""
	case after.Offset < oldest.Offset:
		return protocol.GapHistoryExpired
	case at == nil || at.Position() != after: // the message at the cursor must be there, and be the one that the client saw
		return protocol.GapPositionUnknown
	}
	return ""
}
