package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"tidings/store"
)

// operateWhole makes an operation on a whole collection, whose lock the transaction has for itself.
func (t *transaction) operateWhole(w *store.Write, op store.Op, m store.Moment) store.Result {
	a := store.ApplyWhole(op, t.store.knownTable(w.Collection) != "", m)
	if a.Result.Fault != nil || op.Action == store.Make { // its table was made
		return a.Result
	}
	for at, r := range t.records {
		if at.collection == w.Collection {
			r.was, r.is = nil, nil
		}
	}
	t.emptied = append(t.emptied, w.Collection)
	if op.Action == store.Drop {
		t.dropped = append(t.dropped, w.Collection)
	}
	t.note(w, a.Change)
	return a.Result
}

// queueEmptied puts the statements into a batch that remove all documents. What the batch writes after them stays. A
// search that reads an older state may find the table empty: it has not seen the reset then, which comes.
func (t *transaction) queueEmptied(b *pgx.Batch) {
	if len(t.emptied) > 0 {
		b.Queue("SET LOCAL lock_timeout = '5s'")
	}
	for _, c := range t.emptied {
		b.Queue("TRUNCATE " + t.store.knownTable(c))
	}
}

// queueDropped puts the statements into a batch that remove the tables of dropped collections, but for those that the
// same commit has written again.
func (t *transaction) queueDropped(b *pgx.Batch) {
	for at, r := range t.records {
		if r.is != nil {
			t.dropped = slices.DeleteFunc(t.dropped, func(c store.Collection) bool { return c == at.collection })
		}
	}
	for _, c := range t.dropped {
		b.Queue("DROP TABLE IF EXISTS " + t.store.knownTable(c)) // one commit may drop it twice
		b.Queue("DELETE FROM tidings.collections WHERE space = $1 AND name = $2 AND documents IS NOT NULL", c.Index, c.Name)
	}
}

// forgetDropped forgets the tables of collections that were dropped.
func (s *Store) forgetDropped(list []store.Collection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range list {
		delete(s.tables, c)
	}
}

// lookTable looks for the table of a collection, and makes none. It fails if the collection is a watched table.
func (s *Store) lookTable(ctx context.Context, conn *pgx.Conn, c store.Collection) error {
	r, err := s.find(ctx, conn, c)
	if err == nil && r != nil && s.knownTable(c) == "" {
		return errWatched
	}
	return err
}
