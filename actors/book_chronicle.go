package actors

import (
	"sync"
	"tidings/protocol"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Record is one notable thing that happened to a connection, or to a channel on this node.
type Record struct {
	AtMS    int64 // Unix time
	What    string
	Channel protocol.Channel // "" if it is about a connection as a whole
	Code    string           // of protocol.Code, or of protocol.GapReason for RecordGap
	Epoch   string           // of Last and From
	Last    uint64           // RecordGap: what was told before, 0 for nothing
	From    uint64           // RecordGap, RecordRecovered: messages after this offset followed
	To      uint64           // RecordRecovered: of them, the last one that came from history
}

// What a Record may be about. A connection that is opened, subscribes from the top and hears messages leaves no record.
const (
	RecordParked       = "parked"       // its transport was lost
	RecordResumed      = "resumed"      // over a new transport, with nothing lost
	RecordEnded        = "ended"        // the connection
	RecordRefused      = "refused"      // a subscribe
	RecordUnsubscribed = "unsubscribed" // by the client
	RecordRevoked      = "revoked"      // a subscription, by other rules or by another token of the user
	RecordRecovered    = "recovered"    // a subscription went on from a position
	RecordGap          = "gap"          // told to a subscription, or, in a channel's records, to all of them
	RecordRestarted    = "restarted"    // the channel's actor, after a failure
)

// Bounds of the chronicle: who had something notable happen last is kept, each with the last things that did.
const (
	maxRecords     = 16
	maxChronicled  = 4096
	maxTroubledChs = 1024
)

// chronicle keeps the records. It outlives the connections that they are about, and costs a connection nothing before
// its first record.
type chronicle struct {
	mu          sync.Mutex // guards all below, rings included
	connections *lru.Cache[string, *ring]
	channels    *lru.Cache[protocol.Channel, *ring]
}

// ring is the last maxRecords records.
type ring struct {
	list []Record
	next int // the oldest one, once there are maxRecords
}

func newChronicle() *chronicle {
	connections, err := lru.New[string, *ring](maxChronicled)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	channels, err := lru.New[protocol.Channel, *ring](maxTroubledChs)
	if err != nil {
		panic(err)
	}
	return &chronicle{connections: connections, channels: channels}
}

func (c *chronicle) ofConnection(id string, r Record) { note(c, c.connections, id, r) }

func (c *chronicle) ofChannel(r Record) { note(c, c.channels, r.Channel, r) }

// connection returns the records of a connection, oldest first.
func (c *chronicle) connection(id string) []Record { return recall(c, c.connections, id) }

// channel returns the records of a channel, oldest first.
func (c *chronicle) channel(name protocol.Channel) []Record { return recall(c, c.channels, name) }

func note[K comparable](c *chronicle, rings *lru.Cache[K, *ring], key K, r Record) {
	r.AtMS = time.Now().UnixMilli()
	c.mu.Lock()
	defer c.mu.Unlock()
	of, ok := rings.Get(key)
	if !ok {
		of = &ring{}
		rings.Add(key, of)
	}
	if len(of.list) < maxRecords {
		of.list = append(of.list, r)
		return
	}
	of.list[of.next] = r
	of.next = (of.next + 1) % maxRecords
}

func recall[K comparable](c *chronicle, rings *lru.Cache[K, *ring], key K) []Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	of, ok := rings.Peek(key)
	if !ok {
		return nil
	}
	return append(append([]Record{}, of.list[of.next:]...), of.list[:of.next]...)
}
