package actors

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"tidings/access"
	"tidings/broker"
	"tidings/protocol"
	"time"
)

const (
	// ticketRenew is how often the record of a ticket is renewed whose stream lives here.
	ticketRenew = 10 * time.Second
	endedBoard  = "ended" // names of connections that another node ends
	endedLife   = time.Minute
)

// arbiter is what decides for all nodes; nil if the node is alone.
func (b *Bus) arbiter() broker.Arbiter {
	if b.cluster == nil {
		return nil
	}
	a, _ := b.broker.(broker.Arbiter)
	return a
}

func ticketName(secret string) string {
	sum := sha256.Sum256([]byte("name of ticket " + secret))
	return "ticket " + base64.RawURLEncoding.EncodeToString(sum[:])
}

// sealed is the cipher of a ticket's record. A ticket has one record of one token, so that its key is used once.
func sealed(secret string) (cipher.AEAD, error) {
	key := sha256.Sum256([]byte("key of ticket " + secret))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// shareTicket has all nodes know a ticket.
func (b *Bus) shareTicket(secret, token string) *protocol.Error {
	seal, err := sealed(secret)
	if err != nil {
		return protocol.Internal
	}
	nonce := make([]byte, seal.NonceSize())
	rand.Read(nonce)
	t := &sharedTicket{key: ticketName(secret), record: ticketRecord{Token: seal.Seal(nonce, nonce, []byte(token), nil)}}
	if _, err := b.swapTicket(b.ctx, t, t.record, protocol.TicketLife); err != nil {
		return b.failure(err, errBroker)
	}
	return nil
}

// swapTicket puts a record in the place of what t has. It reports false, with nothing changed, if another was faster.
func (b *Bus) swapTicket(ctx context.Context, t *sharedTicket, to ticketRecord, ttl time.Duration) (bool, error) {
	is, err := json.Marshal(to)
	if err != nil {
		return false, err
	}
	var now []byte
	err = b.callWith(ctx, func(ctx context.Context) error {
		now, err = b.arbiter().Swap(ctx, t.key, t.stored, is, ttl)
		return err
	})
	if err != nil || string(now) != string(is) {
		return false, err
	}
	t.stored, t.record = is, to
	return true, nil
}

// redeemShared returns the ticket of a secret for a stream, and binds it to that stream. The token behind it is
// verified by verify.
func (b *Bus) redeemShared(ctx context.Context, secret, stream string, verify func(context.Context, string) (access.Identity, *protocol.Error)) (*ticket, *protocol.Error) {
	t := &sharedTicket{key: ticketName(secret)}
	err := b.callWith(ctx, func(ctx context.Context) (err error) {
		t.stored, err = b.arbiter().Swap(ctx, t.key, nil, nil, 0)
		return err
	})
	switch {
	case err != nil:
		return nil, b.failure(err, errBroker)
	case t.stored == nil || json.Unmarshal(t.stored, &t.record) != nil:
		return nil, errTicket
	case t.record.Opened && t.record.Stream != stream:
		return nil, errTicketStream
	}
	seal, err := sealed(secret)
	if err != nil || len(t.record.Token) < seal.NonceSize() {
		return nil, errTicket
	}
	token, err := seal.Open(nil, t.record.Token[:seal.NonceSize()], t.record.Token[seal.NonceSize():], nil)
	if err != nil {
		return nil, errTicket
	}
	identity, fault := verify(ctx, string(token))
	if fault != nil {
		return nil, fault
	}
	opened := t.record
	opened.Opened, opened.Stream = true, stream
	if done, err := b.swapTicket(ctx, t, opened, b.ticketLife()); err != nil || !done {
		return nil, b.failureOr(err, errTicket)
	}
	return &ticket{identity: identity, opened: true, stream: stream, shared: t}, nil
}

// failureOr is failure for an error that may be nil.
func (b *Bus) failureOr(err error, otherwise *protocol.Error) *protocol.Error {
	if err == nil {
		return otherwise
	}
	return b.failure(err, errBroker)
}

// ticketLife is how long a record holds if it is not renewed: the park, and until the next renewal is due.
func (b *Bus) ticketLife() time.Duration { return b.cfg.Park + 2*ticketRenew }

// bindShared keeps which connection a ticket opened, and has the one before end, on whatever node it is.
func (b *Bus) bindShared(ctx context.Context, t *ticket, c *Connection) {
	c.ticket.Store(t)
	s := t.shared
	before, to := s.record.Conn, s.record
	to.Conn = c.id
	if done, err := b.swapTicket(ctx, s, to, b.ticketLife()); err != nil || !done {
		b.send(c.pid, end{fault: b.failureOr(err, errFenced)}) // another stream of the ticket was opened at the same time
		return
	}
	b.tickets.live(t, c)
	if before == "" {
		return
	}
	if old := b.registry.get(before); old != nil {
		b.send(old.pid, end{fault: errFenced})
		return
	}
	err := b.callWith(ctx, func(ctx context.Context) error {
		return b.notes().Note(ctx, endedBoard, before, []byte{}, endedLife)
	})
	if err != nil {
		b.log.Warn("the stream that a ticket had opened before could not be ended", "error", err)
	}
}

// endedWall hears which connections of this node others have taken over.
type endedWall struct{ bus *Bus }

func (w endedWall) All(notes []broker.Note) {
	for _, n := range notes {
		w.Changed(n)
	}
}

func (w endedWall) Changed(n broker.Note) {
	if c := w.bus.registry.get(n.Key); c != nil && n.Value != nil {
		w.bus.send(c.pid, end{fault: errFenced})
	}
}

// keepTickets renews the records of the tickets whose streams live here, and takes away those of streams that ended for
// good, until the bus stops.
func (c *clustered) keepTickets() {
	tick := time.NewTicker(ticketRenew)
	defer tick.Stop()
	for {
		select {
		case <-c.bus.ctx.Done():
			return
		case <-c.spent:
		case <-tick.C:
		}
		for _, t := range c.bus.tickets.due() {
			c.keepTicket(t)
		}
	}
}

func (c *clustered) keepTicket(t *ticket) {
	b, s := c.bus, t.shared
	var err error
	if t.gone {
		err = b.call(func(ctx context.Context) error {
			_, err := b.arbiter().Swap(ctx, s.key, s.stored, nil, 0)
			return err
		})
	} else {
		_, err = b.swapTicket(b.ctx, s, s.record, b.ticketLife())
	}
	if err != nil && b.ctx.Err() == nil {
		b.log.Warn("a ticket could not be renewed", "error", err)
	}
}
