package brokertest

import (
	"context"
	"sync"

	"tidings/broker"
	"tidings/core"
	"tidings/protocol"
)

// brokenPresence breaks what broker.Presence promises.
var brokenPresence = []breakage{
	{
		name: "members are told apart by name alone", caughtBy: []string{"who comes is counted and listed"},
		breakIt: saying(func(joined, left *[]protocol.Member) {
			for _, list := range []*[]protocol.Member{joined, left} {
				named := []protocol.Member{}
				for _, m := range *list {
					named = append(named, protocol.Member{User: m.User + m.Connection})
				}
				*list = named
			}
		}),
	}, {
		name: "the count is that of the page", caughtBy: []string{"who comes is counted and listed"},
		breakIt: listing(func(p *core.MembersPage, _ protocol.Member) { p.Count = len(p.Members) }),
	}, {
		name: "a page begins with the member that it was to follow", caughtBy: []string{"who comes is counted and listed"},
		breakIt: listing(func(p *core.MembersPage, after protocol.Member) {
			if !after.IsZero() {
				p.Members = append([]protocol.Member{after}, p.Members...)
			}
		}),
	}, {
		name: "who goes stays", caughtBy: []string{"who comes is counted and listed", "who is there twice is there once"},
		breakIt: saying(func(_, left *[]protocol.Member) { *left = nil }),
	}, {
		name: "what changes nothing is told", caughtBy: []string{"who is there twice is there once"},
		breakIt: func(_ *world, a *altered) {
			var sinks []broker.MembersSink
			a.onWatch = func(ctx context.Context, ch protocol.Channel, s broker.MembersSink) (func(), error) {
				sinks = append(sinks, s)
				return a.inner.Watch(ctx, ch, s)
			}
			a.onAttend = func(ctx context.Context, ch protocol.Channel, joined, left []protocol.Member) error {
				for _, s := range sinks {
					s.Changed(core.MembersChange{Joined: joined, Left: left})
				}
				return a.inner.Attend(ctx, ch, joined, left)
			}
		},
	}, {
		name: "all channels are one", caughtBy: []string{"members of channels do not meet"},
		breakIt: func(_ *world, a *altered) {
			a.onAttend = func(ctx context.Context, _ protocol.Channel, joined, left []protocol.Member) error {
				return a.inner.Attend(ctx, channel, joined, left)
			}
			a.onMembers = func(ctx context.Context, _ protocol.Channel, after protocol.Member, limit int) (core.MembersPage, error) {
				return a.inner.Members(ctx, channel, after, limit)
			}
		},
	}, {
		name: "the caller's list is told as it is", caughtBy: []string{"lists of members are not kept"},
		breakIt: func(_ *world, a *altered) {
			var given []protocol.Member
			a.onAttend = func(ctx context.Context, ch protocol.Channel, joined, left []protocol.Member) error {
				given = joined
				return a.inner.Attend(ctx, ch, joined, left)
			}
			a.onWatch = watched(a, func(c core.MembersChange) core.MembersChange {
				c.Joined = given
				return c
			})
		},
	}, {
		name: "a change is lost", caughtBy: []string{"watchers hear every change"},
		breakIt: func(_ *world, a *altered) {
			a.onWatch = func(ctx context.Context, ch protocol.Channel, s broker.MembersSink) (func(), error) {
				return a.inner.Watch(ctx, ch, crowdFunc(func(c core.MembersChange) {
					if c.Version != 17 {
						s.Changed(c)
					}
				}))
			}
		},
	}, {
		name: "a change counts as before it", caughtBy: []string{"watchers hear every change"},
		breakIt: func(_ *world, a *altered) {
			a.onWatch = watched(a, func(c core.MembersChange) core.MembersChange {
				if len(c.Left) > 0 && c.Version < 40 {
					c.Count -= len(c.Joined) - len(c.Left)
				}
				return c
			})
		},
	}, {
		name: "a page has another version than its members", caughtBy: []string{"watchers hear every change"},
		breakIt: listing(func(p *core.MembersPage, _ protocol.Member) {
			if p.Version > 0 {
				p.Version--
			}
		}),
	}, {
		name: "watch is confirmed too early", caughtBy: []string{"watch is confirmed"},
		breakIt: func(_ *world, a *altered) {
			a.onWatch = func(ctx context.Context, ch protocol.Channel, s broker.MembersSink) (func(), error) {
				var mu sync.Mutex
				n := 0
				return a.inner.Watch(ctx, ch, crowdFunc(func(c core.MembersChange) {
					mu.Lock()
					defer mu.Unlock()
					if n++; n > 1 {
						s.Changed(c)
					}
				}))
			}
		},
	}, {
		name: "a watch goes on after its stop", caughtBy: []string{"a watch stops"},
		breakIt: func(_ *world, a *altered) {
			a.onWatch = func(ctx context.Context, ch protocol.Channel, s broker.MembersSink) (func(), error) {
				_, err := a.inner.Watch(ctx, ch, s)
				return func() {}, err
			}
		},
	}, {
		name: "stop ends every watch", caughtBy: []string{"a watch stops"},
		breakIt: func(_ *world, a *altered) {
			var stops []func()
			a.onWatch = func(ctx context.Context, ch protocol.Channel, s broker.MembersSink) (func(), error) {
				stop, err := a.inner.Watch(ctx, ch, s)
				stops = append(stops, stop)
				return func() {
					for _, stop := range stops {
						stop()
					}
				}, err
			}
		},
	}, {
		name: "members outlive the memory", caughtBy: []string{"a restart that lost its memory has nobody"},
		breakIt: func(_ *world, a *altered) {
			for ch, list := range a.attended {
				a.inner.Attend(context.Background(), ch, list, nil)
			}
			a.onAttend = func(ctx context.Context, ch protocol.Channel, joined, left []protocol.Member) error {
				a.attended = map[protocol.Channel][]protocol.Member{ch: joined}
				return a.inner.Attend(ctx, ch, joined, left)
			}
		},
	}, {
		name: "a cancelled attend counts", caughtBy: []string{"a cancelled call of presence does nothing"},
		breakIt: func(_ *world, a *altered) {
			a.onAttend = func(ctx context.Context, ch protocol.Channel, joined, left []protocol.Member) error {
				err := a.inner.Attend(context.WithoutCancel(ctx), ch, joined, left)
				if ctx.Err() != nil {
					err = &protocol.Error{Code: protocol.CodeTimeout}
				}
				return err
			}
		},
	}, {
		name: "close leaves presence open", caughtBy: []string{"close ends presence"},
		breakIt: func(_ *world, a *altered) { a.onClose = func() error { return nil } },
	},
}

