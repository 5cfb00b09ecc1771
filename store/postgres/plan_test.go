package postgres

import (
	"context"
	"strings"
	"testing"

	"tidings/internal/testpostgres"
)

// What writers do is planned while a collection is empty, and not again when it has grown: so the plan may not be to
// read all of it.
func TestWritersNeverReadTheWholeCollection(t *testing.T) {
	s := openAt(t, testpostgres.Database(t))
	if err := put(s, "first", `{}`); err != nil {
		t.Fatal(err)
	}
	w := &writer{store: s}
	if err := w.connect(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer w.drop()
	sqlExec(t, w.conn, "PREPARE load (text[]) AS SELECT "+columns+" FROM "+s.knownTable(taxis)+" WHERE id = ANY($1)")
	rows, err := w.conn.Query(context.Background(), "EXPLAIN EXECUTE load ('{first}')")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, line)
	}
	if text := strings.Join(plan, "\n"); rows.Err() != nil || !strings.Contains(text, "city/taxis_pkey") || strings.Contains(text, "Seq Scan") {
		t.Errorf("a writer reads a document by\n%s\n%v", text, rows.Err())
	}
}
