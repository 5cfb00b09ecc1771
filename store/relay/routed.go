package relay

import (
	"context"
	"errors"
	"slices"

	"tidings/broker"
	"tidings/protocol"
	"tidings/store"
)

// sendRouted publishes a change in the channels that routes name for it. It reports false if ctx ended first. What can
// never be published in one of them is left out there: a channel that several collections share has no reset.
func (r *Relay) sendRouted(ctx context.Context, c *store.Change) bool {
	for _, p := range r.routed(c) {
		if !r.repeat(ctx, "a change cannot be published where its route leads", func() error {
			err := r.publish(ctx, p)
			var fault *protocol.Error
			if errors.As(err, &fault) && !fault.Code.Row().Retry {
				r.cfg.Log.Error("a change can never be published where its route leads", "channel", string(p.Channel), "change", c.Number, "error", fault)
				return nil
			}
			return err
		}) {
			return false
		}
		r.cfg.step("routed")
	}
	return true
}

// routed returns the messages of a change for other channels. A document that leaves a channel, since another route or
// another value decides now, is out there, and is shown as it was: what it is now may be for others.
func (r *Relay) routed(c *store.Change) (list []broker.Publish) {
	if r.cfg.Route == nil || c.Event == store.Reset {
		return nil
	}
	event := c.Collection.String() + " " + string(c.Event)
	now := r.cfg.Route(string(c.Collection.Channel())+" "+string(c.Event), c.After)
	p := message(c, r.cfg.Store.ID())
	if p.Event = event; len(event) > protocol.MaxEventBytes {
		p.Event = string(c.Event)
	}
	for _, p.Channel = range now {
		list = append(list, p)
	}
	if c.Before == nil {
		return list
	}
	left := p
	left.Data, left.Extra = c.Before, &protocol.Extra{Meta: c.Meta, Change: c.Number, Txn: c.Txn, Gone: true, Origin: c.Origin}
	for _, left.Channel = range r.cfg.Route(string(c.Collection.Channel())+" "+string(c.Event), c.Before) {
		if !slices.Contains(now, left.Channel) {
			list = append(list, left)
		}
	}
	return list
}
