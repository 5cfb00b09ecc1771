package memory

import "tidings/broker"

var _ broker.Holder = (*Broker)(nil)

// Holdings counts what is kept now. Of channels that were forgotten, the keys that they had given up still count.
func (b *Broker) Holdings() broker.Holdings {
	h := broker.Holdings{
		MaxChannels: b.cfg.MaxChannels, ChannelsForgotten: b.gone.Load(), ChannelsRefused: b.owners.refused.Load(),
		KeysForgotten: b.forgotten.Load(),
	}
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.RLock()
		list := make([]*channel, 0, len(s.channels))
		for _, ch := range s.channels {
			list = append(list, ch)
		}
		s.mu.RUnlock()
		h.Channels += len(list)
		for _, ch := range list {
			ch.mu.Lock()
			if !ch.deleted {
				messages, bytes, keys, forgotten := ch.stream.Holds()
				h.Messages += messages
				h.Bytes += bytes
				h.Keys += keys
				h.KeysForgotten += forgotten
			}
			ch.mu.Unlock()
		}
	}
	return h
}
