package sqlite

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"tidings/store/sqlstore"
)

// MaxIndexes bounds Config.Indexes.
const MaxIndexes = 16

// indexes are the JSON paths of which there is an index.
type indexes map[string]bool

// indexPrefix begins the names of the indexes of fields.
const indexPrefix = "field "

// goodIndex matches what may be named: nothing of it means anything to SQL or in a JSON path.
var goodIndex = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64})?$`)

// CheckIndexes refuses fields that can have no index.
func CheckIndexes(fields []string) error {
	if len(fields) > MaxIndexes {
		return fmt.Errorf("%d fields, at most %d", len(fields), MaxIndexes)
	}
	for _, field := range fields {
		if !goodIndex.MatchString(field) || field[0] == '_' {
			return fmt.Errorf(`%q can have no index: name a field of documents of one or two names, such as "driver.name", of letters, digits, "_" and "-", and not with "_" at the start`, field)
		}
	}
	return nil
}

// indexed returns the paths of a field, as a filter looks for it: "a.b" is a member of that name, or one of a member.
func indexed(field string) []string {
	whole := jsonPath([]string{field})
	if names := strings.Split(field, "."); len(names) > 1 {
		return []string{whole, jsonPath(names)}
	}
	return []string{whole}
}

// makeIndexes makes the indexes that the configuration names, and drops the others.
func (s *Store) makeIndexes(ctx context.Context) (indexes, error) {
	if err := CheckIndexes(s.cfg.Indexes); err != nil {
		return nil, err
	}
	wanted := indexes{}
	for _, field := range s.cfg.Indexes {
		for _, path := range indexed(field) {
			wanted[path] = true
		}
	}
	there, err := s.indexNames(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range there {
		if path := strings.TrimPrefix(name, indexPrefix); !wanted[path] {
			s.cfg.Log.Info("an index of documents is dropped", "path", path)
			if _, err := s.conn.ExecContext(ctx, "DROP INDEX "+quoted(name)); err != nil {
				return nil, err
			}
		}
	}
	for path := range wanted {
		// The id stands last, so that what is found is in the order of the ids.
		if _, err := s.conn.ExecContext(ctx, "CREATE INDEX IF NOT EXISTS "+quoted(indexPrefix+path)+" ON documents (collection, "+wanted.value(path).SQL+", id)"); err != nil {
			return nil, err
		}
	}
	return wanted, s.expect(ctx, wanted)
}

// expect sets how many documents SQLite expects where: many in a collection, and few that have one value in a field
// with an index. Left alone it takes each collection for small, and would rather read it than two places of an index.
// ANALYZE of a small table makes the one for such numbers.
func (s *Store) expect(ctx context.Context, wanted indexes) error {
	if len(wanted) == 0 {
		_, err := s.conn.ExecContext(ctx, "ANALYZE state; DELETE FROM sqlite_stat1; ANALYZE sqlite_schema")
		return err
	}
	if _, err := s.conn.ExecContext(ctx, "ANALYZE state; DELETE FROM sqlite_stat1; INSERT INTO sqlite_stat1 VALUES ('documents', 'sqlite_autoindex_documents_1', '1000000 100000 1')"); err != nil {
		return err
	}
	for path := range wanted {
		if _, err := s.conn.ExecContext(ctx, "INSERT INTO sqlite_stat1 VALUES ('documents', ?, '1000000 100000 100 1')", indexPrefix+path); err != nil {
			return err
		}
	}
	_, err := s.conn.ExecContext(ctx, "ANALYZE sqlite_schema")
	return err
}

func (s *Store) indexNames(ctx context.Context) (names []string, err error) {
	rows, err := s.conn.QueryContext(ctx, "SELECT name FROM sqlite_schema WHERE type = 'index' AND substr(name, 1, ?) = ?", len(indexPrefix), indexPrefix)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// quoted returns a name of SQL.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// value returns the value at a path, NULL if it is not there. SQLite finds an index by its very expression, so that an
// indexed path stands in the statement; CheckIndexes has seen it. Any other is bound.
func (x indexes) value(path string) sqlstore.Expression {
	if x[path] {
		return sqlstore.Expression{SQL: "json_extract(content, '" + path + "')"}
	}
	return sqlstore.Expression{SQL: "json_extract(content, ?)", Args: []any{path}}
}

// number returns the value at a path for a comparison with numbers. An index has it as it is: texts are then greater
// than each number, and the filter leaves them out.
func (x indexes) number(path string) sqlstore.Expression {
	e := x.value(path)
	if !x[path] {
		e.SQL = "CAST(" + e.SQL + " AS REAL)"
	}
	return e
}
