package sqlite

import (
	"context"
	"errors"

	"modernc.org/sqlite"

	"tidings/protocol"
	"tidings/store/sqlstore"
)

// SQLite's primary result codes, https://www.sqlite.org/rescode.html.
const (
	codeInterrupt = 9
	codeIO        = 10
	codeFull      = 13
)

// What is said to callers.
var (
	errBroken = &protocol.Error{Code: protocol.CodeInternal, Reason: "the disk of the documents failed, and nothing is written until the server is restarted", Hint: "Reading goes on. The operator has to look at the disk; the server's log says more."}
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
		return sqlstore.ErrLate
	}
	if s.queue.Closed() {
		return sqlstore.ErrClosed
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
		return sqlstore.ErrFull
	case codeIO:
		s.readOnly.Store(true)
		s.cfg.Log.Error("documents cannot be written until a restart: the disk failed", "error", err)
		return errBroken
	}
	s.cfg.Log.Error("documents cannot be written", "error", err)
	return protocol.Internal
}
