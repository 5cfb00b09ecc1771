package postgres

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"tidings/internal/testpostgres"
	"tidings/protocol"
	"tidings/store"
	"tidings/store/sqlstore"
)

var taxis = store.Collection{Index: "city", Name: "taxis"}

func put(s *Store, id, content string) error {
	results, err := s.Write(context.Background(), store.Write{Collection: taxis, Ops: []store.Op{{Action: store.Put, ID: id, Content: []byte(content)}}})
	if err == nil && results[0].Fault != nil {
		return results[0].Fault
	}
	return err
}

func total(t *testing.T, s *Store) int {
	t.Helper()
	page, err := s.Search(context.Background(), taxis, store.Query{Count: true})
	if err != nil {
		t.Fatal(err)
	}
	return page.Total
}

// No password is in an error, however the database was named and whatever is wrong.
func TestSecretsAreHidden(t *testing.T) {
	for _, url := range []string{
		"postgres://ann:hunter2@127.0.0.1:1/app", "postgres://ann:hunter2@127.0.0.1:x/app", "postgresql://ann:hunter2@127.0.0.1:1/app?sslmode=nonsense",
		"host=127.0.0.1 port=1 user=ann password=hunter2", "host=127.0.0.1 port=x password='hunter2'", "postgres://127.0.0.1:1/app?password=hunter2&x=%zz",
	} {
		_, err := Open(context.Background(), Config{URL: url})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// What PostgreSQL refuses is said in a way that tells whether to repeat it.
func TestWriteFaults(t *testing.T) {
	s := newStore(Config{Log: slog.New(slog.DiscardHandler)})
	for _, c := range []struct {
		name string
		err  error
		want *protocol.Error
	}{
		{"F37 a full disk of PostgreSQL", &pgconn.PgError{Severity: "ERROR", Code: "53100"}, sqlstore.ErrFull},
		{"a lock that others have", &pgconn.PgError{Severity: "ERROR", Code: "55P03"}, errLocked},
		{"a primary that became a standby", &pgconn.PgError{Severity: "ERROR", Code: "25006"}, errDown},
		{"a server that is shut down", &pgconn.PgError{Severity: "FATAL", Code: "57P01"}, errDown},
		{"a network that is cut", io.ErrUnexpectedEOF, errDown},
		{"what nobody foresaw", &pgconn.PgError{Severity: "ERROR", Code: "XX000"}, protocol.Internal},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := s.writeFault(c.err); got != c.want {
				t.Errorf("%v: got %v, want %v", c.err, got, c.want)
			}
		})
	}
}

// The server is stopped and comes again: what is written meanwhile is refused and may be repeated, what was answered is
// there.
func TestServerRestarts(t *testing.T) {
	server, err := testpostgres.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	s := openAt(t, server.Database(t))
	if err := put(s, "before", `{}`); err != nil {
		t.Fatal(err)
	}
	server.Halt()
	for _, do := range []func() error{
		func() error { return put(s, "meanwhile", `{}`) },
		func() error { _, err := s.Search(context.Background(), taxis, store.Query{}); return err },
		func() error { _, err := s.Get(context.Background(), taxis, []string{"before"}); return err },
	} {
		var fault *protocol.Error
		if err := do(); !errors.As(err, &fault) || !fault.Code.Row().Retry || fault.Code == protocol.CodeInternal || fault.Hint == "" {
			t.Errorf("while the server is down: %v", err)
		}
	}
	if err := server.Run(); err != nil {
		t.Fatal(err)
	}
	if err := put(s, "after", `{}`); err != nil {
		t.Errorf("after the server came again: %v", err)
	}
	if n := total(t, s); n != 2 {
		t.Errorf("%d documents are there, want 2", n)
	}
}

// A connection that is cut between two writes is no fault of the next write.
func TestConnectionsAreCut(t *testing.T) {
	s := openAt(t, testpostgres.Database(t), func(c *Config) { c.writers = 1 })
	for n := range 3 {
		if err := put(s, "a", `{}`); err != nil {
			t.Errorf("write %d: %v", n, err)
		}
		cut(t, s)
	}
	if n := total(t, s); n != 1 {
		t.Errorf("%d documents are there", n)
	}
}

