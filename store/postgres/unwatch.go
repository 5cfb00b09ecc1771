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
	// The triggers go with the function that they call.
	return a.transact(ctx, []string{lockSoon, "DROP SCHEMA tidings CASCADE"})
}

// unwatch returns the statements that leave nothing of it behind. A trigger can be dropped by the owner of its table
// alone, and be replaced by who may make it: so the triggers are made to call a function that goes then, and they with
// it.
func (w *Watched) unwatch() []string {
	list := []string{lockSoon}
	if w.Table != "" {
		list = append(list,
			"CREATE FUNCTION tidings.leaving() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
			"CREATE OR REPLACE TRIGGER tidings_row AFTER INSERT ON "+w.Table+" FOR EACH ROW EXECUTE FUNCTION tidings.leaving()",
			"CREATE OR REPLACE TRIGGER tidings_truncate AFTER TRUNCATE ON "+w.Table+" FOR EACH STATEMENT EXECUTE FUNCTION tidings.leaving()",
			"DROP FUNCTION tidings.leaving() CASCADE")
	}
	return append(list, fmt.Sprintf("DELETE FROM tidings.collections WHERE watched = %d", w.oid))
}