// saying changes what is said before the good broker hears it.
func saying(change func(joined, left *[]protocol.Member)) func(*world, *altered) {
	return func(_ *world, a *altered) {
		a.onAttend = func(ctx context.Context, ch protocol.Channel, joined, left []protocol.Member) error {
			change(&joined, &left)
			return a.inner.Attend(ctx, ch, joined, left)
		}
	}
}

// listing changes the pages that are read.
func listing(change func(p *core.MembersPage, after protocol.Member)) func(*world, *altered) {
	return func(_ *world, a *altered) {
		a.onMembers = func(ctx context.Context, ch protocol.Channel, after protocol.Member, limit int) (core.MembersPage, error) {
			p, err := a.inner.Members(ctx, ch, after, limit)
			change(&p, after)
			return p, err
		}
	}
}

// watched changes what a sink hears.
func watched(a *altered, change func(core.MembersChange) core.MembersChange) func(context.Context, protocol.Channel, broker.MembersSink) (func(), error) {
	return func(ctx context.Context, ch protocol.Channel, s broker.MembersSink) (func(), error) {
		return a.inner.Watch(ctx, ch, crowdFunc(func(c core.MembersChange) { s.Changed(change(c)) }))
	}
}

// crowdFunc is a sink that is a function.
type crowdFunc func(core.MembersChange)

func (f crowdFunc) Changed(c core.MembersChange) { f(c) }
func (f crowdFunc) Interrupted()                 {}
