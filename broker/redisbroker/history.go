package redisbroker

import (
	"context"
	"strconv"

	"tidings/broker/redisbroker/redis"
	"tidings/core"
	"tidings/protocol"
)

// History reads what the channel keeps. Equal reads that wait at the same time are one, and share their page.
func (b *Broker) History(ctx context.Context, ch protocol.Channel, after protocol.Position, limit int) (core.Page, error) {
	if err := b.ready(ctx); err != nil {
		return core.Page{}, err
	}
	return b.flights.join(ctx, question{ch, after, limit}, func(ctx context.Context) (core.Page, error) {
		return b.read(ctx, ch, "after", after, limit)
	})
}

// Last reads the newest messages.
func (b *Broker) Last(ctx context.Context, ch protocol.Channel, limit int) (core.Page, error) {
	if err := b.ready(ctx); err != nil {
		return core.Page{}, err
	}
	return b.flights.join(ctx, question{ch, protocol.Position{Epoch: "last"}, limit}, func(ctx context.Context) (core.Page, error) {
		return b.read(ctx, ch, "last", protocol.Position{}, limit)
	})
}

func (b *Broker) read(ctx context.Context, ch protocol.Channel, mode string, after protocol.Position, limit int) (core.Page, error) {
	n := b.layout.Names(ch)
	if mode == "after" && after.IsZero() {
		limit = 0
	}
	args := []string{mode, after.Epoch, strconv.FormatUint(after.Offset, 10), strconv.Itoa(limit), strconv.Itoa(protocol.RecoveryPageBytes)}
	for try := 0; ; try++ {
		b.count.reads.Add(1)
		resp, ran, err := b.servers.Do(ctx, redis.Read, n.Partition, []string{n.Channel, n.History}, args)
		if err != nil {
			return core.Page{}, b.readFailed(err)
		}
		answer, err := resp.ToArray()
		if err != nil {
			return core.Page{}, b.readFailed(err)
		}
		parts := make([]string, len(answer))
		var life int64
		for i := range answer {
			if i == 5 {
				life, err = answer[i].AsInt64()
			} else {
				parts[i], err = answer[i].ToString()
			}
			if err != nil {
				return core.Page{}, b.readFailed(err)
			}
		}
		unknown := parts[0] == ""
		if unknown || life < (rememberAsked/2).Milliseconds() {
			if _, _, err := b.servers.Do(ctx, redis.Open, n.Partition, []string{n.Channel, n.History, n.Reach}, []string{redis.Word(redis.NonceBytes), redis.Millis(rememberAsked)}); err != nil {
				return core.Page{}, b.readFailed(err)
			}
		}
		if unknown && try < 3 {
			continue
		} else if unknown {
			return core.Page{}, b.readFailed(redis.ErrMoved)
		}
		page, err := b.page(ch, ran.Epoch(), parts, mode == "last", after, limit)
		if err != nil {
			return core.Page{}, b.readFailed(err)
		}
		return page, nil
	}
}

// page judges a position by what the script read, and keeps of its page what the bounds allow.
func (b *Broker) page(ch protocol.Channel, run string, parts []string, last bool, after protocol.Position, limit int) (core.Page, error) {
	top, err := strconv.ParseUint(parts[1], 10, 64)
	if err != nil {
		return core.Page{}, err
	}
	page := core.Page{Top: protocol.Position{Epoch: run + parts[0], Offset: top, Tag: parts[2]}}
	if !last && after.IsZero() {
		return page, nil
	}
	in, err := b.within(ch, top, parts)
	if err != nil {
		return core.Page{}, err
	}
	if !last {
		var at *protocol.Message
		if e, err := readEntry(parts[6]); err == nil && in(max(after.Offset, 1), e) {
			if at, err = e.message(ch, page.Top.Epoch, max(after.Offset, 1)); err != nil {
				return core.Page{}, err
			}
		}
		if page.Lost = core.Judge(after, page.Top, at, at); page.Lost != "" {
			return page, nil
		}
	}
	bytes := 0
	prev := after.Offset
	for i := 7; i+1 < len(parts) && len(page.Messages) < limit; i += 2 {
		e, err := readEntry(parts[i+1])
		if err != nil {
			return core.Page{}, err
		}
		offset, err := strconv.ParseUint(parts[i], 10, 64)
		if err != nil {
			return core.Page{}, err
		}
		if last && !in(offset, e) {
			break
		}
		m, err := e.message(ch, page.Top.Epoch, offset)
		if err != nil {
			return core.Page{}, err
		}
		if bytes += m.Size(); len(page.Messages) > 0 && bytes > protocol.RecoveryPageBytes || !last && offset != prev+1 {
			break
		}
		prev = offset
		page.Messages = append(page.Messages, m)
	}
	if last {
		for i, j := 0, len(page.Messages)-1; i < j; i, j = i+1, j-1 {
			page.Messages[i], page.Messages[j] = page.Messages[j], page.Messages[i]
		}
	}
	return page, nil
}

// within returns whether an entry is within the channel's bounds, whatever is still stored: what is over them is
// dropped many at once.
func (b *Broker) within(ch protocol.Channel, top uint64, parts []string) (func(uint64, entry) bool, error) {
	total, err := strconv.ParseInt(parts[3], 10, 64)
	if err != nil {
		return nil, err
	}
	now, err := strconv.ParseInt(parts[4], 10, 64)
	if err != nil {
		return nil, err
	}
	cfg := b.cfg.bounds(ch)
	oldest := now - cfg.MaxAge.Milliseconds()
	if _, reply := ch.ReplyExpires(); reply {
		oldest = 0 // its history lives as long as the channel, and how long that is differs from now to then
	}
	return func(offset uint64, e entry) bool {
		return offset+uint64(cfg.MaxMessages) > top && e.ms >= oldest && total-e.before <= int64(cfg.MaxBytes)
	}, nil
}
