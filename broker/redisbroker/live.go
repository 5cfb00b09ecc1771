package redisbroker

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"tidings/broker"
	"tidings/core"
	"tidings/protocol"
)

// Subscribe brings what is published from now on. It returns when Redis has confirmed.
func (b *Broker) Subscribe(ctx context.Context, ch protocol.Channel, sink broker.Sink) (stop func(), err error) {
	n := b.names(ch)
	return b.hear(ctx, n.partition, n.stream, func(text string) (any, bool) { return readLive(ch, text) }, &listener{
		bring: func(v any) { sink.Message(v.(*protocol.Message)) }, interrupted: sink.Interrupted,
	})
}

// Watch brings changes of who is there. It returns when Redis has confirmed.
func (b *Broker) Watch(ctx context.Context, ch protocol.Channel, sink broker.MembersSink) (stop func(), err error) {
	p := b.partition(ch)
	return b.hear(ctx, p, b.tag(p)+"!"+string(ch), readChange, &listener{
		bring: func(v any) { sink.Changed(v.(core.MembersChange)) }, interrupted: sink.Interrupted,
	})
}

func (b *Broker) hear(ctx context.Context, partition int, name string, read func(string) (any, bool), l *listener) (stop func(), err error) {
	if err := b.ready(ctx); err != nil {
		return nil, err
	}
	t, err := b.lane(partition).join(ctx, name, read, l)
	if err != nil {
		return nil, b.failed(readFault(err))
	}
	return sync.OnceFunc(func() { t.leave(l) }), nil
}

// readLive reads what the publish script sends on: a message, or a volatile one.
func readLive(ch protocol.Channel, text string) (any, bool) {
	if text == "" {
		return nil, false
	}
	kind, rest := text[0], text[1:]
	switch kind {
	case 'v':
		ms, record, ok := timeOf(rest)
		m := &protocol.Message{Channel: ch, TimeMS: ms, Volatile: true}
		return m, ok && broker.ReadRecord([]byte(record), m) == nil
	case 'm':
		if len(rest) < epochBytes+nonceBytes {
			return nil, false
		}
		epoch, rest := rest[:epochBytes+nonceBytes], rest[epochBytes+nonceBytes:]
		number, rest, _ := strings.Cut(rest, " ")
		before, text, found := strings.Cut(rest, " ")
		offset, err := strconv.ParseUint(number, 10, 64)
		e, bad := readEntry(text)
		if !found || err != nil || bad != nil || offset == 0 {
			return nil, false
		}
		m, err := e.message(ch, epoch, offset)
		m.PrevTag = before
		return m, err == nil
	}
	return nil, false
}
