package sqlite

import (
	"context"
	"database/sql"
	"strings"

	"tidings/filter"
	"tidings/store"
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
		r := &reading{collection: c, query: &q, page: store.Page{Documents: []store.Document{}, Seen: store.Seen{Before: next, Next: next, Open: []uint64{}}}}
		page, err = r.read(rows)
		return err
	})
	return page, err
}

// selection returns the statement of a search.
func (x indexes) selection(c store.Collection, q *store.Query, cursor *store.Cursor) (string, []any) {
	var b strings.Builder
	var args []any
	b.WriteString("SELECT " + columns)
	keys := make([]expression, len(q.Sort))
	for i, o := range q.Sort {
		keys[i] = x.sortKey(o.Field)
		b.WriteString(", " + keys[i].sql)
		args = append(args, keys[i].args...)
	}
	b.WriteString(" FROM documents WHERE collection = ?")
	args = append(args, c.String())
	for _, condition := range []expression{x.narrow(q.Filter), behind(q.Sort, keys, cursor)} {
		if condition.sql != "" {
			b.WriteString(" AND " + condition.sql)
			args = append(args, condition.args...)
		}
	}
	b.WriteString(" ORDER BY ")
	for i, o := range q.Sort {
		b.WriteString(keys[i].sql)
		args = append(args, keys[i].args...)
		if o.Down {
			b.WriteString(" DESC")
		}
		b.WriteString(", ")
	}
	b.WriteString("id LIMIT ?")
	return b.String(), append(args, store.MaxRead+1)
}

// sortKey returns the value of a field, as SQL compares it.
func (x indexes) sortKey(field string) expression {
	switch field {
	case "_id":
		return expression{sql: "id"}
	case "_version":
		return expression{sql: "version"}
	case "_info.author":
		return expression{sql: "nullif(author, '')"}
	case "_info.updater":
		return expression{sql: "nullif(updater, '')"}
	case "_info.createdAt":
		return expression{sql: "created"}
	case "_info.updatedAt":
		return expression{sql: "nullif(updated, 0)"}
	}
	return x.extract(strings.Split(field, ".")...)
}

// behind returns the condition that a row comes after the cursor: it differs first in one key, where it is behind, or
// in the id.
func behind(sort []store.Order, keys []expression, cursor *store.Cursor) expression {
	if cursor == nil {
		return expression{}
	}
	last := expression{sql: "id > ?", args: []any{cursor.ID}}
	for i := len(keys) - 1; i >= 0; i-- {
		k, v := keys[i], cursor.Values[i]
		same := all(expression{sql: k.sql + " IS ?", args: with(k.args, v)}, last)
		var beyond expression
		switch {
		case v == nil && sort[i].Down: // nothing is behind NULL
			last = same
			continue
		case v == nil:
			beyond = expression{sql: k.sql + " IS NOT NULL", args: k.args}
		case sort[i].Down:
			beyond = either(expression{sql: k.sql + " < ?", args: with(k.args, v)}, expression{sql: k.sql + " IS NULL", args: k.args})
		default:
			beyond = expression{sql: k.sql + " > ?", args: with(k.args, v)}
		}
		last = either(beyond, same)
	}
	return last
}

// reading makes a page of the rows.
type reading struct {
	collection   store.Collection
	query        *store.Query
	page         store.Page
	bytes        int
	values       []any // of the sort's keys, of the row that was read last
	nth          int   // rows that were read
	lastID, stop string
	more         bool // there is a match that the page does not have
}

func (r *reading) read(rows *sql.Rows) (store.Page, error) {
	for rows.Next() {
		if r.nth++; r.nth > store.MaxRead {
			return r.exhausted()
		}
		done, err := r.row(rows)
		if err != nil {
			return r.page, err
		}
		if done {
			break
		}
	}
	r.page.Complete, r.page.Counted = true, r.query.Count
	if r.more {
		r.page.Next = r.stop
	}
	return r.page, rows.Err()
}

// exhausted ends a page when as many rows were read as a search may.
func (r *reading) exhausted() (page store.Page, err error) {
	if r.page.Complete = r.full(); r.page.Complete {
		r.page.Next = r.stop
		return r.page, nil
	}
	r.page.Next, err = r.query.Encode(r.collection, r.values, r.lastID)
	return r.page, err
}

func (r *reading) full() bool {
	return len(r.page.Documents) >= r.query.Limit || r.bytes >= r.query.MaxBytes
}

// row takes one row, and reports whether the page is done.
func (r *reading) row(rows *sql.Rows) (done bool, err error) {
	values := make([]any, len(r.query.Sort))
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	found, err := record(rows.Scan, into...)
	if err != nil {
		return false, err
	}
	r.values, r.lastID = values, found.ID
	d := document(found)
	content, err := filter.Read(d.JSON)
	if err != nil || !r.query.Filter.Match(content) {
		return false, err
	}
	r.page.Total++
	if r.full() {
		r.more = true
		return !r.query.Count, nil
	}
	r.page.Documents = append(r.page.Documents, d)
	r.bytes += len(d.JSON)
	if r.full() {
		r.stop, err = r.query.Encode(r.collection, values, d.ID)
	}
	return false, err
}
