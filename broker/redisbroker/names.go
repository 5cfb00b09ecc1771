package redisbroker

import (
	"hash/fnv"
	"strconv"

	"tidings/protocol"
)

// partition returns the part that a channel belongs to.
func (b *Broker) partition(ch protocol.Channel) int {
	h := fnv.New32a()
	h.Write([]byte(ch))
	return int(h.Sum32() % uint32(b.cfg.Partitions))
}

// tag returns the beginning of the names of all keys of a partition. The first brace of a name is ours, since channels
// have none.
func (b *Broker) tag(p int) string { return b.cfg.Prefix + "{" + strconv.Itoa(p) + "}" }

// names are the keys of one channel.
type names struct {
	partition                       int
	channel, history, reach, stream string // a hash, a stream, a hash, a sharded channel
}

func (b *Broker) names(ch protocol.Channel) names {
	p := b.partition(ch)
	tag := b.tag(p)
	return names{p, tag + "c:" + string(ch), tag + "h:" + string(ch), tag + "r:" + string(ch), tag + "/" + string(ch)}
}

// server returns what is known of the server of a partition.
func (b *Broker) server(p int) *server { return b.servers[p%len(b.servers)] }

// lane returns the connection that brings a partition's channels.
func (b *Broker) lane(p int) *lane { return b.lanes[p%len(b.lanes)] }
