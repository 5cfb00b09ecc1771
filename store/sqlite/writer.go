package sqlite

import (
	"context"
	"time"

	"tidings/protocol"
	"tidings/store"
)

const (
	maxQueue = 1024 // requests that wait
	maxGroup = 100  // operations after which a commit takes no further request
)

// pending is a request that waits for the writer.
type pending struct {
	ctx     context.Context
	write   *store.Write // nil: mark the changes up to relayed
	relayed uint64
	done    chan struct{} // closed when the rest is set

	results []store.Result
	fault   *protocol.Error
}

// Write implements store.Store.
func (s *Store) Write(ctx context.Context, w store.Write) ([]store.Result, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	if s.waiting.Load() >= store.MaxWaiting && !w.Silent {
		return nil, errRelay
	}
	return s.ask(&pending{ctx: ctx, write: &w})
}

// Relayed implements store.Store.
func (s *Store) Relayed(ctx context.Context, number uint64) error {
	_, err := s.ask(&pending{ctx: ctx, relayed: number})
	return err
}

func (s *Store) ask(p *pending) ([]store.Result, error) {
	p.done = make(chan struct{})
	if err := s.put(p); err != nil {
		return nil, err
	}
	select {
	case <-p.done:
	case <-p.ctx.Done():
		return nil, errCommit
	}
	if p.fault != nil {
		return nil, p.fault
	}
	return p.results, nil
}

func (s *Store) put(p *pending) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return errClosed
	}
	select {
	case s.queue <- p:
		return nil
	default:
		return errQueue
	}
}

// run commits what comes, until the queue is closed and empty. What waits when a commit ends shares the next one, so
// that nobody waits for others to come.
func (s *Store) run() {
	defer close(s.ended)
	for first := range s.queue {
		group := s.group(first)
		if s.readOnly.Load() {
			for _, p := range group {
				p.results, p.fault = nil, errBroken
			}
		} else if err := s.commit(group); err != nil {
			s.commitEach(group, err)
		}
		for _, p := range group {
			close(p.done)
		}
	}
}

// group returns the request with those that wait behind it, as far as they share a commit.
func (s *Store) group(first *pending) []*pending {
	group := []*pending{first}
	for n := first.size(); n < maxGroup; {
		select {
		case p, ok := <-s.queue:
			if !ok {
				return group
			}
			group = append(group, p)
			n += p.size()
		default:
			return group
		}
	}
	return group
}

func (p *pending) size() int {
	if p.write == nil {
		return 1
	}
	return len(p.write.Ops)
}

// commitEach commits the requests of a group that failed one by one: a fault of one is its own.
func (s *Store) commitEach(group []*pending, err error) {
	fault := s.writeFault(err)
	for _, p := range group {
		if s.readOnly.Load() {
			p.results, p.fault = nil, errBroken
			continue
		}
		if len(group) == 1 {
			p.results, p.fault = nil, fault
			continue
		}
		p.results, p.fault = nil, nil
		if err := s.commit([]*pending{p}); err != nil {
			p.results, p.fault = nil, s.writeFault(err)
		}
	}
}

// commit makes one transaction of a group. If it fails nothing of the group is there.
func (s *Store) commit(group []*pending) error {
	ctx := context.Background()
	if _, err := s.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	t := &transaction{store: s, ctx: ctx, next: s.next, mark: s.mark.Load(), now: time.Now()}
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

// make writes the whole group and commits.
func (t *transaction) make(group []*pending) error {
	for _, p := range group {
		if p.ctx.Err() != nil {
			p.fault = errCommit
			continue
		}
		var err error
		if p.write == nil {
			err = t.relayed(p.relayed)
		} else {
			p.results, p.fault, err = t.write(p.write)
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
