package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// oldest is the server_version_num that is needed: idle_session_timeout came with PostgreSQL 14.
const oldest = 140000

// parse reads where the database is. Every connection ends a transaction that the process has left open, so that a node
// that hangs does not keep documents locked.
func parse(url string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 5 * time.Second
	}
	for name, value := range map[string]string{
		"application_name": "tidings", "idle_in_transaction_session_timeout": "10s", "lock_timeout": "5s", "TimeZone": "UTC", "search_path": "pg_catalog",
		"default_transaction_isolation": "read committed",
	} {
		if name != "application_name" || cfg.RuntimeParams[name] == "" {
			cfg.RuntimeParams[name] = value
		}
	}
	return cfg, nil
}

// checkServer refuses a server that is too old, one that only reads, and a pooler that shares sessions.
func (s *Store) checkServer(ctx context.Context, conn *pgx.Conn) error {
	var version int
	var standby bool
	if err := conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int, pg_is_in_recovery()").Scan(&version, &standby); err != nil {
		return err
	}
	switch {
	case version < oldest:
		return fmt.Errorf("the server is PostgreSQL %d, and 14 or later is needed", version/10000)
	case standby:
		return errors.New("the server is a standby, which only reads: name the primary, or add target_session_attrs=read-write with all hosts")
	}
	shared, err := s.sharesSessions(ctx, conn)
	if err == nil && shared {
		err = errPooler
	}
	return err
}

var errPooler = errors.New("there is a pooler before PostgreSQL, such as PgBouncer, which gives each transaction another session, and locks and LISTEN belong to a session: connect to PostgreSQL itself")

// pooled returns errPooler for the error by which PgBouncer refuses what a session is asked for when it begins.
func pooled(err error) error {
	var fault *pgconn.PgError
	if errors.As(err, &fault) && strings.Contains(fault.Message, "unsupported startup parameter") {
		return errPooler
	}
	return err
}

// sharesSessions reports whether two clients have one session. A pooler shows itself by a process id that is not the
// session's.
func (s *Store) sharesSessions(ctx context.Context, conn *pgx.Conn) (bool, error) {
	pid, err := sessionOf(ctx, conn)
	if err != nil || pid == conn.PgConn().PID() {
		return false, err
	}
	other, err := pgx.ConnectConfig(ctx, s.parsed)
	if err != nil {
		return false, err
	}
	defer other.Close(context.Background())
	for range 20 {
		a, err := sessionOf(ctx, conn)
		if err != nil {
			return false, err
		}
		b, err := sessionOf(ctx, other)
		if err != nil || a == b || a != pid {
			return err == nil, err
		}
	}
	return false, nil
}

func sessionOf(ctx context.Context, conn *pgx.Conn) (pid uint32, err error) {
	var n int64
	err = conn.QueryRow(ctx, "SELECT pg_backend_pid()", pgx.QueryExecModeSimpleProtocol).Scan(&n)
	return uint32(n), err
}
