package postgres

import (
	"context"
	"errors"
	"net/url"
	"regexp"

	"github.com/jackc/pgx/v5/pgconn"

	"tidings/protocol"
)

// What is said to callers.
var (
	errFull    = &protocol.Error{Code: protocol.CodeStorageFull, Reason: "the disk of the documents is full", Hint: "Nothing was written. The operator has to make space; reading goes on."}
	errDown    = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "the database of the documents cannot be reached", Hint: "Nothing was written. Try again in a moment."}
	errReading = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "the database of the documents cannot be reached", Hint: "Try again in a moment."}
	errLocked  = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "the documents are being written by others", Hint: "Nothing was written. Try again in a moment."}
	errQueue   = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "too many writes wait for the database", Hint: "Try again in a moment."}
	errRelay   = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "too many changes wait to be published", Hint: "Try again in a moment."}
	errClosed  = &protocol.Error{Code: protocol.CodeShuttingDown, Reason: "this node is going down", Hint: "Come back after a moment."}
	errLate    = &protocol.Error{Code: protocol.CodeTimeout, Reason: "the documents were not read in time", Hint: "Ask for less, or by id; a filter without equals reads the collection."}
	errCommit  = &protocol.Error{Code: protocol.CodeTimeout, Reason: "no answer in time; it may or may not have been written", Hint: "Repeat it with the same idempotency key."}
	errKey     = &protocol.Error{Code: protocol.CodeIdempotencyConflict, Reason: "the idempotency key was used for another request", Hint: "Use a new key for each new request."}
	errTables  = &protocol.Error{Code: protocol.CodeLimitExceeded, Reason: "there are 1000 collections, and each is a table", Hint: "Use a field in the documents of one collection instead of many collections."}
	errWatched = &protocol.Error{Code: protocol.CodeUnsupported, Reason: "the collection is a table that Tidings watches, and does not write", Hint: "Write the table with SQL: its changes are published."}
)

// PostgreSQL's error codes, https://www.postgresql.org/docs/15/errcodes-appendix.html.
const (
	codeDiskFull      = "53100"
	codeReadOnly      = "25006"
	codeNoTable       = "42P01"
	codeNoSchema      = "3F000"
	codeLockTimeout   = "55P03"
	codeUnique        = "23505"
	codeSerialization = "40001"
	codeDeadlock      = "40P01"
	codeCancelled     = "57014"
)

// stateOf returns the code of PostgreSQL's error, "" if it is not one of a statement alone: then the connection is
// lost.
func stateOf(err error) string {
	var fault *pgconn.PgError
	if !errors.As(err, &fault) || fault.Severity == "FATAL" || fault.Severity == "PANIC" {
		return ""
	}
	return fault.Code
}

// again reports whether a transaction that ended so is made once more, since others were in its way.
func again(err error) bool {
	switch stateOf(err) {
	case codeUnique, codeSerialization, codeDeadlock, codeNoTable, codeNoSchema:
		return true
	}
	return false
}

// isFinal reports whether err is an answer to the caller, and no fault of the database.
func isFinal(err error) bool {
	var known *protocol.Error
	return errors.As(err, &known)
}

// readFault returns what a reader may see of err.
func (s *Store) readFault(ctx context.Context, err error) error {
	var known *protocol.Error
	switch {
	case errors.As(err, &known):
		return known
	case s.isClosed():
		return errClosed
	case ctx.Err() != nil, stateOf(err) == codeCancelled:
		return errLate
	}
	s.cfg.Log.Error("documents cannot be read", "error", hidden(err))
	if stateOf(err) == "" {
		return errReading
	}
	return protocol.Internal
}

// writeFault returns what a writer may see of err, of a transaction of which nothing was written.
func (s *Store) writeFault(err error) *protocol.Error {
	s.cfg.Log.Error("documents cannot be written", "error", hidden(err))
	var known *protocol.Error
	if errors.As(err, &known) {
		return known
	}
	switch stateOf(err) {
	case codeDiskFull:
		return errFull
	case "", codeReadOnly, codeNoTable, codeNoSchema:
		return errDown
	case codeLockTimeout, codeDeadlock, codeSerialization, codeUnique:
		return errLocked
	}
	return protocol.Internal
}

var password = regexp.MustCompile(`(?i)(password|passfile|sslpassword)\s*=\s*('(\\.|[^'])*'|\S+)`)

// hiddenError is an error whose text has no secrets.
type hiddenError struct {
	error
	text string
}

func (e *hiddenError) Error() string { return e.text }
func (e *hiddenError) Unwrap() error { return e.error }

// hidden returns err with the passwords taken out that its text may name.
func hidden(err error) error {
	text := password.ReplaceAllString(err.Error(), "$1=xxxxx")
	text = inURL.ReplaceAllStringFunc(text, func(found string) string {
		u, err := url.Parse(found)
		if err != nil {
			return "postgres://xxxxx"
		}
		return u.Redacted()
	})
	return &hiddenError{err, text}
}

var inURL = regexp.MustCompile("postgres(ql)?://[^\\s`\"']+")
