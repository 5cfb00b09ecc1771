package postgres

import (
	"context"
	"errors"
	"net/url"
	"regexp"

	"github.com/jackc/pgx/v5/pgconn"

	"tidings/protocol"
	"tidings/store/sqlstore"
)

// What is said to callers.
var (
	errDown    = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "the database of the documents cannot be reached", Hint: "Nothing was written. Try again in a moment."}
	errReading = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "the database of the documents cannot be reached", Hint: "Try again in a moment."}
	errLocked  = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "the documents are being written by others", Hint: "Nothing was written. Try again in a moment."}
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
		return sqlstore.ErrClosed
	case ctx.Err() != nil, stateOf(err) == codeCancelled:
		return sqlstore.ErrLate
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
		return sqlstore.ErrFull
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
