package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"tidings/filter"
	"tidings/internal/testpostgres"
	"tidings/store"
	"tidings/store/sqlstore"
)

// Equality is found by the index of the collection, at both places where "a.b" can be, and beside what no index knows.
func TestEqualityUsesTheIndex(t *testing.T) {
	s := openAt(t, testpostgres.Database(t))
	for from := 0; from < 5000; from += 500 {
		ops := make([]store.Op, 500)
		for i := range ops {
			ops[i] = store.Op{Action: store.Put, ID: fmt.Sprint(from + i), Content: fmt.Appendf(nil, `{"n":%d,"driver":{"name":"d%d"}}`, from+i, from+i)}
		}
		if _, err := s.Write(context.Background(), store.Write{Collection: taxis, Ops: ops, Silent: true}); err != nil {
			t.Fatal(err)
		}
	}
	conn := connect(t, s.cfg.URL)
	sqlExec(t, conn, `VACUUM ANALYZE tidings."city/taxis"`)
	for raw, index := range map[string]bool{
		`{"equals":{"n":77}}`:                                                          true,
		`{"equals":{"driver.name":"d77"}}`:                                             true,
		`{"and":[{"equals":{"n":77}},{"regexp":{"driver.name":"7$"}}]}`:                true,
		`{"in":{"n":[1,2,77]}}`:                                                        true,
		`{"or":[{"equals":{"n":77}},{"regexp":{"driver.name":"^d77$"}}]}`:              false,
		`{"and":[{"equals":{"driver.name":"d77"}},{"range":{"n":{"gt":5,"lt":100}}}]}`: true,
	} {
		f, err := filter.Parse([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		q := store.Query{Filter: f}
		statement, args := numbered(selection(&relation{from: sqlstore.Expression{SQL: s.knownTable(taxis)}}, &q, nil, nil))
		rows, err := conn.Query(context.Background(), "EXPLAIN "+statement, args...)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, line)
		}
		text := strings.Join(plan, "\n")
		if got := strings.Contains(text, "Bitmap Index Scan on \"city/taxis_content_idx\""); got != index {
			t.Errorf("%s: uses the index %v, want %v:\n%s", raw, got, index, text)
		}
		page, err := s.Search(context.Background(), taxis, q)
		if err != nil || len(page.Documents) == 0 || page.Documents[len(page.Documents)-1].ID != "77" {
			t.Errorf("%s finds %d documents: %v", raw, len(page.Documents), err)
		}
	}
}
