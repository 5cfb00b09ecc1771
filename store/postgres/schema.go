package postgres

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tidings/store"
)

// migrations are made in the order of their names, each once.
//
//go:embed migrations/*.sql
var migrations embed.FS

// Keys of the locks of a session or transaction, in the database of the documents.
const (
	lockSchema = 0x7469_6469_0000_0001
	lockLead   = 0x7469_6469_0000_0002
)

// restored is how far numbers go on behind those of a database that was restored, or failed over: further than what it
// may have lost, since no number may come again.
const restored = 1_000_000

// prepare makes what is missing in the schema, and reads the state. A database that is not where it was has a new id,
// and a reset of each collection.
func (s *Store) prepare(ctx context.Context, conn *pgx.Conn) error {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return err
	}
	defer tx.Rollback(context.Background())
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(lockSchema)); err != nil {
		return err
	}
	if err := migrate(ctx, tx); err != nil {
		return err
	}
	if err := s.findPlace(ctx, tx); err != nil {
		return err
	}
	var id string
	var mark, waiting int64
	row := tx.QueryRow(ctx, "SELECT id, mark, (SELECT count(*) FROM (SELECT FROM tidings.changes LIMIT $1) AS c) FROM tidings.state", store.MaxWaiting+1)
	if err := row.Scan(&id, &mark, &waiting); err != nil {
		return err
	}
	if err := s.tellForgotten(ctx, tx, id); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	if s.id != id {
		s.id, s.tables = id, map[store.Collection]string{}
	}
	s.mu.Unlock()
	s.mark.Store(uint64(mark))
	s.waiting.Store(waiting)
	return nil
}

// migrate makes the migrations that were not made. The comment of the schema has the number of the last.
func migrate(ctx context.Context, tx pgx.Tx) error {
	var there bool
	var comment string
	row := tx.QueryRow(ctx, "SELECT to_regnamespace('tidings') IS NOT NULL, coalesce(obj_description(to_regclass('tidings.state'), 'pg_class'), '0')")
	if err := row.Scan(&there, &comment); err != nil {
		return err
	}
	if !there {
		if _, err := tx.Exec(ctx, "CREATE SCHEMA tidings"); err != nil {
			return fmt.Errorf("the schema tidings is missing and cannot be made: %w", err)
		}
	}
	var made int
	if _, err := fmt.Sscanf(comment, "%d", &made); err != nil {
		return fmt.Errorf("the comment of the table tidings.state is %q, and should be the version of the schema", comment)
	}
	list, err := migrations.ReadDir("migrations")
	if err != nil {
		return err
	}
	if made > len(list) {
		return fmt.Errorf("the schema is of version %d, which is newer than this server: run the server that made it", made)
	}
	for _, file := range list[made:] {
		statements, err := migrations.ReadFile("migrations/" + file.Name())
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, string(statements), pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("migration %s: %w", file.Name(), err)
		}
	}
	if made < len(list) {
		_, err = tx.Exec(ctx, fmt.Sprintf("COMMENT ON TABLE tidings.state IS '%d'", len(list)))
	}
	return err
}

// place names the server and its timeline, which is another one after a restore to a point in time, and after a standby
// was made the primary.
const place = "(SELECT system_identifier FROM pg_control_system())::text || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8)"

// findPlace notes where the database is. If it was somewhere else, what clients have heard may never have happened
// here.
func (s *Store) findPlace(ctx context.Context, tx pgx.Tx) error {
	var now, was string
	err := tx.QueryRow(ctx, "SELECT "+place+", coalesce((SELECT place FROM tidings.state), '')").Scan(&now, &was)
	if err != nil || now == was {
		return err
	}
	if was == "" {
		_, err := tx.Exec(ctx, "INSERT INTO tidings.state (id, place) VALUES ($1, $2)", rand.Text(), now)
		return err
	}
	s.cfg.Log.Warn("the database of the documents was restored or failed over: clients are told to load all collections anew")
	for _, statement := range []string{
		fmt.Sprintf("SELECT setval('tidings.number', nextval('tidings.number') + %d)", restored),
		"DELETE FROM tidings.changes",
		"UPDATE tidings.state SET mark = greatest(mark, (SELECT last_value FROM tidings.number))",
		"INSERT INTO tidings.changes (number, txn, space, collection, id, event, after, at) " + resets,
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, "UPDATE tidings.state SET id = $1, place = $2", rand.Text(), now)
	return err
}

// resets selects a reset for each collection.
const resets = "SELECT nextval('tidings.number'), pg_current_xact_id()::text::bigint, space, name, '', 'reset', '{}', (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM tidings.collections"

// tellForgotten makes resets for the collections that this process knew in another database, in whose place this one
// is.
func (s *Store) tellForgotten(ctx context.Context, tx pgx.Tx, id string) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.id == "" || s.id == id {
		return nil
	}
	faults := []error{nil}
	_, faults[0] = tx.Exec(ctx, "SELECT setval('tidings.number', greatest(nextval('tidings.number'), $1::bigint))", int64(s.mark.Load()+restored))
	for c := range s.ever {
		_, err := tx.Exec(ctx, `INSERT INTO tidings.changes (number, txn, space, collection, id, event, after, at)
			SELECT nextval('tidings.number'), pg_current_xact_id()::text::bigint, $1, $2, '', 'reset', '{}', (extract(epoch FROM clock_timestamp()) * 1000)::bigint
			WHERE NOT EXISTS (SELECT FROM tidings.collections WHERE space = $1 AND name = $2)`, c.Index, c.Name)
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}
