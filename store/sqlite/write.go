package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	"tidings/core"
	"tidings/protocol"
	"tidings/store"
	"tidings/store/sqlstore"
)

// transaction is one commit that is under way.
type transaction struct {
	store   *Store
	ctx     context.Context
	now     time.Time
	next    uint64 // number of the next change
	mark    uint64
	changes int64 // that came, less those that went
	writes  uint64
}

func (t *transaction) exec(statement string, args ...any) error {
	s, err := t.store.statement(t.ctx, statement)
	if err == nil {
		_, err = s.ExecContext(t.ctx, args...)
	}
	return err
}

// write makes the operations of a request. A fault is of the request alone; an error ends the transaction.
func (t *transaction) write(w *store.Write) ([]store.Result, *protocol.Error, error) {
	if w.Key != "" {
		results, fault, err := t.remembered(w)
		if results != nil || fault != nil || err != nil {
			return results, fault, err
		}
	}
	results := make([]store.Result, len(w.Ops))
	done := 0
	for i, op := range w.Ops {
		result, err := t.operate(w, op)
		if err != nil {
			return nil, nil, err
		}
		if results[i] = result; result.Fault == nil {
			done++
		}
	}
	t.writes += uint64(done)
	if w.Key == "" || done == 0 {
		return results, nil, nil
	}
	return results, nil, t.remember(w, results)
}

func (t *transaction) operate(w *store.Write, op store.Op) (store.Result, error) {
	if op.Action.Whole() {
		return t.operateWhole(w, op)
	}
	c := w.Collection.String()
	before, err := t.find(c, op.ID)
	if err != nil {
		return store.Result{}, err
	}
	m := store.Moment{Number: t.next, Now: t.now, By: w.By}
	if op.ID == "" {
		m.ID = string(core.AppendID(nil, t.now, rand.Uint64(), rand.Uint64()))
	}
	a := store.Apply(op, before, m)
	if a.Result.Fault != nil {
		return a.Result, nil
	}
	if err := t.keep(c, a.Result.ID, before, a.After); err != nil {
		return store.Result{}, err
	}
	return a.Result, t.note(w, &a.Change)
}

// operateWhole makes an operation on a whole collection.
func (t *transaction) operateWhole(w *store.Write, op store.Op) (store.Result, error) {
	c := w.Collection.String()
	there := false
	const look = "SELECT EXISTS (SELECT 1 FROM documents WHERE collection = ?) OR EXISTS (SELECT 1 FROM collections WHERE name = ?)"
	if err := t.store.conn.QueryRowContext(t.ctx, look, c, c).Scan(&there); err != nil {
		return store.Result{}, err
	}
	a := store.ApplyWhole(op, there, store.Moment{Number: t.next, Now: t.now, By: w.By})
	if a.Result.Fault != nil {
		return a.Result, nil
	}
	listed := "INSERT OR IGNORE INTO collections VALUES (?)"
	if op.Action == store.Drop {
		listed = "DELETE FROM collections WHERE name = ?"
	}
	if err := t.exec(listed, c); err != nil || op.Action == store.Make {
		return a.Result, err
	}
	if err := t.exec("DELETE FROM documents WHERE collection = ?", c); err != nil {
		return store.Result{}, err
	}
	return a.Result, t.note(w, &a.Change)
}

// note keeps a change until it is published.
func (t *transaction) note(w *store.Write, ch *store.Change) error {
	t.next++
	if w.Silent {
		return nil
	}
	t.changes++
	return t.exec("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		ch.Number, w.Collection.Index, w.Collection.Name, ch.ID, string(ch.Event), ch.Before, ch.After, ch.Changed, w.Meta, w.Origin, t.now.UnixMilli())
}

// find returns the document, nil if there is none.
func (t *transaction) find(collection, id string) (*store.Record, error) {
	s, err := t.store.statement(t.ctx, "SELECT "+columns+" FROM documents WHERE collection = ? AND id = ?")
	if err != nil {
		return nil, err
	}
	r, err := record(s.QueryRowContext(t.ctx, collection, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return r, err
}

// keep writes the document as it is after an operation.
func (t *transaction) keep(collection, id string, before, after *store.Record) error {
	switch {
	case after == nil:
		return t.exec("DELETE FROM documents WHERE collection = ? AND id = ?", collection, id)
	case before == nil:
		return t.exec("INSERT INTO documents (collection, id, version, content, author, updater, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			collection, id, after.Version, string(after.Content), after.Author, after.Updater, after.Created, after.Updated)
	}
	return t.exec("UPDATE documents SET version = ?, content = ?, updater = ?, updated = ? WHERE collection = ? AND id = ?",
		after.Version, string(after.Content), after.Updater, after.Updated, collection, id)
}

// relayed forgets the changes that were published.
func (t *transaction) relayed(number uint64) error {
	if number <= t.mark {
		return nil
	}
	t.mark = number
	done, err := t.store.conn.ExecContext(t.ctx, "DELETE FROM changes WHERE number <= ?", number)
	if err != nil {
		return err
	}
	n, err := done.RowsAffected()
	t.changes -= n
	return err
}

// remembered returns what a request was answered that had the same key; all nil if there was none.
func (t *transaction) remembered(w *store.Write) (results []store.Result, fault *protocol.Error, err error) {
	var hash, raw []byte
	row := t.store.conn.QueryRowContext(t.ctx, "SELECT hash, result FROM keys WHERE principal = ? AND key = ? AND at > ?", w.Principal, w.Key, t.expired())
	switch err := row.Scan(&hash, &raw); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil, nil
	case err != nil:
		return nil, nil, err
	case !bytes.Equal(hash, w.Hash[:]):
		return nil, sqlstore.ErrKey, nil
	}
	return results, nil, json.Unmarshal(raw, &results)
}

// remember keeps the answer, and forgets some of those whose time is over.
func (t *transaction) remember(w *store.Write, results []store.Result) error {
	if len(results) > 1 {
		short := make([]store.Result, len(results))
		for i := range results {
			short[i] = results[i]
			short[i].Document = nil
		}
		results = short
	}
	raw, err := json.Marshal(results)
	if err != nil {
		return err
	}
	if err := t.exec("DELETE FROM keys WHERE rowid IN (SELECT rowid FROM keys WHERE at <= ? LIMIT 16)", t.expired()); err != nil {
		return err
	}
	return t.exec("INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?, ?)", w.Principal, w.Key, w.Hash[:], raw, t.now.UnixMilli())
}

// expired is when the keys were used that are forgotten now.
func (t *transaction) expired() int64 { return t.now.Add(-store.KeyMemory).UnixMilli() }
