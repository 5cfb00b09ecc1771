package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"tidings/protocol"
	"tidings/store"
	"tidings/store/sqlstore"
)

// relation is what a collection's documents are read from.
type relation struct {
	from sqlstore.Expression // with the columns that scan reads, and content
	key  string              // of a watched table, the condition on its key of one column that idType is of; "" otherwise
	kind string              // the type of that column
}

// find returns what has a collection's documents, nil if there is nothing.
func (s *Store) find(ctx context.Context, q querier, c store.Collection) (*relation, error) {
	if table := s.knownTable(c); table != "" {
		return &relation{from: sqlstore.Expression{SQL: table}}, nil
	}
	var own, schema, table, kind *string
	var key, columns []string
	err := q.QueryRow(ctx, `SELECT documents, nspname, relname, key, columns,
			(SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = watched AND attname = key[1] AND cardinality(key) = 1)
		FROM tidings.collections LEFT JOIN pg_class ON pg_class.oid = watched LEFT JOIN pg_namespace ON pg_namespace.oid = relnamespace
		WHERE space = $1 AND name = $2`, c.Index, c.Name).Scan(&own, &schema, &table, &key, &columns, &kind)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	case own != nil:
		return &relation{from: sqlstore.Expression{SQL: s.remember(c, *own)}}, nil
	case table == nil: // it was dropped
		return nil, nil
	}
	r := &relation{from: sqlstore.Expression{
		SQL: `(SELECT tidings.id(line, ` + "\x00::text[]" + `) COLLATE "C" AS id, 0::bigint AS version, content::text AS source, '' AS author, '' AS updater, 0::bigint AS created, 0::bigint AS updated, content
			FROM (SELECT to_jsonb(t) AS line, tidings.document(to_jsonb(t), ` + "\x00::text[], \x00::text[]) AS content FROM " + quoted(*schema, *table) + " AS t WHERE true) AS lines) AS documents",
		Args: []any{key, key, columns},
	}}
	if kind != nil {
		r.key, r.kind = "t."+quoted(key[0]), *kind
	}
	return r, nil
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// among returns the relation with the rows of ids alone, found by the table's own index if that can be said.
func (r *relation) among(ids []string) sqlstore.Expression {
	var condition string
	var arg any
	switch r.kind {
	case "smallint", "integer", "bigint":
		numbers := []int64{}
		for _, id := range ids {
			if n, err := strconv.ParseInt(id, 10, 64); err == nil {
				numbers = append(numbers, n)
			}
		}
		condition, arg = " = ANY(\x00::bigint[])", numbers
	case "text", "character varying":
		condition, arg = " = ANY(\x00::text[])", ids
	case "uuid":
		known := []string{}
		for _, id := range ids {
			if uuid.MatchString(id) {
				known = append(known, id)
			}
		}
		condition, arg = " = ANY(\x00::text[]::uuid[])", known
	default:
		return r.from
	}
	at := strings.LastIndex(r.from.SQL, "WHERE true")
	return sqlstore.Expression{SQL: r.from.SQL[:at] + "WHERE " + r.key + condition + r.from.SQL[at+len("WHERE true"):], Args: append(slices.Clone(r.from.Args), arg)}
}

// document returns a row as everybody sees it. One of a watched table has no version.
func document(r *store.Record) store.Document {
	if r.Version == 0 {
		return store.Document{ID: r.ID, JSON: fitting(r.ID, r.Content)}
	}
	return store.Document{ID: r.ID, Version: r.Version, JSON: r.JSON()}
}

// fitting returns a row of a watched table as a message can have it: without its content if it is too large, or too
// deep.
func fitting(id string, row []byte) []byte {
	if compact, err := protocol.CompactJSON(row); err == nil {
		return compact
	}
	name, _ := json.Marshal(id)
	return []byte(`{"_id":` + string(name) + `,"truncated":true}`)
}

// fit makes a change that a trigger has noted what a message can have.
func fit(c *store.Change) {
	if c.Event == store.Reset || bytes.HasPrefix(c.After, []byte(`{"_id":"`)) {
		return // jsonb's text has spaces
	}
	c.After = fitting(c.ID, c.After)
	if c.Before == nil {
		return
	}
	before, err := protocol.CompactJSON(c.Before)
	if err != nil {
		before = nil
	}
	c.Before, c.Changed = before, store.ChangedPaths(before, c.After)
}