// cut ends all sessions of the store's database but its own, and waits until they are gone.
func cut(t *testing.T, s *Store) {
	t.Helper()
	conn := connect(t, s.cfg.URL)
	late := time.Now().Add(time.Minute)
	for {
		var left int
		if err := conn.QueryRow(context.Background(), "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'tidings' AND backend_start < $1", late.Add(-time.Minute)).Scan(&left); err != nil {
			t.Fatal(err)
		}
		if left == 0 {
			return
		}
		if time.Now().After(late) {
			t.Fatal("sessions do not end")
		}
	}
}

// Someone made the database anew under the running server: it is an empty store of another id, not one that fails.
func TestEmptyDatabaseInItsPlace(t *testing.T) {
	s := openAt(t, testpostgres.Database(t))
	if err := put(s, "a", `{}`); err != nil {
		t.Fatal(err)
	}
	id := s.ID()
	conn := connect(t, s.cfg.URL)
	if _, err := conn.Exec(context.Background(), "DROP SCHEMA tidings CASCADE"); err != nil {
		t.Fatal(err)
	}
	if err := put(s, "b", `{}`); err != nil {
		t.Fatal(err)
	}
	if n := total(t, s); n != 1 || s.ID() == id {
		t.Errorf("%d documents, id %s, was %s", n, s.ID(), id)
	}
	list, err := s.Changes(context.Background(), 0, 10)
	if err != nil || len(list) != 2 || list[0].Event != store.Reset || list[0].Collection != taxis || list[1].ID != "b" || list[0].Number < restored {
		t.Errorf("changes %+v, %v", list, err)
	}
}

// A database that was restored, or failed over, has another place: clients are told to load anew, and no number comes
// again that the lost database may have given.
func TestRestoredDatabase(t *testing.T) {
	url := testpostgres.Database(t)
	s := openAt(t, url)
	for _, id := range []string{"a", "b"} {
		if err := put(s, id, `{}`); err != nil {
			t.Fatal(err)
		}
	}
	id := s.ID()
	s.Close()
	if _, err := connect(t, url).Exec(context.Background(), "UPDATE tidings.state SET place = 'elsewhere'"); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, url)
	list, err := s.Changes(context.Background(), s.Mark(), 10)
	if err != nil || len(list) != 1 || list[0].Event != store.Reset || list[0].Number < restored || string(list[0].After) != `{}` || s.ID() == id {
		t.Errorf("id %s, was %s, changes %+v, %v", s.ID(), id, list, err)
	}
	again := openAt(t, url)
	if again.ID() != s.ID() {
		t.Errorf("opened again it has the id %s, before %s", again.ID(), s.ID())
	}
}

// A role that owns nothing but its schema is enough.
func TestRights(t *testing.T) {
	url := testpostgres.Database(t)
	conn := connect(t, url)
	for _, statement := range []string{"DROP ROLE IF EXISTS plain", "CREATE ROLE plain LOGIN", "CREATE SCHEMA tidings AUTHORIZATION plain"} {
		if _, err := conn.Exec(context.Background(), statement); err != nil {
			t.Fatal(err)
		}
	}
	s := openAt(t, strings.Replace(url, "tidings@", "plain@", 1))
	if err := put(s, "a", `{}`); err != nil {
		t.Error(err)
	}
	if list, err := s.Changes(context.Background(), 0, 10); len(list) != 1 || err != nil {
		t.Errorf("%+v, %v", list, err)
	}
}

// A pooler that gives each transaction another session is refused in words that say what to do.
func TestPooler(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			pooler := pgproto3.NewBackend(conn, conn)
			if _, err := pooler.ReceiveStartupMessage(); err == nil {
				pooler.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: "unsupported startup parameter: lock_timeout"})
				pooler.Flush()
			}
			conn.Close()
		}
	}()
	_, err = Open(context.Background(), Config{URL: "postgres://u@" + l.Addr().String() + "/app?sslmode=disable"})
	if err == nil || !strings.Contains(err.Error(), "connect to PostgreSQL itself") {
		t.Errorf("got %v", err)
	}
}
