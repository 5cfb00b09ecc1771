package actors

import (
	"context"
	"slices"

	"tidings/protocol"
)

// DocumentsFunc carries out a document call. It returns JSON of at most protocol.RecoveryPageBytes, and fails with a
// *protocol.Error. It has documentPatience.
type DocumentsFunc func(ctx context.Context, c *DocumentCall) ([]byte, error)

// DocumentCall is a call of a client about documents.
type DocumentCall struct {
	Data      []byte // compact JSON; nil if there is none
	Key       string // the same if a client repeats the call; "" for none
	Principal string // whose key it is
	User      string // "" for an anonymous client
	Origin    []byte // of a gateway's client, see protocol.Extra; nil for others

	bus    *Bus
	caller Caller
	puts   []protocol.Channel // in which the server wants the connection
	shown  protocol.Channel   // that the client may read, and whose documents the answer has; "" for none
	rows   string             // of shown: access.Policy.RowFilter
}

// MayRead returns nil if the client may read the documents of the collection whose channel ch is: if it may hear the
// channel, and the application does not mind.
func (c *DocumentCall) MayRead(ch protocol.Channel) *protocol.Error {
	if !slices.Contains(c.puts, ch) {
		if fault := c.bus.mayRead(c.caller.Identity, ch); fault != nil {
			return fault
		}
		if fault := c.bus.mayHear(c.caller, ch); fault != nil {
			return fault
		}
	}
	c.shown = ch
	return nil
}

// Reads reports whether the rules let the client read the documents of the collection whose channel ch is. The
// application is not asked.
func (c *DocumentCall) Reads(ch protocol.Channel) bool {
	return slices.Contains(c.puts, ch) || c.bus.mayRead(c.caller.Identity, ch) == nil
}

// MayWrite returns nil if the client may write the documents of the collection whose channel ch is.
func (c *DocumentCall) MayWrite(ch protocol.Channel) *protocol.Error {
	return c.bus.policy.Load().MayWrite(c.caller.Identity, ch)
}

// Rows returns which documents of the collection whose channel ch is there are for the client: a filter in JSON, or nil
// for all.
func (c *DocumentCall) Rows(ch protocol.Channel) []byte {
	rows, _ := c.bus.policy.Load().RowFilter(c.caller.Identity, ch) // MayRead says what is missing
	c.rows = string(rows)
	return rows
}
