package sqlite

import "tidings/store"

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
