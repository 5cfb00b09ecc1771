package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"tidings/protocol"
	"tidings/store"
	"tidings/store/sqlstore"
)

// transaction is one commit that is under way. It asks the database twice: for locks, documents and numbers, and to
// write all that came of them.
type transaction struct {
	store *Store
	conn  *pgx.Conn
	now   time.Time
	txn   int64
	sent  bool // COMMIT was sent

	numbers []uint64
	records map[spot]*record
	order   []spot
	known   map[requestKey]kept
	changes []change
	emptied []store.Collection
	dropped []store.Collection // of those that were emptied
	kept    []kept
	writes  uint64
}

// spot is where a document is.
type spot struct {
	collection store.Collection
	id         string
}

// record is a document as it was, and as it is after the operations that were made until now; nil: there is none.
type record struct{ was, is *store.Record }

type change struct {
	store.Change
	meta, origin []byte
}

type requestKey struct{ principal, key string }

// kept is the answer to a request that had a key.
type kept struct {
	requestKey
	hash, results []byte
}

// run makes the operations of all requests and commits.
func (t *transaction) run(ctx context.Context, group []*sqlstore.Request) error {
	var alive []*sqlstore.Request
	for _, p := range group {
		if p.Results, p.Fault = nil, nil; p.Ctx.Err() != nil {
			p.Fault = sqlstore.ErrCommit
			continue
		}
		alive = append(alive, p)
	}
	if err := t.load(ctx, alive); err != nil {
		return err
	}
	for _, p := range alive {
		var err error
		if p.Results, p.Fault, err = t.write(p.Write); err != nil {
			return err
		}
	}
	if err := t.store.step("loaded"); err != nil {
		return err
	}
	return t.save(ctx)
}

// load begins the transaction and reads what its requests need.
func (t *transaction) load(ctx context.Context, group []*sqlstore.Request) error {
	ids, keys, ops := map[store.Collection][]string{}, [2][][]byte{}, 0
	for _, p := range group {
		c := p.Write.Collection
		for _, op := range p.Write.Ops {
			ops++
			at := spot{c, op.ID}
			if _, ok := t.records[at]; !ok && store.CheckID(op.ID) == nil {
				t.records[at] = &record{}
				t.order = append(t.order, at)
				ids[c] = append(ids[c], op.ID)
			}
		}
		if p.Write.Key != "" {
			keys[0], keys[1] = append(keys[0], []byte(p.Write.Principal)), append(keys[1], []byte(p.Write.Key))
		}
	}
	b := &pgx.Batch{}
	b.Queue("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
	queueLocks(b, locks(group), ops).Query(t.readNumbers)
	if len(keys[0]) > 0 {
		b.Queue("SELECT principal, key, hash, result FROM tidings.keys JOIN unnest($1::bytea[], $2::bytea[]) AS asked (principal, key) USING (principal, key) WHERE at > $3", keys[0], keys[1], t.expired()).Query(t.readKeys)
	}
	for c, list := range ids {
		b.Queue("SELECT "+columns+" FROM "+t.table(c)+" WHERE id = ANY($1)", list).Query(func(rows pgx.Rows) error { return t.readRecords(c, rows) })
	}
	return t.conn.SendBatch(ctx, b).Close()
}

func (t *transaction) readNumbers(rows pgx.Rows) error {
	for rows.Next() {
		var number uint64
		if err := rows.Scan(&t.txn, &number); err != nil {
			return err
		}
		t.numbers = append(t.numbers, number)
	}
	return rows.Err()
}

func (t *transaction) readRecords(c store.Collection, rows pgx.Rows) error {
	for rows.Next() {
		r, err := scan(rows.Scan)
		if err != nil {
			return err
		}
		at := t.records[spot{c, r.ID}]
		at.was, at.is = r, r
	}
	return rows.Err()
}

func (t *transaction) readKeys(rows pgx.Rows) error {
	t.known = map[requestKey]kept{}
	for rows.Next() {
		var principal, key []byte
		var k kept
		if err := rows.Scan(&principal, &key, &k.hash, &k.results); err != nil {
			return err
		}
		t.known[requestKey{string(principal), string(key)}] = k
	}
	return rows.Err()
}

// write makes the operations of a request. A fault is of the request alone; an error ends the transaction.
func (t *transaction) write(w *store.Write) (results []store.Result, fault *protocol.Error, err error) {
	key := requestKey{w.Principal, w.Key}
	if k, ok := t.known[key]; ok && w.Key != "" {
		if !bytes.Equal(k.hash, w.Hash[:]) {
			return nil, sqlstore.ErrKey, nil
		}
		return results, nil, json.Unmarshal(k.results, &results)
	}
	done := 0
	for _, op := range w.Ops {
		r := t.operate(w, op)
		if results = append(results, r); r.Fault == nil {
			done++
		}
	}
	t.writes += uint64(done)
	if w.Key == "" || done == 0 {
		return results, nil, nil
	}
	raw, err := json.Marshal(shortened(results))
	if err != nil {
		return nil, nil, err
	}
	k := kept{key, w.Hash[:], raw}
	if t.known == nil {
		t.known = map[requestKey]kept{}
	}
	t.known[key] = k
	t.kept = append(t.kept, k)
	return results, nil, nil
}

// shortened returns the results as they are remembered: of several, without the documents.
func shortened(results []store.Result) []store.Result {
	if len(results) < 2 {
		return results
	}
	short := append([]store.Result(nil), results...)
	for i := range short {
		short[i].Document = nil
	}
	return short
}

func (t *transaction) operate(w *store.Write, op store.Op) store.Result {
	m := store.Moment{Number: t.numbers[0], Now: t.now, By: w.By}
	t.numbers = t.numbers[1:]
	if op.Action.Whole() {
		return t.operateWhole(w, op, m)
	}
	at := t.records[spot{w.Collection, op.ID}]
	if at == nil { // an id that is not allowed
		return store.Apply(op, nil, m).Result
	}
	a := store.Apply(op, at.is, m)
	if a.Result.Fault != nil {
		return a.Result
	}
	at.is = a.After
	t.note(w, a.Change)
	return a.Result
}

// operateWhole makes an operation on a whole collection, whose lock the transaction has for itself.
func (t *transaction) operateWhole(w *store.Write, op store.Op, m store.Moment) store.Result {
	a := store.ApplyWhole(op, t.store.knownTable(w.Collection) != "", m)
	if a.Result.Fault != nil || op.Action == store.Make { // its table was made
		return a.Result
	}
	for at, r := range t.records {
		if at.collection == w.Collection {
			r.was, r.is = nil, nil
		}
	}
	t.emptied = append(t.emptied, w.Collection)
	if op.Action == store.Drop {
		t.dropped = append(t.dropped, w.Collection)
	}
	t.note(w, a.Change)
	return a.Result
}

// note keeps a change until it is published.
func (t *transaction) note(w *store.Write, ch store.Change) {
	if !w.Silent {
		ch.Collection, ch.Txn = w.Collection, uint64(t.txn)
		t.changes = append(t.changes, change{ch, w.Meta, w.Origin})
	}
}

// expired is when the keys were used that are forgotten now.
func (t *transaction) expired() int64 { return t.now.Add(-store.KeyMemory).UnixMilli() }

// table returns the quoted table of a collection. Another writer may have dropped it while this transaction waited for
// its locks: then the statement fails with codeNoTable, and the transaction is made again.
func (t *transaction) table(c store.Collection) string {
	if known := t.store.knownTable(c); known != "" {
		return known
	}
	return quoted("tidings", tableName(c))
}
