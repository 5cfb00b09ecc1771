package actors

import (
	"context"
	"tidings/broker"
	"tidings/core"
	"tidings/protocol"
	"time"
)

// History reads what a channel keeps: the messages strictly after since, or the newest ones if since is zero, at most
// limit of them and at most protocol.RecoveryPageBytes. It fails with CodeBrokerUnavailable.
func (b *Bus) History(ctx context.Context, ch protocol.Channel, since protocol.Position, limit int) (core.Page, error) {
	var page core.Page
	err := b.callWith(ctx, func(ctx context.Context) (err error) {
		if since.IsZero() {
			page, err = b.broker.Last(ctx, ch, limit)
			return err
		}
		page, err = b.broker.History(ctx, ch, since, limit)
		return err
	})
	if err != nil {
		return core.Page{}, b.failure(err, errBroker)
	}
	if since.IsZero() {
		page.Messages = newest(page.Messages, protocol.RecoveryPageBytes)
	}
	return page, nil
}

// newest returns the last messages that fit size bytes, at least one.
func newest(messages []*protocol.Message, size int) []*protocol.Message {
	for i := len(messages) - 1; i >= 0; i-- {
		if size -= messages[i].Size(); size < 0 && i < len(messages)-1 {
			return messages[i+1:]
		}
	}
	return messages
}

// Ready reports whether the node should get new clients: not after Retire or Drain, nor if its broker says that it
// does not work.
func (b *Bus) Ready(ctx context.Context) error {
	if err := b.Serving(); err != nil {
		return err
	}
	if !b.informed() { // clients would be refused
		return errUninformed
	}
	_, err := b.BrokerAnswers(ctx)
	return err
}

// BrokerAnswers returns how long the broker took to answer. A broker that cannot be asked has answered at once.
func (b *Bus) BrokerAnswers(ctx context.Context) (time.Duration, error) {
	p, ok := b.broker.(broker.Pinger)
	if !ok {
		return 0, nil
	}
	start := time.Now()
	if err := b.callWith(ctx, p.Ping); err != nil {
		return 0, b.failure(err, errBroker)
	}
	return time.Since(start), nil
}

// Serving returns an error if no new clients are to be sent to the node any more, whatever its broker says.
func (b *Bus) Serving() error {
	if b.retiring.Load() || b.ctx.Err() != nil {
		return errStopped
	}
	return nil
}

// Shared reports whether other nodes may use the broker.
func (b *Bus) Shared() bool { return !b.alone() }
