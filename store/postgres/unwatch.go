package postgres

import (
	"context"
	"fmt"

	"tidings/protocol"
)

// Unwatch removes the triggers from a table, and its collection. The table may have been dropped: then it is named by
// its collection.
func (a *Admin) Unwatch(ctx context.Context, table string) error {
	list, err := a.Watched(ctx)
	if err != nil {
		return err
	}
	var oid uint32
	if err := a.conn.QueryRow(ctx, "SELECT coalesce(to_regclass($1), to_regclass($2), 0)::oid", table, inPublic(table)).Scan(&oid); err != nil && stateOf(err) != "42602" && stateOf(err) != "42601" {
		return err
	}
	for _, w := range list {
		if w.Collection.String() == table || oid != 0 && w.oid == oid {
			return a.transact(ctx, w.unwatch())
		}
	}
	return &protocol.Error{Code: protocol.CodeNotFound, Reason: table + " is not watched", Hint: "tidings pg status lists the tables that are."}
}

// Remove removes all triggers and the schema. With documents in it, it needs to be told so.
func (a *Admin) Remove(ctx context.Context, documents bool) error {
	var own int
	if err := a.conn.QueryRow(ctx, "SELECT count(*) FROM tidings.collections WHERE documents IS NOT NULL").Scan(&own); err != nil {
		return err
	}
	if own > 0 && !documents {
		return fmt.Errorf("there are %d collections of documents, which would be gone: add --with-documents", own)
	}
	list, err := a.Watched(ctx)
	if err != nil {
		return err
	}
	var statements []string
	for _, w := range list {
		statements = append(statements, w.unwatch()...)
	}
	return a.transact(ctx, append(statements, "DROP SCHEMA tidings CASCADE"))
}

// unwatch returns the statements that leave nothing of it behind.
func (w *Watched) unwatch() []string {
	list := []string{"SET LOCAL lock_timeout = '5s'"}
	if w.Table != "" {
		list = append(list, "DROP TRIGGER IF EXISTS tidings_row ON "+w.Table, "DROP TRIGGER IF EXISTS tidings_truncate ON "+w.Table)
	}
	return append(list, fmt.Sprintf("DELETE FROM tidings.collections WHERE watched = %d", w.oid))
}
