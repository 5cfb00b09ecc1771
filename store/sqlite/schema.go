package sqlite

import (
	"context"
	"crypto/rand"
	"fmt"
)

// schemaVersion is the file's user_version.
const schemaVersion = 2

// schema makes an empty store. The one row of state has what is read at the start.
const schema = `
CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, next INTEGER NOT NULL, mark INTEGER NOT NULL) STRICT;
CREATE TABLE documents (
	collection TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, content TEXT NOT NULL,
	author TEXT NOT NULL, updater TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,
	UNIQUE (collection, id)
) STRICT;
CREATE TABLE changes (
	number INTEGER PRIMARY KEY, space TEXT NOT NULL, collection TEXT NOT NULL, id TEXT NOT NULL, event TEXT NOT NULL,
	before BLOB, after BLOB NOT NULL, changed BLOB, meta BLOB, origin BLOB, at INTEGER NOT NULL
) STRICT;
CREATE TABLE keys (
	principal TEXT NOT NULL, key TEXT NOT NULL, hash BLOB NOT NULL, result BLOB NOT NULL, at INTEGER NOT NULL,
	UNIQUE (principal, key)
) STRICT;
CREATE INDEX keys_at ON keys (at);
` + schema2

// schema2 is what version 2 has beside. A collection that has documents need not be in the table.
const schema2 = `
CREATE TABLE collections (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
`

// prepare makes the tables in a new file, and reads the state.
func (s *Store) prepare(ctx context.Context) error {
	var version int
	if err := s.conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch version {
	case 0:
		if err := s.change(ctx, schema, "INSERT INTO state VALUES (1, '"+rand.Text()+"', 1, 0)"); err != nil {
			return err
		}
	case 1:
		if err := s.change(ctx, schema2); err != nil {
			return err
		}
	case schemaVersion:
	default:
		return fmt.Errorf("it is of version %d, which is newer than this server: run the server that made it", version)
	}
	var mark uint64
	if err := s.conn.QueryRowContext(ctx, "SELECT id, next, mark FROM state").Scan(&s.id, &s.next, &mark); err != nil {
		return err
	}
	s.mark.Store(mark)
	var waiting int64
	if err := s.conn.QueryRowContext(ctx, "SELECT count(*) FROM changes").Scan(&waiting); err != nil {
		return err
	}
	s.waiting.Store(waiting)
	return nil
}

// change makes the statements that lead to the schema of this version.
func (s *Store) change(ctx context.Context, statements ...string) error {
	tx, err := s.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, statement := range append(statements, fmt.Sprintf("PRAGMA user_version = %d", schemaVersion)) {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}
