package actors

import (
	"tidings/core"
	"tidings/protocol"
)

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

// frameOf returns the frame of a message for a room that was told up to prev: the message's own, shared by all, if it says the same.
func frameOf(m *protocol.Message, room string, prev uint64) *protocol.Encoded {
	if room == "" && (m.Volatile || prev == m.Prev) {
		return m.Encoded()
	}
	e := protocol.NewEncoded(protocol.AppendMessage(nil, m, room, prev), protocol.TypeMessage)
	e.Message = m
	return e
}

func newsFrame(ch protocol.Channel, n core.News) *protocol.Encoded {
	count := uint64(n.Count)
	return protocol.Encode(&protocol.ServerFrame{Type: n.Type, Channel: ch, Members: n.Members, Count: &count})
}
