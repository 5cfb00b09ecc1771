package brokertest

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tidings/broker"
	"tidings/broker/memory"
	"tidings/core"
	"tidings/protocol"
)

// alteredNode is a node of a shared memory broker whose methods can be replaced one by one; nil is the good one.
type alteredNode struct {
	*memory.Node
	shared *memory.Broker
	first  bool // it is the fixture's own

	onEnter  func(ctx context.Context, n broker.Node, lease time.Duration) error
	onLeave  func(ctx context.Context) error
	onNodes  func(list []broker.Node) []broker.Node
	onNote   func(ctx context.Context, board, key string, value []byte, ttl time.Duration) error
	onFollow func(ctx context.Context, board string, sink broker.BoardSink) (func(), error)
	onSwap   func(ctx context.Context, key string, was, is []byte, ttl time.Duration) ([]byte, error)
	onHeard  func(ctx context.Context, ch protocol.Channel, n int) error
	onAttend func(ctx context.Context, ch protocol.Channel, joined, left []protocol.Member) error
	onClose  func() error
	others   func(n int) int
	publish  func(context.Context, broker.Publish) (broker.Receipt, error)
}

func (a *alteredNode) Publish(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
	if a.publish != nil {
		return a.publish(ctx, p)
	}
	r, err := a.Node.Publish(ctx, p)
	if a.others != nil {
		r.Others = a.others(r.Others)
	}
	return r, err
}

func (a *alteredNode) Enter(ctx context.Context, n broker.Node, lease time.Duration) error {
	if a.onEnter != nil {
		return a.onEnter(ctx, n, lease)
	}
	return a.Node.Enter(ctx, n, lease)
}

func (a *alteredNode) Leave(ctx context.Context) error {
	if a.onLeave != nil {
		return a.onLeave(ctx)
	}
	return a.Node.Leave(ctx)
}

func (a *alteredNode) Nodes(ctx context.Context) ([]broker.Node, error) {
	list, err := a.Node.Nodes(ctx)
	if a.onNodes != nil {
		list = a.onNodes(list)
	}
	return list, err
}

func (a *alteredNode) Note(ctx context.Context, board, key string, value []byte, ttl time.Duration) error {
	if a.onNote != nil {
		return a.onNote(ctx, board, key, value, ttl)
	}
	return a.Node.Note(ctx, board, key, value, ttl)
}

func (a *alteredNode) Follow(ctx context.Context, board string, sink broker.BoardSink) (func(), error) {
	if a.onFollow != nil {
		return a.onFollow(ctx, board, sink)
	}
	return a.Node.Follow(ctx, board, sink)
}

func (a *alteredNode) Swap(ctx context.Context, key string, was, is []byte, ttl time.Duration) ([]byte, error) {
	if a.onSwap != nil {
		return a.onSwap(ctx, key, was, is, ttl)
	}
	return a.Node.Swap(ctx, key, was, is, ttl)
}

func (a *alteredNode) Heard(ctx context.Context, ch protocol.Channel, n int) error {
	if a.onHeard != nil {
		return a.onHeard(ctx, ch, n)
	}
	return a.Node.Heard(ctx, ch, n)
}

func (a *alteredNode) Attend(ctx context.Context, ch protocol.Channel, joined, left []protocol.Member) error {
	if a.onAttend != nil {
		return a.onAttend(ctx, ch, joined, left)
	}
	return a.Node.Attend(ctx, ch, joined, left)
}

func (a *alteredNode) Close() error {
	if a.onClose != nil {
		return a.onClose()
	}
	return a.Node.Close()
}

// startShared fills w with nodes that share a memory broker, each of which alter may change.
func startShared(t *testing.T, w *world, o Options, alter func(*alteredNode)) {
	var ahead atomic.Int64
	cfg := memory.DefaultConfig()
	cfg.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	cfg.Stream = func(protocol.Channel) core.StreamConfig { return o.Stream }
	cfg.Lease, cfg.Sweep = time.Second, 256*time.Millisecond
	b := memory.New(cfg)
	t.Cleanup(func() { b.Close() })
	another := func(first bool) broker.Broker {
		n := &alteredNode{Node: b.Node(), shared: b, first: first}
		alter(n)
		return n
	}
	w.Wait = func(d time.Duration) { ahead.Add(int64(d)) }
	w.Peer = func() broker.Broker { return another(false) }
	w.Kill = func(n broker.Broker) { n.(*alteredNode).Kill() }
	w.Lease = cfg.Lease
	w.Broker = another(true)
}

