// Package redis is what the broker knows of Redis: where things are, how scripts run, and how what is published comes.
// A value of the bus, such as a message, is only text here.
//
//	names.go           partitions, and the names of keys
//	scripts.go         scripts, bound to the process of a server that runs them
//	publishes.go       the script that publishes, for each kind of channel
//	lane.go, link.go   connections that bring what is published
//	topic.go           one channel of such a connection
//	faults.go          what it fails with
//	health.go          what is said of a server's settings
package redis

import (
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// Layout is how the keys of a bus are named. All its nodes have the same.
type Layout struct {
	Prefix     string // of all names, without a brace
	Partitions int    // 1 or more
}

// Partition returns the part that a channel belongs to, from 0.
func (l Layout) Partition(ch protocol.Channel) int {
	h := fnv.New32a()
	h.Write([]byte(ch))
	return int(h.Sum32() % uint32(l.Partitions))
}

// Tag returns the beginning of the names of all keys of a partition. The first brace of a name is ours, since channels
// have none.
func (l Layout) Tag(p int) string { return l.Prefix + "{" + strconv.Itoa(p) + "}" }

// formatKey returns a key of a partition that needs no channel. The one of partition 0 has the format of the bus.
func (l Layout) formatKey(p int) string { return l.Tag(p) + "format" }

// Names are the keys of one channel.
type Names struct {
	Partition                       int
	Channel, History, Reach, Stream string // a hash, a stream, a hash, a sharded channel
}

// Names returns the keys of a channel.
func (l Layout) Names(ch protocol.Channel) Names {
	p := l.Partition(ch)
	tag := l.Tag(p)
	return Names{p, tag + "c:" + string(ch), tag + "h:" + string(ch), tag + "r:" + string(ch), tag + "/" + string(ch)}
}

// Word draws n characters of the alphabet of epochs and tags.
func Word(n int) string { return string(core.AppendWord(nil, rand.Uint64(), n)) }

// Millis returns a duration as scripts take it.
func Millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
