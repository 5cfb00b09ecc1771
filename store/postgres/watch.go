package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"tidings/store"
)

// Watch asks for the changes of a table that others write.
type Watch struct {
	Table    string   // as SQL names it, such as public.orders or "Order"
	As       string   // index/collection; "": the names of its schema and of the table
	Columns  []string // of its documents; nil: all
	NoNotify bool     // wake nobody: changes are seen within 250 ms, and commits do not wait for each other's NOTIFY
}

// Plan is what Apply does to a table.
type Plan struct {
	Table      string // quoted, with its schema
	Collection store.Collection
	Key        []string // columns of the primary key, of which the id is made
	Columns    []string // that documents have
	Left       []string // that they do not have
	Suspicious []string // of Columns, those whose names are such as secrets have
	Statements []string // in one transaction

	oid uint32
}

// Admin is a connection that manages what is watched. It makes the schema if it is missing.
type Admin struct {
	conn  *pgx.Conn
	store *Store
}

// Connect opens an Admin.
func Connect(ctx context.Context, cfg Config) (*Admin, error) {
	s := newStore(cfg)
	conn, err := s.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", hidden(err))
	}
	return &Admin{conn, s}, nil
}

// Close closes the connection.
func (a *Admin) Close() { a.conn.Close(context.Background()) }

// Plan looks at the table and returns what watching it would do. It fails for a table without a primary key, for a
// view, and if the collection is another table's or has documents of its own.
func (a *Admin) Plan(ctx context.Context, w Watch) (*Plan, error) {
	p, err := a.find(ctx, w.Table)
	if err != nil {
		return nil, err
	}
	if err := a.columns(ctx, p, w.Columns); err != nil {
		return nil, err
	}
	name := w.As
	if name == "" {
		var schema, table string
		if err := a.conn.QueryRow(ctx, "SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE pg_class.oid = $1", p.oid).Scan(&schema, &table); err != nil {
			return nil, err
		}
		name = schema + "/" + table
	}
	index, collection, _ := strings.Cut(name, "/")
	if p.Collection, err = store.ParseCollection(index, collection); err != nil {
		return nil, fmt.Errorf("%q is no name of a collection: give --as index/collection, each of a-z, 0-9, -, _ and .", name)
	}
	if err := a.isFree(ctx, p); err != nil {
		return nil, err
	}
	p.Statements = p.statements(!w.NoNotify)
	return p, nil
}

// find returns a plan with the table and its key.
func (a *Admin) find(ctx context.Context, table string) (*Plan, error) {
	p := &Plan{}
	var kind, persistence string
	err := a.conn.QueryRow(ctx, `SELECT c.oid, quote_ident(nspname) || '.' || quote_ident(relname), relkind::text, relpersistence::text,
			coalesce((SELECT array_agg(attname::text ORDER BY n) FROM pg_index, unnest(indkey::int2[]) WITH ORDINALITY AS k (number, n) JOIN pg_attribute ON attnum = number
				WHERE indrelid = c.oid AND attrelid = c.oid AND indisprimary), '{}')
		FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
		WHERE c.oid = coalesce(to_regclass($1), to_regclass($2))`, table, inPublic(table)).Scan(&p.oid, &p.Table, &kind, &persistence, &p.Key)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, fmt.Errorf("there is no table %s here: name it with its schema, as SQL does (sales.orders, or sales.\"Order\")", table)
	case stateOf(err) == "42602" || stateOf(err) == "42601":
		return nil, fmt.Errorf("%s is no name of a table: write it as SQL does (sales.orders, or sales.\"Order\")", table)
	case err != nil:
		return nil, err
	case kind != "r" && kind != "p":
		return nil, fmt.Errorf("%s is no table: what a view shows changes with its tables, so watch these", p.Table)
	case persistence == "t":
		return nil, fmt.Errorf("%s is a temporary table, which nobody else can read", p.Table)
	case strings.HasPrefix(p.Table, "tidings."):
		return nil, fmt.Errorf("%s is a table of Tidings: the changes of its documents are published already", p.Table)
	case len(p.Key) == 0:
		return nil, fmt.Errorf("%s has no primary key, and a document needs an id: add one", p.Table)
	}
	return p, nil
}

// inPublic returns a name of a table that has no schema with the schema that is the usual one.
func inPublic(table string) string {
	if strings.Contains(table, ".") {
		return table
	}
	return "public." + table
}

// secrets are parts of the names that columns with secrets have.
var secrets = []string{"password", "passwd", "pwd", "secret", "token", "hash", "salt", "api_key", "apikey", "private", "credential", "ssn", "iban", "card", "cvv", "pin", "otp"}