// wallFunc is a wall of which each method is a function.
type wallFunc struct {
	all     func([]broker.Note)
	changed func(broker.Note)
}

func (f wallFunc) All(notes []broker.Note)  { f.all(notes) }
func (f wallFunc) Changed(note broker.Note) { f.changed(note) }

// following changes what a wall is brought. A nil result of one is none.
func following(all func([]broker.Note) []broker.Note, one func(broker.Note) *broker.Note) func(*alteredNode) {
	return func(a *alteredNode) {
		a.onFollow = func(ctx context.Context, board string, sink broker.BoardSink) (func(), error) {
			return a.Node.Follow(ctx, board, wallFunc{
				all: func(notes []broker.Note) { sink.All(all(notes)) },
				changed: func(n broker.Note) {
					if m := one(n); m != nil {
						sink.Changed(*m)
					}
				},
			})
		}
	}
}

func sameNotes(notes []broker.Note) []broker.Note { return notes }

// swapping changes what Swap is asked.
func swapping(change func(was, is *[]byte, ttl *time.Duration)) func(*alteredNode) {
	return func(a *alteredNode) {
		a.onSwap = func(ctx context.Context, key string, was, is []byte, ttl time.Duration) ([]byte, error) {
			change(&was, &is, &ttl)
			return a.Node.Swap(ctx, key, was, is, ttl)
		}
	}
}

