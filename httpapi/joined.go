package httpapi

import (
	"context"
	"time"

	"tidings/actors"
	"tidings/core"
	"tidings/protocol"
	"tidings/transports"
)

// joined is where the two halves meet: the bus of the actors as the transports want it. An *actors.Connection is a
// transports.Session as it is.
type joined struct{ bus *actors.Bus }

var (
	_ transports.Bus      = joined{}
	_ transports.Ticketer = joined{}
	_ transports.Session  = (*actors.Connection)(nil)
)

func (j joined) Open(ctx context.Context, peer protocol.Peer, connect *protocol.ClientFrame, link core.Link) (transports.Session, uint64, error) {
	c, gen, err := j.bus.Open(ctx, peer, connect, link)
	if err != nil {
		return nil, 0, err // not a nil *Connection in an interface
	}
	return c, gen, nil
}

func (j joined) Find(session string, peer protocol.Peer) (transports.Session, error) {
	c, err := j.bus.Find(session, peer)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (j joined) Ticket(peer protocol.Peer) (string, time.Time, error) { return j.bus.Ticket(peer) }
