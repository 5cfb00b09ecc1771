package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tidings/store"
	"tidings/store/sqlstore"
)

// fetched is how many rows of a search are read at once: a row has up to 64 KiB.
const fetched = 256

// Search implements store.Store. SQL narrows what is read, and sorts it; the filter itself decides what matches.
func (s *Store) Search(ctx context.Context, c store.Collection, q store.Query) (page store.Page, err error) {
	cursor, err := q.Check(c)
	if err != nil {
		return page, err
	}
	err = s.snapshot(ctx, func(ctx context.Context, tx pgx.Tx) error {
		seen, err := seen(ctx, tx)
		if err != nil {
			return err
		}
		r := &reading{Filling: store.NewFilling(c, &q, seen), keys: sortKeys(q.Sort), limit: q.Limit}
		from, err := s.find(ctx, tx, c)
		if err != nil {
			return err
		}
		if from == nil {
			page = r.Finish()
			return nil
		}
		statement, args := numbered(selection(from, &q, r.keys, cursor))
		if _, err := tx.Exec(ctx, "DECLARE page NO SCROLL CURSOR FOR "+statement, append([]any{pgx.QueryExecModeExec}, args...)...); err != nil {
			return err
		}
		page, err = r.read(ctx, tx)
		return err
	})
	return page, err
}

// seen returns what the transaction's snapshot has in it.
func seen(ctx context.Context, tx pgx.Tx) (seen store.Seen, err error) {
	seen.Open = []uint64{}
	err = tx.QueryRow(ctx, `SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint, ARRAY(SELECT x::text::bigint FROM pg_snapshot_xip(s) AS x)
		FROM pg_current_snapshot() AS s`).Scan(&seen.Before, &seen.Next, &seen.Open)
	return seen, err
}

// selection returns the statement of a search.
func selection(from *relation, q *store.Query, keys []sortKey, cursor *store.Cursor) sqlstore.Expression {
	e := sqlstore.Expression{SQL: "SELECT " + columns}
	for _, key := range keys {
		for _, part := range key.parts {
			e = e.And(", ", part)
		}
	}
	e = e.And(" FROM ", from.from)
	e.SQL += " WHERE true"
	for _, condition := range []sqlstore.Expression{sqlstore.Narrow(q.Filter, dialect{}), behind(keys, cursor)} {
		if condition.SQL != "" {
			e = e.And(" AND ", condition)
		}
	}
	e.SQL += " ORDER BY "
	for _, key := range keys {
		for _, part := range key.parts {
			e = e.And("", part)
			e.SQL += key.direction() + ", "
		}
	}
	e.SQL += fmt.Sprintf("id LIMIT %d", store.MaxRead+1)
	return e
}

// reading makes a page of the rows.
type reading struct {
	*store.Filling
	keys  []sortKey
	limit int
	nth   int // rows that were read
}

func (r *reading) read(ctx context.Context, tx pgx.Tx) (page store.Page, err error) {
	for {
		// Without a count most pages need few rows more than they have documents.
		n := min(fetched, r.limit+1)
		rows, err := tx.Query(ctx, fmt.Sprintf("FETCH FORWARD %d FROM page", n), pgx.QueryExecModeExec)
		if err != nil {
			return page, err
		}
		before := r.nth
		done, err := r.rows(rows)
		switch {
		case err != nil:
			return page, err
		case r.nth > store.MaxRead:
			return r.Exhausted()
		case done || r.nth-before < n:
			return r.Finish(), nil
		}
	}
}

// rows takes rows that were fetched, and reports whether the page is done.
func (r *reading) rows(rows pgx.Rows) (done bool, err error) {
	defer rows.Close()
	for !done && rows.Next() {
		if r.nth++; r.nth > store.MaxRead {
			return true, nil
		}
		if done, err = r.row(rows); err != nil {
			return false, err
		}
	}
	rows.Close()
	return done, rows.Err()
}

// row takes one row, and reports whether the page is done.
func (r *reading) row(rows pgx.Rows) (done bool, err error) {
	var into []any
	for i := range r.keys {
		into = append(into, r.keys[i].into()...)
	}
	found, err := scan(rows.Scan, into...)
	if err != nil {
		return false, err
	}
	values := make([]any, len(r.keys))
	for i := range r.keys {
		values[i] = r.keys[i].value()
	}
	return r.Take(document(found), values)
}
