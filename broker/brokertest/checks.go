package brokertest

import (
	"context"
	"testing"

	"tidings/core"
)

// Run runs the suite against the brokers that f starts, a fresh one for each check, without what they do not offer.
func Run(t *testing.T, f Factory) {
	offered := f(t, (&check{}).options())
	for _, c := range checks {
		if offered.NoPresence && c.presence || offered.Peer == nil && c.cluster {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			c.run(newWorld(ctx, t, f(t, c.options())))
		})
	}
}

// check is one promise. It fails by Fatalf of the world's reporter.
type check struct {
	name   string
	bounds func(*core.StreamConfig) // changes of the default; nil for none
	run    func(*world)

	presence bool // it is one of broker.Presence
	cluster  bool // it is one of brokers that several nodes share
}

func (c *check) options() Options {
	o := Options{Stream: core.DefaultStreamConfig()}
	if c.bounds != nil {
		c.bounds(&o.Stream)
	}
	return o
}

var checks = []check{
	{name: "an unused channel has an epoch", run: unusedChannel},
	{name: "messages are numbered", run: numbering},
	{name: "content is kept intact", run: content},
	{name: "what a message has beside its data is kept intact", run: extras},
	{name: "buffers of the caller are not kept", run: aliasing},
	{name: "channels do not meet", run: channelsApart},
	{name: "a published message is in history", run: ackedIsKept},
	{name: "volatile messages are neither numbered nor kept", run: volatile},

	{name: "history is read after a position", run: after},
	{name: "a foreign position is lost", run: foreignPositions},
	{name: "pages are bounded", run: pages},
	{name: "the last messages", run: last},
	{name: "history is bounded by count", bounds: fiveMessages, run: boundedCount},
	{name: "history is bounded by bytes", bounds: fewBytes, run: boundedBytes},
	{name: "history is bounded by age", bounds: oneSecond, run: boundedAge},
	{name: "without history only the top recovers", bounds: noMessages, run: noHistory},

	{name: "a repeated key gets the same answer", run: sameKey},
	{name: "a key outlives its message", bounds: oneMessage, run: keyOutlivesMessage},
	{name: "parallel publishes of one key are one", run: parallelKey},
	{name: "a key with other content conflicts", run: conflict},
	{name: "keys of others do not meet", run: keysApart},
	{name: "a key expires", bounds: oneSecond, run: keyExpires},
	{name: "a volatile message's key works", run: volatileKey},
	{name: "nothing follows a last message", run: lastCloses},

	{name: "sinks hear in order", run: order},
	{name: "subscribe is confirmed", run: confirmed},
	{name: "stop stops", run: stopStops},
	{name: "stop waits for the message in hand", run: stopUnderLoad},
	{name: "nodes hear each other", run: peers, cluster: true},
	{name: "a broker that nodes share reports it", run: shared},
	{name: "nodes are listed while they report", run: nodesListed, cluster: true},
	{name: "a node that is silent for its lease is gone", run: nodesExpire, cluster: true},
	{name: "a node that is killed leaves nothing behind", run: killed, cluster: true},
	{name: "notes reach all nodes", run: notes, cluster: true},
	{name: "notes do not meet", run: notesApart, cluster: true},
	{name: "a note's time ends", run: notesExpire, cluster: true},
	{name: "a board is not followed any more", run: notesStop, cluster: true},
	{name: "one of parallel swaps wins", run: swapsParallel, cluster: true},
	{name: "a swap wants what is there", run: swaps, cluster: true},
	{name: "a swap's time ends", run: swapsExpire, cluster: true},
	{name: "receivers of other nodes are counted", run: reach, cluster: true},
	{name: "calls between nodes fail after close", run: clusterClosed, cluster: true},

	{name: "who comes is counted and listed", run: attending, presence: true},
	{name: "who is there twice is there once", run: attendingTwice, presence: true},
	{name: "members of channels do not meet", run: attendingApart, presence: true},
	{name: "lists of members are not kept", run: attendingAliased, presence: true},
	{name: "watchers hear every change", run: watching, presence: true},
	{name: "watch is confirmed", run: watchConfirmed, presence: true},
	{name: "a watch stops", run: watchStops, presence: true},
	{name: "nodes share who is there", run: attendingPeers, presence: true, cluster: true},
	{name: "who is on two nodes has left when both report it", run: attendingBoth, presence: true, cluster: true},
	{name: "a restart that lost its memory has nobody", run: attendingRestart, presence: true},
	{name: "a cancelled call of presence does nothing", run: attendingCancelled, presence: true},
	{name: "close ends presence", run: attendingClosed, presence: true},

	{name: "a claim makes what is unknown, and nothing else", run: claimed},
	{name: "a restart that lost its memory is a new epoch", run: restart},
	{name: "a cancelled call does nothing", run: cancelled},
	{name: "close ends all", run: closed},
}
