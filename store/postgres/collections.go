package postgres

import (
	"context"
	"fmt"
	"hash/fnv"

	"github.com/jackc/pgx/v5"

	"tidings/store"
)

// maxCollections bounds the tables that requests can make.
const maxCollections = 1000

// tableName returns the name of a collection's table, which has the collection's own in it. No other table has a slash.
func tableName(c store.Collection) string {
	name := c.String()
	if len(name) > 63 { // a name in PostgreSQL has at most 63 bytes
		h := fnv.New64a()
		h.Write([]byte(name))
		name = fmt.Sprintf("%s~%016x", name[:46], h.Sum64())
	}
	return name
}

func quoted(names ...string) string { return pgx.Identifier(names).Sanitize() }

// knownTable returns the quoted table that has a collection's documents, "" if it is not known.
func (s *Store) knownTable(c store.Collection) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.tables[c]
}

// remember keeps which table has a collection's documents, and returns it quoted.
func (s *Store) remember(c store.Collection, name string) string {
	table := quoted("tidings", name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tables[c], s.ever[c] = table, true
	return table
}

// forgetTables makes the process look for the tables again.
func (s *Store) forgetTables() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tables)
}

// forgetDropped forgets the tables of collections that were dropped.
func (s *Store) forgetDropped(list []store.Collection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range list {
		delete(s.tables, c)
	}
}

// querier is a connection or a transaction.
type querier interface {
	QueryRow(ctx context.Context, statement string, args ...any) pgx.Row
}

// makeTable makes the table of a collection that has none, in a transaction of its own.
func (s *Store) makeTable(ctx context.Context, conn *pgx.Conn, c store.Collection) error {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return err
	}
	defer tx.Rollback(context.Background())
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(lockSchema)); err != nil {
		return err
	}
	switch r, err := s.find(ctx, tx, c); {
	case err != nil || s.knownTable(c) != "":
		return err
	case r != nil:
		return errWatched
	}
	var count int
	if err := tx.QueryRow(ctx, "SELECT count(*) FROM tidings.collections").Scan(&count); err != nil {
		return err
	}
	if count >= maxCollections {
		return errTables
	}
	name := tableName(c)
	for _, statement := range []string{
		"CREATE TABLE " + quoted("tidings", name) + ` (
			id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, source text NOT NULL, content jsonb NOT NULL,
			author text NOT NULL, updater text NOT NULL, created bigint NOT NULL, updated bigint NOT NULL)`,
		"CREATE INDEX ON " + quoted("tidings", name) + " USING gin (content jsonb_path_ops)",
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, "INSERT INTO tidings.collections (space, name, documents) VALUES ($1, $2, $3)", c.Index, c.Name, name); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	s.remember(c, name)
	return nil
}

// lookTable looks for the table of a collection, and makes none. It fails if the collection is a watched table.
func (s *Store) lookTable(ctx context.Context, conn *pgx.Conn, c store.Collection) error {
	r, err := s.find(ctx, conn, c)
	if err == nil && r != nil && s.knownTable(c) == "" {
		return errWatched
	}
	return err
}

var _ store.Lister = (*Store)(nil)

// Collections implements store.Lister.
func (s *Store) Collections(ctx context.Context, after store.Collection, limit int) (list []store.Collection, err error) {
	err = s.snapshot(ctx, func(ctx context.Context, tx pgx.Tx) error {
		const statement = `SELECT space, name FROM tidings.collections WHERE space || '/' || name > $1 COLLATE "C" ORDER BY space || '/' || name COLLATE "C" LIMIT $2`
		rows, err := tx.Query(ctx, statement, after.String(), limit)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c store.Collection, err error) {
			err = row.Scan(&c.Index, &c.Name)
			return c, err
		})
		return err
	})
	return list, err
}
