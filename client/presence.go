package client

import (
	"context"
	"slices"

	"tidings/protocol"
)

// Presence is who is in a channel.
type Presence struct {
	Channel string
	Count   int               // how many there are
	Members []protocol.Member // all of them, in order; nil where they are more than protocol.MaxPresenceMembers
}

// OnPresence is called with who is in the channel: when the server has told it, and after each change, of which several may come together. This
// client is one of them. What it was told last stays as it is while the client is not connected. Where the server does not allow it, OnEnd is called, and
// callbacks of the channel without OnPresence go on.
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

// withoutWatchers gives the listeners that may go on where the server did not take the subscription because of the others.
func (t *topic) withoutWatchers() []*Subscription {
	rest := slices.DeleteFunc(slices.Clone(t.listeners), func(s *Subscription) bool { return s.onPresence != nil })
	if len(rest) == len(t.listeners) {
		return nil
	}
	return rest
}

func (c *Client) tellPresence(t *topic, to ...*Subscription) {
	p := Presence{Channel: string(t.sub.Channel), Count: t.present.Count(), Members: t.present.Members()}
	for _, s := range to {
		if s.onPresence != nil {
			c.enqueue(func() { s.call(func() { s.onPresence(p) }, protocol.Position{}) })
		}
	}
}
