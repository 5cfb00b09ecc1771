package actors

import (
	"context"
	"errors"
	"tidings/access"
	"tidings/protocol"
)

// hook runs a hook, and returns its failure as a client may see it.
func (b *Bus) hook(ctx context.Context, name string, fn func(context.Context) error) (fault *protocol.Error) {
	ctx, cancel := context.WithTimeout(ctx, hookPatience)
	defer cancel()
	defer func() {
		if reason := recover(); reason != nil {
			b.tally.failures.Add(1)
			b.log.Error("a hook failed", "hook", name, "panic", reason)
			fault = protocol.Internal
		}
		b.hookTally.count(name, fault)
	}()
	err := fn(ctx)
	if err == nil {
		return nil
	}
	var known *protocol.Error
	if errors.As(err, &known) {
		return known
	}
	b.log.Warn("a hook did not answer", "hook", name, "error", err)
	return errBackend
}

// askConnect asks the application for the identity of a client.
func (b *Bus) askConnect(ctx context.Context, peer protocol.Peer, id access.Identity) (access.Identity, *protocol.Error) {
	ask := b.hooks.Connect
	if ask == nil {
		return id, nil
	}
	fault := b.hook(ctx, "connect", func(ctx context.Context) (err error) {
		id, err = ask(ctx, peer, id)
		return err
	})
	return id, fault
}

// mayHear asks the application whether a client may hear a channel that the rules let it hear.
func (b *Bus) mayHear(by Caller, ch protocol.Channel) *protocol.Error {
	ask := b.hooks.Subscribe
	if _, _, reply := ch.ReplyParts(); ask == nil || reply {
		return nil
	}
	return b.hook(b.ctx, "subscribe", func(ctx context.Context) error { return ask(ctx, by, ch) })
}

// revise asks the application about a client's publish, which it may change or refuse. What comes of it is checked
// again, but not against the rules, which are about clients.
func (b *Bus) revise(by Caller, p *Publish) *protocol.Error {
	ask := b.hooks.Publish
	if ask == nil {
		return nil
	}
	if fault := b.hook(b.ctx, "publish", func(ctx context.Context) error { return ask(ctx, by, p) }); fault != nil {
		return fault
	}
	_, err := protocol.ParseChannel(string(p.Channel))
	if err == nil {
		p.Data, err = protocol.CompactJSON(p.Data)
	}
	if err != nil {
		b.log.Warn("a hook made a publish that cannot be", "hook", "publish", "error", err)
		return protocol.Internal
	}
	return nil
}