// brokenClusters breaks what several nodes are promised.
var brokenClusters = []breakage{
	{
		name: "a message does not reach the other node", caughtBy: []string{"nodes hear each other"},
		breakNodes: func(a *alteredNode) {
			a.publish = func(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
				if !a.first {
					return broker.Receipt{}, &protocol.Error{Code: protocol.CodeBrokerUnavailable}
				}
				return a.Node.Publish(ctx, p)
			}
		},
	}, {
		name: "a node's report is forgotten", caughtBy: []string{"nodes are listed while they report"},
		breakNodes: func(a *alteredNode) {
			a.onEnter = func(ctx context.Context, n broker.Node, lease time.Duration) error {
				n.Settings = nil
				return a.Node.Enter(ctx, n, lease)
			}
		},
	}, {
		name: "a node stays after it left", caughtBy: []string{"nodes are listed while they report"},
		breakNodes: func(a *alteredNode) { a.onLeave = func(context.Context) error { return nil } },
	}, {
		name: "nodes are in the order of their coming", caughtBy: []string{"nodes are listed while they report"},
		breakNodes: func(a *alteredNode) {
			a.onNodes = func(list []broker.Node) []broker.Node {
				slices.Reverse(list)
				return list
			}
		},
	}, {
		name: "every lease is long", caughtBy: []string{"a node that is silent for its lease is gone", "a node that is killed leaves nothing behind"},
		breakNodes: func(a *alteredNode) {
			a.onEnter = func(ctx context.Context, n broker.Node, _ time.Duration) error {
				return a.Node.Enter(ctx, n, time.Hour)
			}
		},
	}, {
		name: "members outlive their node", caughtBy: []string{"a node that is killed leaves nothing behind"},
		breakNodes: func(a *alteredNode) {
			immortal := a.shared.Node()
			a.onAttend = immortal.Attend
		},
	}, {
		name: "who leaves one node is gone", caughtBy: []string{"who is on two nodes has left when both report it", "nodes share who is there"},
		breakNodes: func(a *alteredNode) { a.onAttend = a.shared.Attend }, // which knows no nodes
	}, {
		name: "a note reaches its own node alone", caughtBy: []string{"notes reach all nodes"},
		breakNodes: func(a *alteredNode) {
			if !a.first {
				following(func([]broker.Note) []broker.Note { return nil }, func(broker.Note) *broker.Note { return nil })(a)
			}
		},
	}, {
		name: "who follows later hears nothing of before", caughtBy: []string{"notes reach all nodes", "a note's time ends"},
		breakNodes: following(func([]broker.Note) []broker.Note { return nil }, func(n broker.Note) *broker.Note { return &n }),
	}, {
		name: "who follows hears nothing of what changes", caughtBy: []string{"notes reach all nodes"},
		breakNodes: following(sameNotes, func(broker.Note) *broker.Note { return nil }),
	}, {
		name: "who follows is not told how long", caughtBy: []string{"notes reach all nodes"},
		breakNodes: following(func(notes []broker.Note) []broker.Note {
			for i := range notes {
				notes[i].Left = 0
			}
			return notes
		}, func(n broker.Note) *broker.Note { return &n }),
	}, {
		name: "an empty note counts as taken away", caughtBy: []string{"notes reach all nodes"},
		breakNodes: func(a *alteredNode) {
			a.onNote = func(ctx context.Context, board, key string, value []byte, ttl time.Duration) error {
				if len(value) == 0 {
					value = nil
				}
				return a.Node.Note(ctx, board, key, value, ttl)
			}
		},
	}, {
		name: "all boards are one", caughtBy: []string{"notes do not meet"},
		breakNodes: func(a *alteredNode) {
			a.onNote = func(ctx context.Context, _, key string, value []byte, ttl time.Duration) error {
				return a.Node.Note(ctx, "one", key, value, ttl)
			}
		},
	}, {
		name: "a note stays for ever", caughtBy: []string{"a note's time ends"},
		breakNodes: func(a *alteredNode) {
			a.onNote = func(ctx context.Context, board, key string, value []byte, _ time.Duration) error {
				return a.Node.Note(ctx, board, key, value, time.Hour)
			}
		},
	}, {
		name: "a wall is brought notes after it was taken down", caughtBy: []string{"a board is not followed any more"},
		breakNodes: func(a *alteredNode) {
			a.onFollow = func(ctx context.Context, board string, sink broker.BoardSink) (func(), error) {
				_, err := a.Node.Follow(ctx, board, sink)
				return func() {}, err
			}
		},
	}, {
		name: "a swap does not compare", caughtBy: []string{"a swap wants what is there", "one of parallel swaps wins", "a swap's time ends"},
		breakNodes: func(a *alteredNode) {
			a.onSwap = func(ctx context.Context, key string, _, is []byte, ttl time.Duration) ([]byte, error) {
				was, err := a.Node.Swap(ctx, key, nil, nil, 0)
				if err != nil || is == nil {
					return was, err
				}
				return a.Node.Swap(ctx, key, was, is, ttl)
			}
		},
	}, {
		name: "a swap reads, and then writes", caughtBy: []string{"one of parallel swaps wins"},
		breakNodes: func() func(*alteredNode) {
			var once sync.Map
			return func(a *alteredNode) {
				a.onSwap = func(ctx context.Context, key string, was, is []byte, ttl time.Duration) ([]byte, error) {
					if _, seen := once.LoadOrStore(string(is), true); !seen && was == nil && is != nil {
						return is, nil
					}
					return a.Node.Swap(ctx, key, was, is, ttl)
				}
			}
		}(),
	}, {
		name: "a swap stays for ever", caughtBy: []string{"a swap's time ends"},
		breakNodes: swapping(func(_, _ *[]byte, ttl *time.Duration) { *ttl = time.Hour }),
	}, {
		name: "a long swap is cut", caughtBy: []string{"a swap wants what is there"},
		breakNodes: swapping(func(_, is *[]byte, _ *time.Duration) { *is = (*is)[:min(len(*is), 64<<10):min(len(*is), 64<<10)] }),
	}, {
		name: "counts are added up", caughtBy: []string{"receivers of other nodes are counted"},
		breakNodes: func(a *alteredNode) {
			sum := map[protocol.Channel]int{}
			a.onHeard = func(ctx context.Context, ch protocol.Channel, n int) error {
				sum[ch] += n
				return a.Node.Heard(ctx, ch, sum[ch])
			}
		},
	}, {
		name: "what a dead node heard counts", caughtBy: []string{"a node that is killed leaves nothing behind"},
		breakNodes: func(a *alteredNode) { a.others = func(n int) int { return n + 5 } },
	}, {
		name: "a closed node goes on", caughtBy: []string{"calls between nodes fail after close"},
		breakNodes: func(a *alteredNode) { a.onClose = func() error { return nil } },
	}, {
		name: "a broker of a single node is a broker.Cluster", caughtBy: []string{"a broker that nodes share reports it"},
		breakNodes: func(*alteredNode) {},
		spoil:      func(w *world) { w.Peer = nil },
	},
}
