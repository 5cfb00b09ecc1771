package broker

import (
	"context"
	"time"

	"tidings/protocol"
)

// Cluster is a broker that several nodes share. A broker that is none serves a single node.
//
// A node of a shared broker knows of the receivers of others what those reported last, if anything, so it does not
// report the count of a publish as exact.
type Cluster interface {
	// Enter reports what this node is, in place of what it reported before. It counts as gone if it does not report
	// again for the lease. A node enters under one id only.
	Enter(ctx context.Context, n Node, lease time.Duration) error
	// Leave takes this node out of the table, with all that it reported: its members and what is heard on it.
	Leave(ctx context.Context) error
	// Nodes returns the nodes whose lease holds, this one included, by their ids.
	Nodes(ctx context.Context) ([]Node, error)
}

// IsShared reports whether other nodes may use b.
func IsShared(b Broker) bool {
	_, ok := b.(Cluster)
	return ok
}

// Lease is how long a node that says nothing counts as there: its place in the table, its members, and what is heard on
// it. It is reported again after a third of that.
const Lease = 15 * time.Second

// Node is what a node reports of itself. Its JSON is what brokers keep.
type Node struct {
	ID       string `json:"id"`            // protocol.NodeIDBytes characters, another one for each start of a process
	URL      string `json:"url,omitempty"` // where other nodes reach it, without a path; "" if they do not
	Version  string `json:"version,omitempty"`
	Since    int64  `json:"since"`    // its start, in Unix milliseconds
	Draining bool   `json:"draining"` // it takes no new clients any more, or will not in a moment

	WebSocket int `json:"websocket"` // connections, by transport
	SSE       int `json:"sse"`
	Poll      int `json:"poll"`
	Parked    int `json:"parked"`
	Channels  int `json:"channels"`
	Accepts   int `json:"accepts,omitempty"` // how many new connections a second it takes; 0: it has no bound
	LagMS     int `json:"lag"`               // the highest of the last 10 s, from the broker's time of a message to its arrival

	Settings map[string]string `json:"settings,omitempty"` // what must be equal on all nodes, by name: a digest of each
}

// Bounds of what a board and an arbiter keep. A broker may refuse more.
const (
	MaxNoteKeyBytes = 512
	MaxNoteBytes    = 4096
	MaxSwapKeyBytes = 512
	MaxSwapBytes    = 256 << 10
)

// Note is a thing that every node must know. A key is any text, a value any bytes.
type Note struct {
	Key   string
	Value []byte        // nil: it was taken away, or its time is over
	Left  time.Duration // how long it is good yet, by the clock of the broker; 0 if it was taken away
}

// Board is a broker that keeps notes of which each node has a copy. There are few of them, they are small, and they
// change rarely.
type Board interface {
	// Note keeps value under key for a time, in place of what is there. A nil value takes it away. When it returns
	// without error the note is kept, and on its way to all who follow. It fails with CodeTimeout only if it may have
	// happened. Repeating it changes nothing but the time.
	Note(ctx context.Context, board, key string, value []byte, ttl time.Duration) error
	// Follow brings all notes of a board to sink before it returns, and from then on each that changes, until stop is
	// called. What this node notes comes as well.
	Follow(ctx context.Context, board string, sink BoardSink) (stop func(), err error)
}

// BoardSink takes the notes of a board. Its methods are called one at a time and must not block.
type BoardSink interface {
	// All brings the whole board: notes that are not among these are gone. It comes first, and again after changes may
	// have been missed.
	All(notes []Note)
	// Changed brings one note that was made, replaced or taken away. If only its time is over it may not come: the sink
	// counts Left itself.
	Changed(n Note)
}

// Arbiter is a broker that decides once for all nodes.
type Arbiter interface {
	// Swap sets key to is for ttl if it holds was, and returns what it holds then: is, or what another has set. A nil
	// was is for a key that holds nothing; a nil is takes the key away. So with both nil it reads. It fails with
	// CodeTimeout if it is unknown whether it happened; then repeating it finds out, as long as is is not what others
	// would set.
	Swap(ctx context.Context, key string, was, is []byte, ttl time.Duration) (now []byte, err error)
}

// Reach is a broker that adds up who hears a channel on all nodes.
type Reach interface {
	// Heard reports how many subscriptions without a filter a channel has on this node: all of them, not a difference.
	// Calls for one channel do not overlap. It holds as a report of Presence.Attend does, and may be repeated.
	Heard(ctx context.Context, ch protocol.Channel, n int) error
}

// Checked is a broker that reports when it may have lost messages, but for what no connection shows. Nodes compare the
// positions of its channels with their own only so often. A broker that is none is asked every 10 s.
type Checked interface{ CheckEvery() time.Duration }
