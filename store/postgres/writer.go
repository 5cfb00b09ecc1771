package postgres

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"tidings/core"
	"tidings/protocol"
	"tidings/store"
	"tidings/store/sqlstore"
)

const (
	maxTries      = 4 // of a transaction that others were in the way of
	commitTimeout = 15 * time.Second
)

// Write implements store.Store.
func (s *Store) Write(ctx context.Context, w store.Write) ([]store.Result, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	if s.waiting.Load() >= store.MaxWaiting && !w.Silent {
		return nil, sqlstore.ErrRelay
	}
	w.By = plain(w.By)
	w.Ops = append([]store.Op(nil), w.Ops...)
	for i := range w.Ops {
		if op := &w.Ops[i]; op.ID == "" && op.Action == store.Create {
			op.ID = string(core.AppendID(nil, time.Now(), rand.Uint64(), rand.Uint64()))
		}
	}
	return s.queue.Ask(&sqlstore.Request{Ctx: ctx, Write: &w})
}

// writer commits with a connection of its own.
type writer struct {
	store *Store
	conn  *pgx.Conn // nil: none, or it is lost
}

// run commits what comes, until the queue is closed and empty.
func (w *writer) run() {
	most := w.store.cfg.maxGroup
	for group := w.store.queue.Next(most); group != nil; group = w.store.queue.Next(most) {
		w.commit(group)
		sqlstore.Answer(group)
	}
	w.drop()
}

// commit commits the requests together, or one by one if that fails: a fault of one is its own.
func (w *writer) commit(group []*sqlstore.Request) {
	fault := w.tryCommit(group)
	switch {
	case fault == nil:
	case len(group) > 1 && fault != sqlstore.ErrCommit && fault != errDown:
		for i := range group {
			w.commit(group[i : i+1])
		}
	default:
		for _, p := range group {
			p.Results, p.Fault = nil, fault
		}
	}
}

// tryCommit makes one transaction of the requests, and tries it again if others were in its way, or if the connection
// was lost before anything could have been committed.
func (w *writer) tryCommit(group []*sqlstore.Request) *protocol.Error {
	for try := 1; ; try++ {
		ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
		t, err := w.transact(ctx, group)
		cancel()
		if err == nil {
			return nil
		}
		lost := stateOf(err) == "" && !isFinal(err)
		if state := stateOf(err); lost || state == codeReadOnly || state == codeNoTable || state == codeNoSchema {
			w.drop()
			w.store.forgetTables()
		}
		switch {
		case lost && t != nil && t.sent:
			w.store.cfg.Log.Error("nobody knows whether documents were written: the database was lost", "error", hidden(err))
			return sqlstore.ErrCommit
		case try == maxTries || !lost && !again(err):
			return w.store.writeFault(err)
		}
	}
}

// transact makes one transaction. It returns the transaction as far as it came.
func (w *writer) transact(ctx context.Context, group []*sqlstore.Request) (*transaction, error) {
	if err := w.connect(ctx); err != nil {
		return nil, err
	}
	if err := w.makeTables(ctx, group); err != nil {
		return nil, err
	}
	t := &transaction{store: w.store, conn: w.conn, now: time.Now(), records: map[spot]*record{}}
	err := t.run(ctx, group)
	if err == nil {
		w.store.committed(t)
		return t, nil
	}
	if !w.conn.IsClosed() {
		if _, undone := w.conn.Exec(ctx, "ROLLBACK"); undone != nil {
			w.drop()
		}
	}
	return t, err
}

// committed counts what was committed, and wakes the relay.
func (s *Store) committed(t *transaction) {
	s.waiting.Add(int64(len(t.changes)))
	s.writes.Add(t.writes)
	s.forgetDropped(t.dropped)
	s.commits.Add(1)
	if len(t.changes) > 0 {
		s.signal()
	}
	s.step("committed")
}

// connect makes the connection, if there is none. A database that is reached again may be another one.
func (w *writer) connect(ctx context.Context) error {
	if w.conn != nil && !w.conn.IsClosed() {
		return nil
	}
	again := w.conn != nil
	cfg := w.store.parsed.Copy()
	// All statements find rows by their keys. The plan of each is made once, for a table that may be empty: reading all
	// of it would be planned, and would stay the plan when the table has grown.
	cfg.RuntimeParams["plan_cache_mode"], cfg.RuntimeParams["enable_seqscan"] = "force_generic_plan", "off"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		w.store.cfg.Log.Warn("the database of the documents cannot be reached", "error", hidden(err))
		return errDown
	}
	if w.conn = conn; !again {
		return nil
	}
	if err := w.store.prepare(ctx, conn); err != nil {
		conn.Close(ctx)
		return err
	}
	return nil
}

// drop closes the connection. It stays there, closed, as the sign that there was one.
func (w *writer) drop() {
	if w.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		w.conn.Close(ctx)
	}
}

// makeTables makes the tables that the requests need.
func (w *writer) makeTables(ctx context.Context, group []*sqlstore.Request) error {
	for _, p := range group {
		if w.store.knownTable(p.Write.Collection) != "" {
			continue
		}
		if do := p.Write.Ops[0].Action; do.Whole() && do != store.Make {
			if err := w.store.lookTable(ctx, w.conn, p.Write.Collection); err != nil {
				return err
			}
			continue
		}
		if err := w.store.makeTable(ctx, w.conn, p.Write.Collection); err != nil {
			return err
		}
	}
	return nil
}
