package sqlite

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"tidings/filter"
	"tidings/store"
	"tidings/store/storetest"
)

// plan returns how SQLite carries out a search, in its words.
func plan(t *testing.T, s *Store, q store.Query) string {
	t.Helper()
	cursor, err := q.Check(taxis)
	if err != nil {
		t.Fatal(err)
	}
	statement, args := s.indexes.selection(taxis, &q, cursor)
	rows, err := s.reader.QueryContext(context.Background(), "EXPLAIN QUERY PLAN "+statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var id, parent, unused int
		var line string
		if err := rows.Scan(&id, &parent, &unused, &line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "; ")
}

// EXPLAIN shows the index of a field for equality, lists of values, and a sort by it.
func TestAnIndexIsUsed(t *testing.T) {
	s := openAt(t, filepath.Join(storetest.Folder(t), "d.db"), func(c *Config) { c.Indexes = []string{"type", "driver.name", "seats"} })
	for _, tt := range []struct {
		name, filter string
		sort         []store.Order
		want         string // a part of the plan
		not          string // no part of it
	}{
		{name: "a text", filter: `{"equals":{"type":"taxi"}}`, want: `USING INDEX field $."type"`, not: "TEMP B-TREE"},
		{name: "a number", filter: `{"equals":{"seats":4}}`, want: `USING INDEX field $."seats"`},
		{name: "a truth value", filter: `{"equals":{"type":true}}`, want: `USING INDEX field $."type"`},
		{name: "a field of a field", filter: `{"equals":{"driver.name":"ann"}}`, want: `USING INDEX field $."driver"."name"`},
		{name: "a list", filter: `{"in":{"type":["taxi","bus"]}}`, want: `USING INDEX field $."type"`},
		{name: "a range in its order", filter: `{"range":{"seats":{"gte":4}}}`, sort: []store.Order{{Field: "seats"}}, want: `USING INDEX field $."seats"`, not: "TEMP B-TREE"},
		{name: "and", filter: `{"and":[{"equals":{"type":"taxi"}},{"equals":{"colour":"red"}}]}`, want: `USING INDEX field $."type"`},
		{name: "by its value", filter: `{}`, sort: []store.Order{{Field: "seats"}}, want: `USING INDEX field $."seats"`, not: "TEMP B-TREE"},
		{name: "another field", filter: `{"equals":{"colour":"red"}}`, want: "(collection=?)", not: "field $"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := filter.Parse([]byte(tt.filter))
			if err != nil {
				t.Fatal(err)
			}
			got := plan(t, s, store.Query{Filter: f, Sort: tt.sort})
			if !strings.Contains(got, tt.want) || tt.not != "" && strings.Contains(got, tt.not) {
				t.Errorf("%s\ngot  %s\nwant %s, and not %q", tt.filter, got, tt.want, tt.not)
			}
		})
	}
}

func TestIndexesAreThoseThatAreNamed(t *testing.T) {
	path := filepath.Join(storetest.Folder(t), "d.db")
	for _, fields := range [][]string{{"type", "a.b"}, nil, {"seats"}} {
		s := openAt(t, path, func(c *Config) { c.Indexes = fields })
		want := 0
		for _, field := range fields {
			want += len(indexed(field))
		}
		if names, err := s.indexNames(context.Background()); err != nil || len(names) != want {
			t.Errorf("%v makes %q: %v", fields, names, err)
		}
		if err := put(s, "a", `{"type":"taxi"}`); err != nil {
			t.Error(err)
		}
		s.Close()
	}
	for _, field := range []string{"", "_id", "a'b", `a"b`, "a.b.c", "a..b", "a b", "ä", "$", strings.Repeat("x", 65)} {
		if _, err := Open(Config{Path: path, Indexes: []string{field}}); err == nil || !strings.Contains(err.Error(), "can have no index") {
			t.Errorf("%q: %v", field, err)
		}
	}
}
