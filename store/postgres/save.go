package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"tidings/store"
)

// save writes what the operations made and commits.
func (t *transaction) save(ctx context.Context) error {
	b := &pgx.Batch{}
	t.queueEmptied(b)
	if err := t.queueRecords(b); err != nil {
		return err
	}
	t.queueDropped(b)
	t.queueChanges(b)
	t.queueKeys(b)
	if len(t.changes) > 0 && !t.store.leads.Load() {
		b.Queue("SELECT pg_notify('tidings', '')")
	}
	if err := t.store.step("saving"); err != nil {
		return err
	}
	b.Queue("COMMIT")
	t.sent = true
	results := t.conn.SendBatch(ctx, b)
	var tag string
	for range b.Len() {
		done, err := results.Exec()
		if err != nil {
			results.Close()
			return err
		}
		tag = done.String()
	}
	if err := results.Close(); err != nil {
		return err
	}
	if tag != "COMMIT" {
		return errors.New("the database has rolled a transaction back instead of committing it")
	}
	return nil
}

// queueEmptied puts the statements into a batch that remove all documents. What the batch writes after them stays. A
// search that reads an older state may find the table empty: it has not seen the reset then, which comes.
func (t *transaction) queueEmptied(b *pgx.Batch) {
	if len(t.emptied) > 0 {
		b.Queue(lockSoon)
	}
	for _, c := range t.emptied {
		b.Queue("TRUNCATE " + t.table(c))
	}
}

// queueDropped puts the statements into a batch that remove the tables of dropped collections, but for those that the
// same commit has written again.
func (t *transaction) queueDropped(b *pgx.Batch) {
	for at, r := range t.records {
		if r.is != nil {
			t.dropped = slices.DeleteFunc(t.dropped, func(c store.Collection) bool { return c == at.collection })
		}
	}
	for _, c := range t.dropped {
		b.Queue("DROP TABLE IF EXISTS " + t.table(c)) // one commit may drop it twice
		b.Queue("DELETE FROM tidings.collections WHERE space = $1 AND name = $2 AND documents IS NOT NULL", c.Index, c.Name)
	}
}

// queueRecords puts the statements into a batch that write the documents.
func (t *transaction) queueRecords(b *pgx.Batch) error {
	removed, rows := map[store.Collection][]string{}, map[store.Collection]*written{}
	for _, at := range t.order {
		r := t.records[at]
		switch {
		case r.is == r.was:
		case r.is == nil:
			removed[at.collection] = append(removed[at.collection], at.id)
		default:
			w := rows[at.collection]
			if w == nil {
				w = &written{}
				rows[at.collection] = w
			}
			if err := w.add(r.is); err != nil {
				return err
			}
		}
	}
	for c, ids := range removed {
		b.Queue("DELETE FROM "+t.table(c)+" WHERE id = ANY($1)", ids)
	}
	for c, w := range rows {
		w.queue(b, t.table(c))
	}
	return nil
}

// written is the rows of one statement, column by column.
type written struct {
	ids, sources, authors, updaters, contents []string
	versions, created, updated                []int64
}

func (w *written) add(r *store.Record) error {
	content, err := searchable(r.Content)
	if err != nil {
		return fmt.Errorf("content of document %q: %w", r.ID, err)
	}
	w.ids, w.sources, w.contents = append(w.ids, r.ID), append(w.sources, string(r.Content)), append(w.contents, string(content))
	w.authors, w.updaters = append(w.authors, r.Author), append(w.updaters, r.Updater)
	w.versions, w.created, w.updated = append(w.versions, int64(r.Version)), append(w.created, r.Created), append(w.updated, r.Updated)
	return nil
}

// queue puts the statement into a batch that writes the rows. A single row is no array: that takes the server half as
// long.
func (w *written) queue(b *pgx.Batch, table string) {
	into := "INSERT INTO " + table + " (" + columns + ", content) "
	const replace = " ON CONFLICT (id) DO UPDATE SET version = excluded.version, source = excluded.source, updater = excluded.updater, updated = excluded.updated, content = excluded.content, author = excluded.author, created = excluded.created"
	if len(w.ids) == 1 {
		b.Queue(into+"VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"+replace, w.ids[0], w.versions[0], w.sources[0], w.authors[0], w.updaters[0], w.created[0], w.updated[0], w.contents[0])
		return
	}
	b.Queue(into+"SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::jsonb[])"+replace,
		w.ids, w.versions, w.sources, w.authors, w.updaters, w.created, w.updated, w.contents)
}

// queueChanges puts the statement into a batch that writes the changes.
func (t *transaction) queueChanges(b *pgx.Batch) {
	const into = "INSERT INTO tidings.changes (txn, at, number, space, collection, id, event, before, after, changed, meta, origin) "
	at, n := t.now.UnixMilli(), len(t.changes)
	switch n {
	case 0:
		return
	case 1:
		c := t.changes[0]
		b.Queue(into+"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)", t.txn, at, int64(c.Number), c.Collection.Index, c.Collection.Name, c.ID, string(c.Event),
			nullable(c.Before), string(c.After), nullable(c.Changed), c.meta, c.origin)
		return
	}
	numbers, spaces, names, ids, events, afters := make([]int64, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	befores, changed, metas, origins := make([]*string, n), make([]*string, n), make([][]byte, n), make([][]byte, n)
	for i, c := range t.changes {
		numbers[i], spaces[i], names[i], ids[i], events[i], afters[i] = int64(c.Number), c.Collection.Index, c.Collection.Name, c.ID, string(c.Event), string(c.After)
		befores[i], changed[i], metas[i], origins[i] = nullable(c.Before), nullable(c.Changed), c.meta, c.origin
	}
	b.Queue(into+`SELECT $1, $2, * FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bytea[], $12::bytea[])`,
		t.txn, at, numbers, spaces, names, ids, events, befores, afters, changed, metas, origins)
}

func nullable(text []byte) *string {
	if len(text) == 0 {
		return nil
	}
	s := string(text)
	return &s
}

// queueKeys puts the statements into a batch that keep the answers, and forget some of those whose time is over.
func (t *transaction) queueKeys(b *pgx.Batch) {
	if len(t.kept) == 0 {
		return
	}
	b.Queue("DELETE FROM tidings.keys WHERE (principal, key) IN (SELECT principal, key FROM tidings.keys WHERE at <= $1 ORDER BY at LIMIT 16 FOR UPDATE SKIP LOCKED)", t.expired())
	for _, k := range t.kept {
		b.Queue("INSERT INTO tidings.keys (principal, key, hash, result, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (principal, key) DO UPDATE SET hash = excluded.hash, result = excluded.result, at = excluded.at",
			[]byte(k.principal), []byte(k.key), k.hash, k.results, t.now.UnixMilli())
	}
}
