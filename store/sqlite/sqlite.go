// Package sqlite keeps documents in one SQLite file, which belongs to one process. A write is on the disk before it is
// answered; writes that wait together share a commit.
//
//	sqlite.go    Store: opening and closing
//	connect.go   databases of one connection
//	lock.go      a file belongs to one process
//	schema.go    the tables
//	writer.go    the one goroutine that writes: what it commits together
//	write.go     what one request does to the tables
//	read.go      documents and changes
//	search.go    a search: the statement and its page
//	indexes.go   indexes of fields that the operator names
//	narrow.go    how this SQL says what of a filter it can
//	faults.go    what SQLite's errors mean
package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"

	"tidings/store"
	"tidings/store/sqlstore"
)

// Config is how a store behaves.
type Config struct {
	Path string       // of the file, which is made if it is not there; its folder must be
	Log  *slog.Logger // nil means slog.Default
	// Indexes are fields, such as "driver.name", of which searches find equal values, and an order, without reading
	// the collection: at most MaxIndexes, of one or two names of letters, digits, "_" and "-". Each makes writes
	// slower. They are made when the store is opened, which takes a while for one that is new, and those that are not
	// named any more are dropped.
	Indexes []string

	step    func(string) error // called between the steps of a commit; what it returns is the step's error. For tests
	pragmas []string           // of the writing connection. For tests
}

// Store is a store.Store in one file.
type Store struct {
	cfg     Config
	lock    *sql.DB // holds the file of the lock
	writer  *sql.DB
	reader  *sql.DB
	conn    *sql.Conn            // the writer's one connection, of run alone
	ready   map[string]*sql.Stmt // its statements by their texts, of run alone
	id      string
	indexes indexes // set before anybody searches
	wake    chan struct{}
	ended   chan struct{} // when run has

	queue *sqlstore.Queue

	next     uint64 // number of the next change; of run alone
	mark     atomic.Uint64
	waiting  atomic.Int64
	readOnly atomic.Bool
	writes   atomic.Uint64
	commits  atomic.Uint64
}

var (
	_ store.Store  = (*Store)(nil)
	_ store.Lister = (*Store)(nil)
)

// waits is for a lock that a checkpoint or the opening of a file has for a moment.
const waits = "busy_timeout(5000)"

// readers is how many searches read at once.
const readers = 4

// Open opens the file, or makes it. It fails if another process has it open, and for a file of a newer version.
func Open(cfg Config) (*Store, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	s := &Store{cfg: cfg, wake: make(chan struct{}, 1), ended: make(chan struct{}), queue: sqlstore.NewQueue(), ready: map[string]*sql.Stmt{}}
	if err := s.open(); err != nil {
		s.release()
		return nil, fmt.Errorf("sqlite: %s: %w", cfg.Path, err)
	}
	if s.waiting.Load() > 0 {
		s.signal()
	}
	go s.run()
	return s, nil
}

func (s *Store) open() (err error) {
	for _, name := range []string{s.cfg.Path, lockName(s.cfg.Path)} {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600) // what SQLite adds beside it has the same mode
		if err != nil {
			return err
		}
		f.Close()
	}
	ctx := context.Background()
	if s.lock, err = lock(s.cfg.Path); err != nil {
		return err
	}
	if s.writer, err = open(s.cfg.Path, waits, "journal_mode(WAL)", "synchronous(FULL)", "journal_size_limit(67108864)"); err != nil {
		return err
	}
	if s.conn, err = s.writer.Conn(ctx); err != nil {
		return err
	}
	for _, pragma := range s.cfg.pragmas {
		if _, err := s.conn.ExecContext(ctx, "PRAGMA "+pragma); err != nil {
			return err
		}
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	if s.indexes, err = s.makeIndexes(ctx); err != nil {
		return err
	}
	s.reader, err = open(s.cfg.Path, waits, "query_only(1)")
	if err == nil {
		s.reader.SetMaxOpenConns(readers)
		s.reader.SetMaxIdleConns(readers)
	}
	return err
}

// ID implements store.Store.
func (s *Store) ID() string { return s.id }

// Mark implements store.Store.
func (s *Store) Mark() uint64 { return s.mark.Load() }

// Lead implements store.Store: the file belongs to this process.
func (s *Store) Lead(context.Context) (ended <-chan struct{}, err error) { return nil, nil }

// Wake implements store.Store.
func (s *Store) Wake() <-chan struct{} { return s.wake }

// Stats implements store.Store.
func (s *Store) Stats() store.Stats {
	return store.Stats{Waiting: int(s.waiting.Load()), Queue: s.queue.Len(), Writes: s.writes.Load(), Commits: s.commits.Load(), ReadOnly: s.readOnly.Load()}
}

// Close implements store.Store.
func (s *Store) Close() error {
	first := s.queue.Close()
	<-s.ended
	if first {
		s.release()
	}
	return nil
}

// release closes the files.
func (s *Store) release() {
	if s.conn != nil {
		s.conn.Close()
	}
	for _, db := range []*sql.DB{s.reader, s.writer, s.lock} {
		if db != nil {
			db.Close()
		}
	}
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
