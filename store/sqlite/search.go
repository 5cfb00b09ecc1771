package sqlite

import (
	"context"
	"database/sql"
	"strings"

	"tidings/store"
	"tidings/store/sqlstore"
)

// Search implements store.Store. SQL narrows what is read, and sorts it; the filter itself decides what matches.
func (s *Store) Search(ctx context.Context, c store.Collection, q store.Query) (page store.Page, err error) {
	cursor, err := q.Check(c)
	if err != nil {
		return page, err
	}
	statement, args := s.indexes.selection(c, &q, cursor)
	err = s.snapshot(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var next uint64
		if err := tx.QueryRowContext(ctx, "SELECT next FROM state").Scan(&next); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		page, err = fill(store.NewFilling(c, &q, store.Seen{Before: next, Next: next, Open: []uint64{}}), rows, len(q.Sort))
		return err
	})
	return page, err
}

// selection returns the statement of a search.
func (x indexes) selection(c store.Collection, q *store.Query, cursor *store.Cursor) (string, []any) {
	var b strings.Builder
	var args []any
	b.WriteString("SELECT " + columns)
	keys := make([]sqlstore.Expression, len(q.Sort))
	for i, o := range q.Sort {
		keys[i] = x.sortKey(o.Field)
		b.WriteString(", " + keys[i].SQL)
		args = append(args, keys[i].Args...)
	}
	b.WriteString(" FROM documents WHERE collection = ?")
	args = append(args, c.String())
	for _, condition := range []sqlstore.Expression{sqlstore.Narrow(q.Filter, x), behind(q.Sort, keys, cursor)} {
		if condition.SQL != "" {
			b.WriteString(" AND " + condition.SQL)
			args = append(args, condition.Args...)
		}
	}
	b.WriteString(" ORDER BY ")
	for i, o := range q.Sort {
		b.WriteString(keys[i].SQL)
		args = append(args, keys[i].Args...)
		if o.Down {
			b.WriteString(" DESC")
		}
		b.WriteString(", ")
	}
	b.WriteString("id LIMIT ?")
	return b.String(), append(args, store.MaxRead+1)
}

// sortKey returns the value of a field, as SQL compares it.
func (x indexes) sortKey(field string) sqlstore.Expression {
	switch field {
	case "_id":
		return sqlstore.Expression{SQL: "id"}
	case "_version":
		return sqlstore.Expression{SQL: "version"}
	case "_info.author":
		return sqlstore.Expression{SQL: "nullif(author, '')"}
	case "_info.updater":
		return sqlstore.Expression{SQL: "nullif(updater, '')"}
	case "_info.createdAt":
		return sqlstore.Expression{SQL: "created"}
	case "_info.updatedAt":
		return sqlstore.Expression{SQL: "nullif(updated, 0)"}
	}
	return x.extract(strings.Split(field, ".")...)
}

// behind returns the condition that a row comes after the cursor: it differs first in one key, where it is behind, or
// in the id.
func behind(sort []store.Order, keys []sqlstore.Expression, cursor *store.Cursor) sqlstore.Expression {
	if cursor == nil {
		return sqlstore.Expression{}
	}
	last := sqlstore.Expression{SQL: "id > ?", Args: []any{cursor.ID}}
	for i := len(keys) - 1; i >= 0; i-- {
		k, v := keys[i], cursor.Values[i]
		same := sqlstore.All(k.With(" IS ?", v), last)
		var beyond sqlstore.Expression
		switch {
		case v == nil && sort[i].Down: // nothing is behind NULL
			last = same
			continue
		case v == nil:
			beyond = k.With(" IS NOT NULL")
		case sort[i].Down:
			beyond = sqlstore.Either(k.With(" < ?", v), k.With(" IS NULL"))
		default:
			beyond = k.With(" > ?", v)
		}
		last = sqlstore.Either(beyond, same)
	}
	return last
}

// fill makes a page of the rows, which have so many values of the sort's keys.
func fill(page *store.Filling, rows *sql.Rows, keys int) (store.Page, error) {
	for n := 1; rows.Next(); n++ {
		if n > store.MaxRead {
			return page.Exhausted()
		}
		values := make([]any, keys)
		into := make([]any, keys)
		for i := range values {
			into[i] = &values[i]
		}
		found, err := record(rows.Scan, into...)
		if err != nil {
			return store.Page{}, err
		}
		done, err := page.Take(document(found), values)
		if err != nil {
			return store.Page{}, err
		}
		if done {
			break
		}
	}
	return page.Finish(), rows.Err()
}
