package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tidings/store"
	"tidings/store/sqlstore"
)

const (
	settleFirst  = time.Millisecond // then twice as long each time, up to settleEvery
	settleEvery  = 10 * time.Millisecond
	maxComing    = 64              // numbers that wait to become the horizon
	warnAfter    = 5 * time.Second // of waiting for a transaction that others have open
	queryTimeout = 10 * time.Second

	startOverTimeout = 5 * time.Minute
)

// Changes implements store.Store. A transaction may commit a change long after one with a greater number was committed.
// So changes are read up to a number below which nothing can come any more, and in the order of their numbers:
//
//  1. read the number h that was drawn last;
//  2. then draw the id x of a transaction: who drew a number up to h had an id before that, which is below x (the xmax
//     of a snapshot would not do: it is behind the last transaction that has ended, not the last that has begun);
//  3. wait until no transaction below x is open, and begin anew with 1 meanwhile, for a greater h;
//  4. read what is behind the mark, up to the greatest h of which that is so.
func (s *Store) Changes(ctx context.Context, after uint64, limit int) ([]store.Change, error) {
	s.final.mu.Lock()
	defer s.final.mu.Unlock()
	for {
		if after < s.final.number {
			list, err := s.readChanges(ctx, after, s.final.number, limit)
			if len(list) > 0 || err != nil {
				return list, s.changesFault(ctx, err)
			}
			s.passOver(ctx, after)
		}
		more, err := s.settle(ctx, max(after, s.final.number))
		if !more || err != nil {
			return nil, s.changesFault(ctx, err)
		}
	}
}

func (s *Store) changesFault(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return s.readFault(ctx, err)
}

// settle moves the horizon as far as can be: to a number that was drawn when all who may have drawn one until then have
// ended. It looks for a later such number each time, so that a change waits for those that were open when it was made,
// and not for those that came since. It reports false if no number was drawn after known.
func (s *Store) settle(ctx context.Context, known uint64) (more bool, err error) {
	began := time.Now()
	wait := warnAfter
	for pause := settleFirst; ; pause = min(2*pause, settleEvery) {
		told, open, err := s.look(ctx, known)
		if err != nil || len(s.final.coming) == 0 {
			return false, err
		}
		if moved, err := s.move(ctx, open, told); moved || err != nil {
			return moved, err
		}
		if time.Since(began) > wait {
			s.warnOpen(ctx)
			wait *= 2
		}
		if !rest(ctx, pause) {
			return false, ctx.Err()
		}
	}
}

// rest waits for so long. It reports false if ctx ended first.
func rest(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}

// look notes the number that was drawn last as one that becomes the horizon, if it is a new one. It returns of how many
// changes that were not kept clients were told, and the id below which no transaction is open.
func (s *Store) look(ctx context.Context, known uint64) (told, open uint64, err error) {
	last := coming{number: known}
	if n := len(s.final.coming); n > 0 {
		last = s.final.coming[n-1]
	}
	next, told, open, err := s.readNumbers(ctx, last.number)
	if err != nil {
		return 0, 0, err
	}
	if len(s.final.coming) == 0 {
		last.dropped = told
	}
	if next.txn == 0 || len(s.final.coming) == maxComing || next.number <= last.number && next.dropped == last.dropped {
		return told, open, nil
	}
	s.final.coming = append(s.final.coming, next)
	return told, open, s.step("number")
}

// move makes the greatest number the horizon that can be, if no transaction is open below an id.
func (s *Store) move(ctx context.Context, open, told uint64) (moved bool, err error) {
	n := 0
	for n < len(s.final.coming) && s.final.coming[n].txn <= open {
		n++
	}
	if n == 0 {
		return false, nil
	}
	to := s.final.coming[n-1]
	if to.dropped > told {
		if err := s.startOver(ctx, to.number, to.dropped); err != nil {
			return false, err
		}
	}
	s.final.number, s.final.coming = max(s.final.number, to.number), append(s.final.coming[:0], s.final.coming[n:]...)
	return true, nil
}

// readNumbers reads, in this order: how many changes were not kept, and of how many of them clients were told; the
// number that was drawn last; if it is above known, the id of a transaction; and the id below which none is open. A
// change that was not kept has drawn its number before it was counted: so the number is read after the count. All are
// one transaction, whose statements see each what was committed before it, and whose own id counts as open.
func (s *Store) readNumbers(ctx context.Context, known uint64) (next coming, told, open uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	b := &pgx.Batch{}
	b.Queue("SELECT " + lastDropped + ", (SELECT dropped FROM tidings.state)").QueryRow(func(row pgx.Row) error { return row.Scan(&next.dropped, &told) })
	b.Queue("SELECT " + lastNumber).QueryRow(func(row pgx.Row) error { return row.Scan(&next.number) })
	if s.cfg.between != "" {
		b.Queue(s.cfg.between)
	}
	b.Queue("SELECT CASE WHEN "+lastNumber+" > $1 OR "+lastDropped+" <> (SELECT dropped FROM tidings.state) THEN pg_current_xact_id()::text::bigint ELSE 0 END", int64(known)).
		QueryRow(func(row pgx.Row) error { return row.Scan(&next.txn) })
	b.Queue(oldestOpen).QueryRow(func(row pgx.Row) error { return row.Scan(&open) })
	err = s.pool.SendBatch(ctx, b).Close()
	return next, told, open, err
}

// The values of the sequences, 0 as long as nothing was drawn.
const (
	lastNumber  = "(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM tidings.number)"
	lastDropped = "(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM tidings.dropped)"
)