// columns chooses those of the documents.
func (a *Admin) columns(ctx context.Context, p *Plan, wanted []string) error {
	rows, err := a.conn.Query(ctx, "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum", p.oid)
	if err != nil {
		return err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var name, kind string
		if err := rows.Scan(&name, &kind); err != nil {
			return err
		}
		if kind == "json" || kind == "json[]" {
			return fmt.Errorf("column %s is of type json, which can hold what documents cannot, and the trigger would fail for it: make it jsonb (ALTER TABLE %s ALTER %s TYPE jsonb)", quoted(name), p.Table, quoted(name))
		}
		all = append(all, name)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, name := range wanted {
		if !slices.Contains(all, name) {
			return fmt.Errorf("%s has no column %s; it has %s", p.Table, name, strings.Join(all, ", "))
		}
	}
	for _, name := range all {
		switch {
		case len(wanted) > 0 && !slices.Contains(wanted, name), name == "_id", name == "_version", name == "_info":
			p.Left = append(p.Left, name)
			continue
		case slices.ContainsFunc(secrets, func(part string) bool { return strings.Contains(strings.ToLower(name), part) }):
			p.Suspicious = append(p.Suspicious, name)
		}
		p.Columns = append(p.Columns, name)
	}
	return nil
}

// isFree refuses a collection that is something else already.
func (a *Admin) isFree(ctx context.Context, p *Plan) error {
	var watched uint32
	err := a.conn.QueryRow(ctx, "SELECT coalesce(watched, 0) FROM tidings.collections WHERE space = $1 AND name = $2", p.Collection.Index, p.Collection.Name).Scan(&watched)
	switch {
	case err == nil && watched == 0:
		return fmt.Errorf("the collection %s has documents of its own: choose another name with --as", p.Collection)
	case err == nil && watched != p.oid:
		return fmt.Errorf("the collection %s is another table: choose another name with --as, or unwatch that table", p.Collection)
	case err != nil && !errors.Is(err, pgx.ErrNoRows):
		return err
	}
	return nil
}

// lockSoon bounds how long a table's writers may wait behind a statement that waits for the table.
const lockSoon = "SET LOCAL lock_timeout = '5s'"

// statements returns what is done. A table that is watched already is so in the new way from then on.
func (p *Plan) statements(notify bool) []string {
	args := strings.Join([]string{text(p.Collection.Index).literal(), text(p.Collection.Name).literal(), literals(p.Key), literals(p.Columns), fmt.Sprintf("'%t'", notify)}, ", ")
	return []string{
		lockSoon,
		"CREATE OR REPLACE TRIGGER tidings_row AFTER INSERT OR UPDATE OR DELETE ON " + p.Table + " FOR EACH ROW EXECUTE FUNCTION tidings.changed(" + args + ")",
		"CREATE OR REPLACE TRIGGER tidings_truncate AFTER TRUNCATE ON " + p.Table + " FOR EACH STATEMENT EXECUTE FUNCTION tidings.changed(" + args + ")",
		fmt.Sprintf("DELETE FROM tidings.collections WHERE watched = %d", p.oid),
		fmt.Sprintf("INSERT INTO tidings.collections (space, name, watched, key, columns) VALUES (%s, %s, %d, %s, %s)", text(p.Collection.Index).literal(), text(p.Collection.Name).literal(), p.oid, literals(p.Key), literals(p.Columns)),
		fmt.Sprintf("SELECT tidings.note(%s, %s, 'reset', NULL, '{}')", text(p.Collection.Index).literal(), text(p.Collection.Name).literal()),
	}
}

// literal returns a literal of SQL.
func (t text) literal() string {
	s := strings.ReplaceAll(string(t), "'", "''")
	if strings.Contains(s, `\`) {
		return " E'" + strings.ReplaceAll(s, `\`, `\\`) + "'"
	}
	return "'" + s + "'"
}

// literals returns a literal of an array of texts.
func literals(list []string) string {
	parts := make([]string, len(list))
	for i, s := range list {
		parts[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	return text("{" + strings.Join(parts, ",") + "}").literal()
}

// Apply does what a plan says.
func (a *Admin) Apply(ctx context.Context, p *Plan) error {
	err := a.transact(ctx, p.Statements)
	switch stateOf(err) {
	case "42501":
		return fmt.Errorf("the role may not do that: the owner of the table has to say GRANT SELECT, TRIGGER ON %s TO it: %w", p.Table, hidden(err))
	case codeLockTimeout:
		return fmt.Errorf("the table is locked by others for more than 5 s, and a new trigger needs it for a moment: try again when less is going on")
	}
	return err
}

func (a *Admin) transact(ctx context.Context, statements []string) error {
	tx, err := a.conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return err
	}
	defer tx.Rollback(context.Background())
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}
