package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"tidings/protocol"
	"tidings/store"
	"tidings/store/sqlstore"
)

// columns is what scan reads.
const columns = "id, version, source, author, updater, created, updated"

func scan(into func(...any) error, more ...any) (*store.Record, error) {
	r := &store.Record{}
	err := into(append([]any{&r.ID, &r.Version, (*text)(&r.Content), &r.Author, &r.Updater, &r.Created, &r.Updated}, more...)...)
	return r, err
}

// text is bytes that are scanned from a column of text. NULL is nil.
type text []byte

// ScanText implements pgtype.TextScanner.
func (t *text) Scan(v any) error {
	*t = nil
	if s, ok := v.(string); ok {
		*t = text(s)
	}
	return nil
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, c store.Collection, ids []string) (found []store.Document, err error) {
	if len(ids) > store.MaxOps {
		return nil, &protocol.Error{Code: protocol.CodeBadRequest, Reason: "more than 1000 documents are asked for", Hint: "Ask several times."}
	}
	known := make([]string, 0, len(ids))
	for _, id := range ids {
		if store.CheckID(id) == nil {
			known = append(known, id)
		}
	}
	by := map[string]store.Document{}
	err = s.snapshot(ctx, func(ctx context.Context, tx pgx.Tx) error {
		r, err := s.find(ctx, tx, c)
		if err != nil || r == nil {
			return err
		}
		e := sqlstore.Expression{SQL: "SELECT " + columns}.And(" FROM ", r.among(known))
		statement, args := numbered(e.With(" WHERE id = ANY(\x00)", known))
		rows, err := tx.Query(ctx, statement, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			r, err := scan(rows.Scan)
			if err != nil {
				return err
			}
			by[r.ID] = document(r)
		}
		return rows.Err()
	})
	for _, id := range ids {
		if d, ok := by[id]; ok {
			found = append(found, d)
		}
	}
	return found, err
}

// snapshot calls read with a transaction that sees one state of the store.
func (s *Store) snapshot(ctx context.Context, read func(context.Context, pgx.Tx) error) error {
	if s.isClosed() {
		return sqlstore.ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, store.SearchTimeout)
	defer cancel()
	err := s.inTransaction(ctx, read)
	if err != nil && ctx.Err() == nil && (stateOf(err) == codeNoTable || stateOf(err) == "" && !isFinal(err)) {
		s.forgetTables()
		err = s.inTransaction(ctx, read) // the connection was lost, or the database is another one
	}
	if err != nil {
		return s.readFault(ctx, err)
	}
	return nil
}

func (s *Store) inTransaction(ctx context.Context, read func(context.Context, pgx.Tx) error) error {
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	defer tx.Rollback(context.Background())
	return read(ctx, tx)
}
