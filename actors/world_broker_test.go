package actors

import (
	"context"
	"sync"

	"tidings/broker"
	"tidings/core"
	"tidings/protocol"
)

// faulty is a broker whose calls may fail, wait or panic before they are made, as a hook says, and whose live streams
// can be tampered with.
type faulty struct {
	broker.Broker
	mu    sync.Mutex // guards all below
	hook  func(ctx context.Context, call string) error
	sinks map[protocol.Channel][]broker.Sink
	drop  func(m *protocol.Message) bool
}

// before sets the hook; nil lets every call through.
func (f *faulty) before(hook func(ctx context.Context, call string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = hook
}

// losing lets the live stream lose messages.
func (f *faulty) losing(drop func(m *protocol.Message) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop = drop
}

// poison brings every sink of a channel a message at which its actor must fail.
func (f *faulty) poison(ch protocol.Channel) {
	f.mu.Lock()
	sinks := f.sinks[ch]
	f.mu.Unlock()
	for _, s := range sinks {
		s.Message(nil)
	}
}

func (f *faulty) interrupt(ch protocol.Channel) {
	f.mu.Lock()
	sinks := f.sinks[ch]
	f.mu.Unlock()
	for _, s := range sinks {
		s.Interrupted()
	}
}

func (f *faulty) ask(ctx context.Context, call string) error {
	f.mu.Lock()
	hook := f.hook
	f.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(ctx, call)
}

func (f *faulty) Publish(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
	if err := f.ask(ctx, "publish"); err != nil {
		return broker.Receipt{}, err
	}
	return f.Broker.Publish(ctx, p)
}

func (f *faulty) History(ctx context.Context, ch protocol.Channel, after protocol.Position, limit int) (core.Page, error) {
	if err := f.ask(ctx, "history"); err != nil {
		return core.Page{}, err
	}
	return f.Broker.History(ctx, ch, after, limit)
}

func (f *faulty) Subscribe(ctx context.Context, ch protocol.Channel, sink broker.Sink) (func(), error) {
	if err := f.ask(ctx, "subscribe"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	if f.sinks == nil {
		f.sinks = map[protocol.Channel][]broker.Sink{}
	}
	f.sinks[ch] = append(f.sinks[ch], sink)
	f.mu.Unlock()
	return f.Broker.Subscribe(ctx, ch, lossy{f, sink})
}

type lossy struct {
	f *faulty
	broker.Sink
}

func (l lossy) Message(m *protocol.Message) {
	l.f.mu.Lock()
	drop := l.f.drop
	l.f.mu.Unlock()
	if drop == nil || !drop(m) {
		l.Sink.Message(m)
	}
}

// withFaults puts a faulty broker under a world.
func withFaults(f *faulty, change func(*Config)) func(*Config) {
	return func(c *Config) {
		f.Broker = c.Broker
		c.Broker = f
		if change != nil {
			change(c)
		}
	}
}

func (f *faulty) keeper() broker.Presence {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.Broker.(broker.Presence)
}

func (f *faulty) Attend(ctx context.Context, ch protocol.Channel, joined, left []protocol.Member) error {
	if err := f.ask(ctx, "attend"); err != nil {
		return err
	}
	return f.keeper().Attend(ctx, ch, joined, left)
}

func (f *faulty) Members(ctx context.Context, ch protocol.Channel, after protocol.Member, limit int) (core.MembersPage, error) {
	if err := f.ask(ctx, "members"); err != nil {
		return core.MembersPage{}, err
	}
	return f.keeper().Members(ctx, ch, after, limit)
}

func (f *faulty) Watch(ctx context.Context, ch protocol.Channel, sink broker.MembersSink) (func(), error) {
	if err := f.ask(ctx, "watch"); err != nil {
		return nil, err
	}
	return f.keeper().Watch(ctx, ch, sink)
}
