package sqlite

import (
	"context"
	"database/sql"
	"time"

	"tidings/store"
	"tidings/store/sqlstore"
)

// Write implements store.Store.
func (s *Store) Write(ctx context.Context, w store.Write) ([]store.Result, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	if s.waiting.Load() >= store.MaxWaiting && !w.Silent {
		return nil, sqlstore.ErrRelay
	}
	return s.queue.Ask(&sqlstore.Request{Ctx: ctx, Write: &w})
}

// Relayed implements store.Store.
func (s *Store) Relayed(ctx context.Context, number uint64) error {
	_, err := s.queue.Ask(&sqlstore.Request{Ctx: ctx, Relayed: number})
	return err
}

// run commits what comes, until the queue is closed and empty.
func (s *Store) run() {
	defer close(s.ended)
	for group := s.queue.Next(sqlstore.MaxGroup); group != nil; group = s.queue.Next(sqlstore.MaxGroup) {
		if s.readOnly.Load() {
			sqlstore.Refuse(group, errBroken)
		} else if err := s.commit(group); err != nil {
			s.commitEach(group, err)
		}
		sqlstore.Answer(group)
	}
}

// commitEach commits the requests of a group that failed one by one: a fault of one is its own.
func (s *Store) commitEach(group []*sqlstore.Request, err error) {
	fault := s.writeFault(err)
	for _, p := range group {
		if s.readOnly.Load() {
			p.Results, p.Fault = nil, errBroken
			continue
		}
		if len(group) == 1 {
			p.Results, p.Fault = nil, fault
			continue
		}
		p.Results, p.Fault = nil, nil
		if err := s.commit([]*sqlstore.Request{p}); err != nil {
			p.Results, p.Fault = nil, s.writeFault(err)
		}
	}
}

// commit makes one transaction of a group. If it fails nothing of the group is there.
func (s *Store) commit(group []*sqlstore.Request) error {
	ctx := context.Background()
	t := &transaction{store: s, ctx: ctx, next: s.next, mark: s.mark.Load(), now: time.Now()}
	if err := t.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := t.make(group); err != nil {
		s.conn.ExecContext(ctx, "ROLLBACK") // an error means that SQLite has done it already
		return err
	}
	s.next = t.next
	s.mark.Store(t.mark)
	s.waiting.Add(t.changes)
	s.writes.Add(t.writes)
	s.commits.Add(1)
	if t.changes > 0 {
		s.signal()
	}
	s.step("committed")
	return nil
}

// statement returns a statement of the writer, which SQLite compiles once. There are as many as texts in this package.
// Only run may call it.
func (s *Store) statement(ctx context.Context, text string) (*sql.Stmt, error) {
	if ready := s.ready[text]; ready != nil {
		return ready, nil
	}
	made, err := s.conn.PrepareContext(ctx, text)
	if err == nil {
		s.ready[text] = made
	}
	return made, err
}

// make writes the whole group and commits.
func (t *transaction) make(group []*sqlstore.Request) error {
	for _, p := range group {
		if p.Ctx.Err() != nil {
			p.Fault = sqlstore.ErrCommit
			continue
		}
		var err error
		if p.Write == nil {
			err = t.relayed(p.Relayed)
		} else {
			p.Results, p.Fault, err = t.write(p.Write)
		}
		if err == nil {
			err = t.store.step("made")
		}
		if err != nil {
			return err
		}
	}
	if err := t.exec("UPDATE state SET next = ?, mark = ?", t.next, t.mark); err != nil {
		return err
	}
	if err := t.store.step("written"); err != nil {
		return err
	}
	return t.exec("COMMIT")
}
