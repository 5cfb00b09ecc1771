package httpapi

import (
	"context"
	"time"

	"tidings/actors"
	"tidings/core"
	"tidings/internal/forward"
	"tidings/protocol"
	"tidings/transports"
)

// bridge is where the two halves meet: the bus of the actors as the transports want it. An *actors.Connection is a
// transports.Session as it is.
type bridge struct{ bus *actors.Bus }

var (
	_ transports.Bus       = bridge{}
	_ transports.Ticketer  = bridge{}
	_ transports.Clustered = bridge{}
	_ transports.Session   = (*actors.Connection)(nil)
)

func (b bridge) Open(ctx context.Context, peer protocol.Peer, connect *protocol.ClientFrame, link core.Link) (transports.Session, uint64, error) {
	c, gen, err := b.bus.Open(ctx, peer, connect, link)
	if err != nil {
		return nil, 0, err // not a nil *Connection in an interface
	}
	return c, gen, nil
}

func (b bridge) Find(session string, peer protocol.Peer) (transports.Session, error) {
	c, err := b.bus.Find(session, peer)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (b bridge) Ticket(peer protocol.Peer) (string, time.Time, error) { return b.bus.Ticket(peer) }

func (b bridge) Self() string { return b.bus.Self() }

func (b bridge) Elsewhere(session string) (forward.Node, <-chan struct{}, bool) {
	n, ok := b.bus.Elsewhere(session)
	return forward.Node{ID: n.ID, URL: n.URL}, n.Gone, ok
}
