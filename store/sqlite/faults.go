package sqlite

import (
	"context"
	"errors"

	"modernc.org/sqlite"

	"tidings/protocol"
)

// SQLite's primary result codes, https://www.sqlite.org/rescode.html.
const (
	codeInterrupt = 9
	codeIO        = 10
	codeFull      = 13
)

// What is said to callers.
var (
	errFull   = &protocol.Error{Code: protocol.CodeStorageFull, Reason: "the disk of the documents is full", Hint: "Nothing was written. The operator has to make space; reading goes on."}
	errBroken = &protocol.Error{Code: protocol.CodeInternal, Reason: "the disk of the documents failed, and nothing is written until the server is restarted", Hint: "Reading goes on. The operator has to look at the disk; the server's log says more."}
	errQueue  = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "too many writes wait for the disk", Hint: "Try again in a moment."}
	errRelay  = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "too many changes wait to be published", Hint: "Try again in a moment."}
	errClosed = &protocol.Error{Code: protocol.CodeShuttingDown, Reason: "this node is going down", Hint: "Come back after a moment."}
	errLate   = &protocol.Error{Code: protocol.CodeTimeout, Reason: "the documents were not read in time", Hint: "Ask for less, or by id; a filter without an id reads the collection."}
	errCommit = &protocol.Error{Code: protocol.CodeTimeout, Reason: "no answer in time; it may or may not have been written", Hint: "Repeat it with the same idempotency key."}
	errKey    = &protocol.Error{Code: protocol.CodeIdempotencyConflict, Reason: "the idempotency key was used for another request", Hint: "Use a new key for each new request."}
)

// coded is what the driver's errors are.
type coded interface {
	error
	Code() int
}

var _ coded = (*sqlite.Error)(nil)

func resultCode(err error) int {
	var fault coded
	if !errors.As(err, &fault) {
		return 0
	}
	return fault.Code() & 0xff
}

// readFault returns what a reader may see of err.
func (s *Store) readFault(ctx context.Context, err error) error {
	var known *protocol.Error
	switch {
	case errors.As(err, &known):
		return known
	case ctx.Err() != nil, resultCode(err) == codeInterrupt:
		return errLate
	}
	s.mu.RLock()
	closed := s.closed
	s.mu.RUnlock()
	if closed {
		return errClosed
	}
	s.cfg.Log.Error("documents cannot be read", "error", err)
	return protocol.Internal
}

// writeFault returns what a writer may see of err. After an error of input or output nobody knows what the disk has:
// what is written from then on could be lost in silence, so nothing is.
func (s *Store) writeFault(err error) *protocol.Error {
	switch resultCode(err) {
	case codeFull:
		s.cfg.Log.Error("documents cannot be written: the disk is full", "error", err)
		return errFull
	case codeIO:
		s.readOnly.Store(true)
		s.cfg.Log.Error("documents cannot be written until a restart: the disk failed", "error", err)
		return errBroken
	}
	s.cfg.Log.Error("documents cannot be written", "error", err)
	return protocol.Internal
}
