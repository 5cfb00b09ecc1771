package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"tidings/protocol"
	"tidings/store"
)

// columns is what record scans.
const columns = "id, version, content, author, updater, created, updated"

func record(scan func(...any) error, more ...any) (*store.Record, error) {
	r := &store.Record{}
	err := scan(append([]any{&r.ID, &r.Version, &r.Content, &r.Author, &r.Updater, &r.Created, &r.Updated}, more...)...)
	return r, err
}

func document(r *store.Record) store.Document {
	return store.Document{ID: r.ID, Version: r.Version, JSON: r.JSON()}
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, c store.Collection, ids []string) (found []store.Document, err error) {
	if len(ids) > store.MaxOps {
		return nil, &protocol.Error{Code: protocol.CodeBadRequest, Reason: "more than 1000 documents are asked for", Hint: "Ask several times."}
	}
	err = s.snapshot(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, id := range ids {
			r, err := record(tx.QueryRowContext(ctx, "SELECT "+columns+" FROM documents WHERE collection = ? AND id = ?", c.String(), id).Scan)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			found = append(found, document(r))
		}
		return nil
	})
	return found, err
}

const nextCollection = `SELECT min(name) FROM (
	SELECT * FROM (SELECT collection AS name FROM documents WHERE collection > ? ORDER BY collection LIMIT 1)
	UNION ALL SELECT * FROM (SELECT name FROM collections WHERE name > ? ORDER BY name LIMIT 1))`

// Collections implements store.Lister. Each is one look into the index: the next name that is greater.
func (s *Store) Collections(ctx context.Context, after store.Collection, limit int) (list []store.Collection, err error) {
	name, next := after.String(), sql.NullString{}
	err = s.snapshot(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for len(list) < limit {
			err := tx.QueryRowContext(ctx, nextCollection, name, name).Scan(&next)
			if err != nil || !next.Valid {
				return err
			}
			name = next.String
			index, collection, _ := strings.Cut(name, "/")
			list = append(list, store.Collection{Index: index, Name: collection})
		}
		return nil
	})
	return list, err
}

// Changes implements store.Store.
func (s *Store) Changes(ctx context.Context, after uint64, limit int) (list []store.Change, err error) {
	err = s.snapshot(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT number, space, collection, id, event, before, after, changed, meta, origin, at FROM changes WHERE number > ? ORDER BY number LIMIT ?", after, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c store.Change
			if err := rows.Scan(&c.Number, &c.Collection.Index, &c.Collection.Name, &c.ID, &c.Event, &c.Before, &c.After, &c.Changed, &c.Meta, &c.Origin, &c.At); err != nil {
				return err
			}
			for _, part := range []*[]byte{&c.Before, &c.Changed, &c.Meta, &c.Origin} {
				if len(*part) == 0 {
					*part = nil
				}
			}
			list = append(list, c)
		}
		return rows.Err()
	})
	return list, err
}

// snapshot calls read with a transaction that sees one state of the store.
func (s *Store) snapshot(ctx context.Context, read func(context.Context, *sql.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, store.SearchTimeout)
	defer cancel()
	tx, err := s.reader.BeginTx(ctx, nil)
	if err == nil {
		defer tx.Rollback()
		err = read(ctx, tx)
	}
	if err != nil {
		return s.readFault(ctx, err)
	}
	return nil
}
