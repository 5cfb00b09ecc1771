package postgres

import (
	"context"
	"time"

	"tidings/store"
)

// Watched is a table that is watched.
type Watched struct {
	Table      string // quoted, with its schema; "": it was dropped
	Collection store.Collection
	Columns    []string
	Triggers   int  // of it that are there and enabled; 2 if all is well
	Notify     bool // its changes wake who publishes

	oid uint32
}

// Watched returns the tables that are watched, in the order of their collections.
func (a *Admin) Watched(ctx context.Context) (list []Watched, err error) {
	rows, err := a.conn.Query(ctx, `SELECT watched, coalesce(quote_ident(nspname) || '.' || quote_ident(relname), ''), space, name, columns,
			(SELECT count(*) FROM pg_trigger WHERE tgrelid = watched AND tgname IN ('tidings_row', 'tidings_truncate') AND tgenabled <> 'D'),
			EXISTS (SELECT FROM pg_trigger WHERE tgrelid = watched AND tgname = 'tidings_row' AND tgargs LIKE '%\000true\000'::bytea)
		FROM tidings.collections LEFT JOIN pg_class ON pg_class.oid = watched LEFT JOIN pg_namespace ON pg_namespace.oid = relnamespace
		WHERE watched IS NOT NULL ORDER BY space, name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var w Watched
		if err := rows.Scan(&w.oid, &w.Table, &w.Collection.Index, &w.Collection.Name, &w.Columns, &w.Triggers, &w.Notify); err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	return list, rows.Err()
}

// Status is what the database knows of changes.
type Status struct {
	Waiting    int           // changes that were not published
	Oldest     time.Duration // age of the oldest of them
	Dropped    uint64        // changes that were not kept, and of which clients were not told
	MaxChanges uint64        // numbers behind the mark, above which changes are not kept
	Leader     string        // who publishes: address and process of its session; "": nobody does
	Open       string        // what holds changes back; "": nothing
	Watched    []Watched
}

// Status reads it.
func (a *Admin) Status(ctx context.Context) (s Status, err error) {
	var oldest float64
	err = a.conn.QueryRow(ctx, `SELECT (SELECT count(*) FROM tidings.changes WHERE number > mark), `+lastDropped+` - dropped, max_changes,
			coalesce((SELECT extract(epoch FROM clock_timestamp()) - min(at) / 1000.0 FROM tidings.changes WHERE number > mark), 0)::float8,
			coalesce((SELECT format('%s, session %s', coalesce(host(client_addr), 'local'), pg_locks.pid) FROM pg_locks JOIN pg_stat_activity ON pg_stat_activity.pid = pg_locks.pid
				WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32) + objid::bigint = $1 AND objsubid = 1 AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())), '')
		FROM tidings.state`, int64(lockLead)).Scan(&s.Waiting, &s.Dropped, &s.MaxChanges, &oldest, &s.Leader)
	if err != nil {
		return s, err
	}
	s.Oldest = time.Duration(oldest * float64(time.Second))
	if err := a.conn.QueryRow(ctx, "SELECT coalesce(("+openTransaction+"), '')").Scan(&s.Open); err != nil {
		return s, err
	}
	s.Watched, err = a.Watched(ctx)
	return s, err
}
