package actors

import (
	"context"

	"tidings/core"
	"tidings/filter"
	"tidings/protocol"
)

// What is looked at for one history of a client that may read some messages alone.
const (
	maxRowsRead  = 16                           // pages, if it asks for what follows a position
	maxRowsFound = 4 * protocol.MaxHistoryLimit // the newest messages, if it asks for those
)

// historyWithin reads what a channel keeps, as History does, as far as rows lets a client read it; nil is all. whole is
// set if the answer has all of it that follows since or, if that is zero, all there ever was.
func (b *Bus) historyWithin(ch protocol.Channel, since protocol.Position, limit int, rows *filter.Filter) (page core.Page, whole bool, err error) {
	if rows == nil {
		page, err = b.History(b.ctx, ch, since, limit)
		return page, complete(since, page), err
	}
	err = b.call(func(ctx context.Context) (err error) {
		if since.IsZero() {
			page, err = b.broker.Last(ctx, ch, maxRowsFound)
			whole = complete(since, page)
			page.Messages = ownOf(page.Messages, rows)
			return err
		}
		page, whole, err = b.ownAfter(ctx, ch, since, limit, rows)
		return err
	})
	if err != nil {
		return core.Page{}, false, b.failure(err, errBroker)
	}
	found := page.Messages
	if since.IsZero() {
		page.Messages = newest(found[max(0, len(found)-limit):], protocol.RecoveryPageBytes)
	} else {
		page.Messages = oldest(found[:min(limit, len(found))], protocol.RecoveryPageBytes)
	}
	return page, whole && len(page.Messages) == len(found), nil
}

// ownAfter reads on after since until it has as many messages as are asked for, or more.
func (b *Bus) ownAfter(ctx context.Context, ch protocol.Channel, since protocol.Position, limit int, rows *filter.Filter) (page core.Page, whole bool, err error) {
	var own []*protocol.Message
	size := 0
	for range maxRowsRead {
		page, err = b.broker.History(ctx, ch, since, protocol.MaxHistoryLimit)
		if err != nil || page.Lost != "" {
			break
		}
		whole = complete(since, page)
		found := ownOf(page.Messages, rows)
		own = append(own, found...)
		for _, m := range found {
			size += m.Size()
		}
		if whole || len(page.Messages) == 0 || len(own) >= limit || size >= protocol.RecoveryPageBytes {
			break
		}
		since = page.Messages[len(page.Messages)-1].Position()
	}
	page.Messages = own
	return page, whole && page.Lost == "", err
}

// ownOf returns those messages that rows lets a client read, as it is shown them.
func ownOf(messages []*protocol.Message, rows *filter.Filter) (own []*protocol.Message) {
	h := &hearing{rows: rows}
	for _, m := range messages {
		if s := h.scopeOf(m); s != core.Passes {
			own = append(own, h.shown(m, s))
		}
	}
	return own
}

// oldest returns the first messages that fit size bytes, at least one.
func oldest(messages []*protocol.Message, size int) []*protocol.Message {
	for i, m := range messages {
		if size -= m.Size(); size < 0 && i > 0 {
			return messages[:i]
		}
	}
	return messages
}

// complete reports whether a page has everything after since (or, if that is zero, everything that the channel ever
// had) up to its top.
func complete(since protocol.Position, p core.Page) bool {
	switch {
	case p.Lost != "":
		return false
	case len(p.Messages) == 0:
		return since == p.Top || since.IsZero() && p.Top.Offset == 0
	case since.IsZero() && p.Messages[0].Prev != 0:
		return false
	}
	return p.Messages[len(p.Messages)-1].Position() == p.Top
}
