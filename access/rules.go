package access

import (
	"errors"
	"fmt"
	"time"

	"tidings/protocol"
)

// Rules are what clients may do: in the channels of each pattern, and in all others. Of several patterns that match a
// channel the most specific one's rule alone decides: nothing is inherited from the others.
type Rules struct {
	// Subscribe is who may hear the messages of a channel that no pattern matches, and read its history. Empty means
	// Anyone if there is no pattern, else Nobody.
	Subscribe Allowance
	// Publish is who may publish there from a client. Empty means Nobody: messages come from backends, through the HTTP
	// API.
	Publish Allowance
	// Presence is for whom a channel there keeps who is in it: they may see each other. Empty means Nobody: nothing is
	// kept then, nor can the HTTP API ask for it.
	Presence Allowance
	// Write is who may write the documents of a collection whose channel no pattern matches. Empty means Nobody: they
	// are written by backends, through the HTTP API.
	Write Allowance
	// Channels are the rules of patterns, at most MaxRules.
	Channels []Rule
	// Joins are the channels that clients are put in.
	Joins Joins
}

// MaxRules bounds the rules of patterns.
const MaxRules = 10_000

// Rule is what holds in the channels of one pattern. What is empty is Nobody's.
type Rule struct {
	Pattern                             string // see ParsePattern
	Subscribe, Publish, Presence, Write Allowance
	Limits                              Limits
	// Filter is which messages of the channel are heard and read by whom Subscribe lets in: a filter in JSON, with
	// placeholders such as {"equals": {"tenant": "{tenant}"}}. Empty means all. SampleFilter is for
	// whoever checks that it is one.
	Filter string
}

// MaxCollectWindow bounds a channel's and a node's CollectWindow: a longer wait would be felt.
const MaxCollectWindow = 10 * time.Millisecond

// Limits are the bounds that a rule sets for its channels. Zero means the node's default.
type Limits struct {
	HistoryMessages int           // kept per channel
	HistoryAge      time.Duration // how long they are kept
	HistoryBytes    int           // kept per channel
	Payload         int           // bytes of a message's data, at most protocol.MaxPayloadBytes
	// Rate is the messages a second that one user, or one connection without a token, may publish in the rule's
	// channels through a node. As many may come at once, and at least one.
	Rate          float64
	CollectWindow time.Duration // how long deliveries may wait for more, so that they are written together; at most 10 ms, negative for none
}

// DefaultRules allows anyone to hear and nobody to publish.
func DefaultRules() Rules { return Rules{Subscribe: Anyone, Publish: Nobody} }

// IsZero reports whether nothing is set.
func (r Rules) IsZero() bool {
	return r.Subscribe == "" && r.Publish == "" && r.Presence == "" && r.Write == "" && len(r.Channels)+len(r.Joins.Anonymous)+len(r.Joins.Authenticated) == 0
}

func (l Limits) check() error {
	switch {
	case l.HistoryMessages < 0, l.HistoryAge < 0, l.HistoryBytes < 0, l.Rate < 0:
		return errors.New("Limits: a number is negative")
	case l.CollectWindow > MaxCollectWindow:
		return fmt.Errorf("Limits.CollectWindow: %v is more than %v", l.CollectWindow, MaxCollectWindow)
	case l.Payload < 0 || l.Payload > protocol.MaxPayloadBytes:
		return fmt.Errorf("Limits.Payload: must be from 1 to %d bytes", protocol.MaxPayloadBytes)
	}
	return nil
}
