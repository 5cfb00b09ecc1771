package brokertest

import (
	"context"

	"tidings/broker"
	"tidings/protocol"
)

// brokenExtra loses one field each.
var brokenExtra = func() (out []breakage) {
	const check = "what a message has beside its data is kept intact"
	for name, lose := range map[string]func(*protocol.Extra){
		"meta":    func(x *protocol.Extra) { x.Meta = nil },
		"change":  func(x *protocol.Extra) { x.Change = 0 },
		"txn":     func(x *protocol.Extra) { x.Txn = 0 },
		"changed": func(x *protocol.Extra) { x.Changed = nil },
		"gone":    func(x *protocol.Extra) { x.Gone = false },
		"before":  func(x *protocol.Extra) { x.Before = nil },
		"origin":  func(x *protocol.Extra) { x.Origin = nil },
	} {
		out = append(out, breakage{name: name + " is lost", caughtBy: []string{check}, breakIt: publishing(func(p *broker.Publish) {
			if p.Extra != nil {
				p.Extra = p.Extra.Clone()
				lose(p.Extra)
			}
		})}, breakage{name: name + " is lost on the way to sinks", caughtBy: []string{check}, breakIt: hearing(func(hand func(*protocol.Message)) sinkFunc {
			return func(m *protocol.Message) {
				if m.Extra != nil {
					m = changed(m, m.Data)
					m.Extra = m.Extra.Clone()
					lose(m.Extra)
				}
				hand(m)
			}
		})})
	}
	return append(out, breakage{
		name: "meta is no part of what a key stands for", caughtBy: []string{"a key with other content conflicts"},
		breakIt: publishing(func(p *broker.Publish) {
			if p.IdempotencyKey != "" {
				p.Extra = nil
			}
		}),
	}, breakage{
		name: "the caller's buffer of meta is kept", caughtBy: []string{"buffers of the caller are not kept"},
		breakIt: func(_ *world, a *altered) {
			var kept *protocol.Extra
			a.onPublish = func(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
				kept = p.Extra
				return a.inner.Publish(ctx, p)
			}
			a.onSubscribe = func(ctx context.Context, ch protocol.Channel, s broker.Sink) (func(), error) {
				return a.inner.Subscribe(ctx, ch, sinkFunc(func(m *protocol.Message) {
					m = changed(m, m.Data)
					m.Extra = kept
					s.Message(m)
				}))
			}
		},
	})
}()
