package redisbroker

import (
	"context"

	"tidings/broker"
	"tidings/broker/redisbroker/redis"
	"tidings/protocol"
)

// Subscribe brings what is published from now on. It returns when Redis has confirmed.
func (b *Broker) Subscribe(ctx context.Context, ch protocol.Channel, sink broker.Sink) (stop func(), err error) {
	n := b.layout.Names(ch)
	return b.hear(ctx, n.Partition, n.Stream, func(text string) (any, bool) { return readLive(ch, text) }, &redis.Listener{
		Bring: func(v any) { sink.Message(v.(*protocol.Message)) }, Interrupted: sink.Interrupted,
	})
}

// hear has a topic brought to a listener.
func (b *Broker) hear(ctx context.Context, partition int, name string, read func(string) (any, bool), l *redis.Listener) (stop func(), err error) {
	if err := b.ready(ctx); err != nil {
		return nil, err
	}
	if stop, err = b.lane(partition).Join(ctx, name, read, l); err != nil {
		return nil, b.readFailed(err)
	}
	return stop, nil
}
