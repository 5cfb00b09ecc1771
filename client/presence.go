package client

import (
	"context"
	"slices"

	"tidings/protocol"
)

// Presence is who is in a channel, or has subscribed to it with the same filter.
type Presence struct {
	Channel string
	Count   int               // how many there are
	Members []protocol.Member // all of them, in order; nil if they are more than protocol.MaxPresenceMembers
}

// OnPresence is called with who is in the channel: when the server has told it, and after each change, of which several
// may come together. This client is one of them. What it was told last stays as it is while the client is not
// connected. If the server does not allow it, OnEnd is called, and callbacks of the channel without OnPresence go
// on. Beside Filter or a scope it is of those who subscribed with the same filter, each connection by itself.
func OnPresence(fn func(Presence)) Option { return func(s *Subscription) { s.onPresence = fn } }

// Presence asks who is in channel now. A refusal is a *protocol.Error.
func (c *Client) Presence(ctx context.Context, channel string) (Presence, error) {
	ch, err := protocol.ParseChannel(channel)
	if err != nil {
		return Presence{}, err
	}
	reply, err := c.call(ctx, protocol.ClientFrame{Type: protocol.TypePresence, Channel: ch})
	if err != nil {
		return Presence{}, err
	}
	p := Presence{Channel: channel, Members: reply.Members}
	if reply.Count != nil {
		p.Count = int(*reply.Count)
	}
	slices.SortFunc(p.Members, protocol.Member.Compare)
	return p, nil
}

// users is what the listeners together want to hear of who comes and goes.
func (t *topic) users() string {
	if slices.ContainsFunc(t.listeners, func(s *Subscription) bool { return s.onPresence != nil }) {
		return protocol.UsersAll
	}
	return ""
}

// watch asks for that, where it has changed.
func (c *Client) watch(t *topic) {
	users := t.users()
	if users == "" {
		t.present.Forget()
	}
	c.machine.Watch(t.sub, users)
}

// watchers parts the listeners that want to hear who comes and goes from the others.
func (t *topic) watchers() (watchers, rest []*Subscription) {
	for _, s := range t.listeners {
		if s.onPresence != nil {
			watchers = append(watchers, s)
		} else {
			rest = append(rest, s)
		}
	}
	return watchers, rest
}

// unwatched ends those who watch a channel, or a room of it: the server does not let them.
func (c *Client) unwatched(ch protocol.Channel, room string, fault *protocol.Error) {
	for key, t := range c.topics {
		if key.channel != ch || t.sub.Room != room || room == "" && key != (topicKey{channel: ch}) {
			continue
		}
		watchers, _ := t.watchers()
		for _, s := range watchers {
			c.removeListener(s)
			c.tellEnd(s, fault)
		}
	}
}

func (c *Client) tellPresence(t *topic, to ...*Subscription) {
	p := Presence{Channel: string(t.sub.Channel), Count: t.present.Count(), Members: t.present.Members()}
	for _, s := range to {
		if s.onPresence != nil {
			c.enqueue(func() { s.call(func() { s.onPresence(p) }, protocol.Position{}) })
		}
	}
}