// startOver forgets the changes up to a number, since those that came after were not kept, and makes a reset of each
// collection.
func (s *Store) startOver(ctx context.Context, number, dropped uint64) error {
	ctx, cancel := context.WithTimeout(ctx, startOverTimeout)
	defer cancel()
	s.cfg.Log.Warn("more changes were waiting than are kept: clients are told to load all collections anew", "dropped", dropped)
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return err
	}
	defer tx.Rollback(context.Background())
	for _, statement := range []string{
		"SET LOCAL statement_timeout = 0",
		fmt.Sprintf("UPDATE tidings.state SET mark = greatest(mark, %d), dropped = %d", number, dropped),
		fmt.Sprintf("DELETE FROM tidings.changes WHERE number <= %d", number),
		"INSERT INTO tidings.changes (number, txn, space, collection, id, event, after, at) " + resets,
	} {
		if _, err := tx.Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	s.mark.Store(max(number, s.mark.Load()))
	return s.count(ctx)
}

// countOn counts the changes that wait again and again: triggers and other nodes add to them, and whoever leads takes
// them away, without this process.
func (s *Store) countOn() {
	for rest(s.ctx, s.cfg.countEvery) {
		if err := s.count(s.ctx); err != nil && s.ctx.Err() == nil {
			s.cfg.Log.Debug("the changes that wait were not counted", "error", hidden(err))
		}
	}
}

// count counts the changes that wait, as far as that matters.
func (s *Store) count(ctx context.Context) error {
	var waiting int64
	err := s.ask(ctx, "SELECT count(*) FROM (SELECT FROM tidings.changes LIMIT $1) AS c", store.MaxWaiting+1).Scan(&waiting)
	if err == nil {
		s.waiting.Store(waiting)
	}
	return err
}

// oldestOpen selects the id below which no transaction is open.
const oldestOpen = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"

// ask sends a statement that has one row.
func (s *Store) ask(ctx context.Context, statement string, args ...any) pgx.Row {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	return &row{s.pool.QueryRow(ctx, statement, args...), cancel}
}

type row struct {
	pgx.Row
	cancel context.CancelFunc
}

func (r *row) Scan(into ...any) error {
	defer r.cancel()
	return r.Row.Scan(into...)
}

// openTransaction selects the oldest transaction that may have made changes.
const openTransaction = `SELECT what FROM (
		SELECT age(backend_xid), format('process %s in database %s, user %s, application %s, open for %s', pid, datname, usename, application_name, coalesce(date_trunc('second', clock_timestamp() - xact_start)::text, 'a time that this role may not see')) AS what
		FROM pg_stat_activity WHERE backend_xid IS NOT NULL
		UNION ALL SELECT age(transaction), format('prepared transaction %s in database %s, since %s', gid, database, prepared) FROM pg_prepared_xacts
	) AS open ORDER BY age DESC LIMIT 1`

// warnOpen logs which transaction holds the changes back.
func (s *Store) warnOpen(ctx context.Context) {
	var what string
	err := s.ask(ctx, openTransaction).Scan(&what)
	if err == nil {
		s.cfg.Log.Warn("changes of documents are not published, since a transaction is open that may have made some", "transaction", what)
	}
}

// readChanges reads the changes with numbers above after, up to last.
func (s *Store) readChanges(ctx context.Context, after, last uint64, limit int) (list []store.Change, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	rows, err := s.pool.Query(ctx, "SELECT number, txn, space, collection, id, event, before, after, changed, meta, origin, at FROM tidings.changes WHERE number > $1 AND number <= $2 ORDER BY number LIMIT $3", int64(after), int64(last), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c store.Change
		if err := rows.Scan(&c.Number, &c.Txn, &c.Collection.Index, &c.Collection.Name, &c.ID, (*string)(&c.Event), (*text)(&c.Before), (*text)(&c.After), (*text)(&c.Changed), &c.Meta, &c.Origin, &c.At); err != nil {
			return nil, err
		}
		fit(&c)
		list = append(list, c)
	}
	return list, rows.Err()
}

// idle is behind how many numbers without a change the mark stays.
const idle = 1000

// passOver moves the mark over numbers that have no change, for example those of silent writes.
func (s *Store) passOver(ctx context.Context, after uint64) {
	if mark := s.mark.Load(); mark < after || s.final.number < mark+idle {
		return
	}
	if err := s.Relayed(ctx, s.final.number); err != nil {
		s.cfg.Log.Warn("the mark of published changes cannot be moved", "error", err)
	}
}

// Relayed implements store.Store. The mark need not be on the disk: changes that are published again have the same
// keys.
func (s *Store) Relayed(ctx context.Context, number uint64) error {
	if s.isClosed() {
		return sqlstore.ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	var gone int64
	b := &pgx.Batch{}
	b.Queue("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
	b.Queue("SET LOCAL synchronous_commit = off")
	b.Queue("UPDATE tidings.state SET mark = $1 WHERE mark < $1", int64(number))
	// Those below the mark are gone: the index has them still, for a while, and each would be looked at.
	b.Queue("DELETE FROM tidings.changes WHERE number > $1 AND number <= (SELECT mark FROM tidings.state)", int64(s.mark.Load())).Exec(func(done pgconn.CommandTag) error {
		gone = done.RowsAffected()
		return nil
	})
	b.Queue("COMMIT")
	err := s.pool.SendBatch(ctx, b).Close()
	if err != nil {
		if stateOf(err) == codeDiskFull {
			return sqlstore.ErrFull
		}
		return s.readFault(ctx, err)
	}
	s.waiting.Add(-gone)
	for {
		mark := s.mark.Load()
		if mark >= number || s.mark.CompareAndSwap(mark, number) {
			return nil
		}
	}
}
