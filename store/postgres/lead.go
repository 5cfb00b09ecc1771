package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tidings/store/sqlstore"
)

const (
	tryEvery   = 250 * time.Millisecond // to lead
	beatEvery  = time.Second            // who leads asks whether the connection is there
	beatWithin = 5 * time.Second
	silence    = 15 * time.Second
)

// Lead implements store.Store. Who leads holds a lock of a session, which ends with the connection. The server ends a
// session from which it has not heard for 15 s: then a process that was stopped, or cut off, leads no more.
func (s *Store) Lead(ctx context.Context) (<-chan struct{}, error) {
	if s.isClosed() {
		return nil, sqlstore.ErrClosed
	}
	dial, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(dial, s.parsed)
	if err != nil {
		return nil, hidden(err)
	}
	if err := s.takeLead(ctx, conn); err != nil {
		conn.Close(context.Background())
		return nil, hidden(err)
	}
	ended := make(chan struct{})
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		conn.Close(context.Background())
		return nil, sqlstore.ErrClosed
	}
	s.leads.Store(true)
	s.group.Go(func() {
		s.hold(ctx, conn)
		s.leads.Store(false)
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		conn.Close(closing)
		close(ended)
	})
	return ended, nil
}

// takeLead waits for the lock, and reads where the last one who had it has stopped.
func (s *Store) takeLead(ctx context.Context, conn *pgx.Conn) error {
	if err := within(ctx, func(ctx context.Context) error {
		_, err := conn.Exec(ctx, fmt.Sprintf("SET idle_session_timeout = %d", s.cfg.silence.Milliseconds()))
		return err
	}); err != nil {
		return err
	}
	for {
		var got bool
		if err := within(ctx, func(ctx context.Context) error {
			return conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(lockLead)).Scan(&got)
		}); err != nil {
			return err
		}
		if got {
			break
		}
		select {
		case <-time.After(tryEvery):
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done():
			return sqlstore.ErrClosed
		}
	}
	s.final.mu.Lock()
	defer s.final.mu.Unlock()
	s.final.number, s.final.coming = 0, nil
	return within(ctx, func(ctx context.Context) error { return s.prepare(ctx, conn) })
}

func within(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, beatWithin)
	defer cancel()
	return do(ctx)
}

// hold returns when the connection that has the lock is lost, or ctx ends.
func (s *Store) hold(ctx context.Context, conn *pgx.Conn) {
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.ctx.Done():
			return
		case <-beat.C:
		}
		if err := within(ctx, func(ctx context.Context) error {
			_, err := conn.Exec(ctx, "SELECT")
			return err
		}); err != nil {
			if ctx.Err() == nil && s.ctx.Err() == nil {
				s.cfg.Log.Warn("this process publishes the changes of documents no more: its lock was lost", "error", hidden(err))
			}
			return
		}
	}
}

// listen wakes the relay whenever the database says that there is something, and every 250 ms otherwise, if this
// process leads.
func (s *Store) listen() {
	for s.ctx.Err() == nil {
		if err := s.listenOnce(); err != nil && s.ctx.Err() == nil {
			s.cfg.Log.Debug("the connection that listens was lost", "error", hidden(err))
		}
		s.wakeLeader()
		select {
		case <-s.ctx.Done():
		case <-time.After(lookEvery):
		}
	}
}

func (s *Store) wakeLeader() {
	if s.leads.Load() {
		s.signal()
	}
}

func (s *Store) listenOnce() error {
	conn, err := pgx.ConnectConfig(s.ctx, s.parsed)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(s.ctx, "LISTEN tidings"); err != nil {
		return err
	}
	for {
		ctx, cancel := context.WithTimeout(s.ctx, lookEvery)
		_, err := conn.WaitForNotification(ctx)
		cancel()
		if err != nil && (s.ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
			return err
		}
		s.wakeLeader()
	}
}
