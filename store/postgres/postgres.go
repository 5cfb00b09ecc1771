// Package postgres keeps documents in a PostgreSQL database, which several processes may share. All is in the schema
// tidings: a table for each collection, and the changes that were not published yet.
//
//	postgres.go     Store: opening and closing
//	connect.go      connections, and the pooler that is refused
//	schema.go       the migrations
//	collections.go  the tables of collections
//	relation.go     what a collection is read from: its own table, or a watched one
//	watch.go        triggers on tables of others
//	status.go       what is watched, and what waits
//	unwatch.go      what removes the triggers
//	writer.go       what is committed together
//	write.go        what the requests of one commit do
//	save.go         the statements that write it
//	locks.go        the order in which documents are locked
//	content.go      a document as PostgreSQL's jsonb
//	read.go         documents
//	search.go       a search: the statement and its page
//	sort.go         sorts and cursors in SQL
//	narrow.go       how this SQL says what of a filter it can
//	changes.go      the changes, none of them passed over
//	lead.go         who publishes them
//	faults.go       what PostgreSQL's errors mean
package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tidings/store"
	"tidings/store/sqlstore"
)

// Config is how a store behaves.
type Config struct {
	// URL is where the database is: postgres://user:password@host/database, or key=value pairs as libpq reads them. The
	// environment's PG… variables count too.
	URL string
	Log *slog.Logger // nil means slog.Default

	writers    int                // 0: two
	maxGroup   int                // 0: as many as wait; 1: one request a commit
	countEvery time.Duration      // after which the changes that wait are counted again; 0: 5 s
	silence    time.Duration      // after which the server ends the session of who leads; 0: 15 s
	step       func(string) error // called between the steps of a commit; what it returns is the step's error. For tests
	between    string             // a statement between the reading of a number and the id of a transaction. For tests
}

// Store is a store.Store in one database.
type Store struct {
	cfg    Config
	parsed *pgx.ConnConfig
	pool   *pgxpool.Pool // for reading
	wake   chan struct{}
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	group  sync.WaitGroup // the goroutines

	mu     sync.RWMutex // guards what follows
	closed bool
	id     string
	tables map[store.Collection]string // of collections with documents of their own: the quoted table
	ever   map[store.Collection]bool   // those that were found in any database

	queue *sqlstore.Queue
	final horizon // of who leads

	leads    atomic.Bool
	mark     atomic.Uint64
	waiting  atomic.Int64
	readOnly atomic.Bool
	writes   atomic.Uint64
	commits  atomic.Uint64
}

// horizon is up to which number all changes are there that ever will be.
type horizon struct {
	mu     sync.Mutex // is held while changes are read
	number uint64
	coming []coming // the next horizons, the smallest first
}

// coming is a number that becomes the horizon when no transaction below txn is open.
type coming struct{ number, dropped, txn uint64 }

var _ store.Store = (*Store)(nil)

const (
	readers     = 8 // searches that read at once
	writers     = 2 // commits that are under way at once
	lookEvery   = 250 * time.Millisecond
	countEvery  = 5 * time.Second
	openTimeout = 10 * time.Second
)

// Open connects to the database, and makes what it needs there. It fails if the database cannot be reached, is older
// than PostgreSQL 14, was used by a newer version of this package, or is behind a pooler that shares sessions.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := newStore(cfg)
	if err := s.open(ctx); err != nil {
		s.cancel()
		if s.pool != nil {
			s.pool.Close()
		}
		return nil, fmt.Errorf("postgres: %w", hidden(err))
	}
	if s.waiting.Load() > 0 {
		s.signal()
	}
	for range s.cfg.writers {
		s.group.Go((&writer{store: s}).run)
	}
	s.group.Go(s.listen)
	s.group.Go(s.countOn)
	return s, nil
}

func newStore(cfg Config) *Store {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.writers == 0 {
		cfg.writers = writers
	}
	if cfg.countEvery == 0 {
		cfg.countEvery = countEvery
	}
	if cfg.silence == 0 {
		cfg.silence = silence
	}
	if cfg.maxGroup == 0 {
		cfg.maxGroup = sqlstore.MaxGroup
	}
	s := &Store{cfg: cfg, wake: make(chan struct{}, 1), queue: sqlstore.NewQueue(), tables: map[store.Collection]string{}, ever: map[store.Collection]bool{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// dial opens the first connection, and makes what is missing in the database.
func (s *Store) dial(ctx context.Context) (conn *pgx.Conn, err error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if s.parsed, err = parse(s.cfg.URL); err != nil {
		return nil, err
	}
	if conn, err = pgx.ConnectConfig(ctx, s.parsed); err != nil {
		return nil, pooled(err)
	}
	if err = s.checkServer(ctx, conn); err == nil {
		err = s.prepare(ctx, conn)
	}
	if err != nil {
		conn.Close(context.Background())
		return nil, err
	}
	return conn, nil
}

func (s *Store) open(ctx context.Context) error {
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	cfg, err := pgxpool.ParseConfig("")
	if err != nil {
		return err
	}
	cfg.ConnConfig, cfg.MaxConns, cfg.MinConns = s.parsed.Copy(), readers, 0
	cfg.ConnConfig.RuntimeParams["statement_timeout"] = strconv.FormatInt(store.SearchTimeout.Milliseconds(), 10)
	s.pool, err = pgxpool.NewWithConfig(s.ctx, cfg)
	return err
}

// ID implements store.Store.
func (s *Store) ID() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.id
}

// Mark implements store.Store.
func (s *Store) Mark() uint64 { return s.mark.Load() }

// Wake implements store.Store.
func (s *Store) Wake() <-chan struct{} { return s.wake }

// Stats implements store.Store.
func (s *Store) Stats() store.Stats {
	return store.Stats{Waiting: int(max(0, s.waiting.Load())), Queue: s.queue.Len(), Writes: s.writes.Load(), Commits: s.commits.Load(), ReadOnly: s.readOnly.Load()}
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	first := !s.closed
	if s.closed = true; first {
		s.queue.Close()
		s.cancel()
	}
	s.mu.Unlock()
	s.group.Wait()
	if first {
		s.pool.Close()
	}
	return nil
}

func (s *Store) isClosed() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.closed
}

func (s *Store) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// step is a point at which tests fail, or end the process.
func (s *Store) step(name string) error {
	if s.cfg.step == nil {
		return nil
	}
	return s.cfg.step(name)
}
