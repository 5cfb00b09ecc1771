// Package testpostgres starts a PostgreSQL server for the tests of one process, on a free port, from the system's
// packages. It ends with the process, however that ends.
package testpostgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tidings/internal/leash"
)

// Server is a running server. Its superuser is "tidings", whom it trusts.
type Server struct {
	Port  int
	Tools string // the folder of psql, pgbench and the like

	dir     string
	as      *syscall.SysProcAttr
	process *leash.Server
	next    atomic.Int64
}

var shared = sync.OnceValues(func() (*Server, error) { return Start() })

var used atomic.Bool

// Main runs the tests of a package and ends the server, if one was started.
func Main(m *testing.M) int {
	code := m.Run()
	if used.Load() {
		if s, err := shared(); err == nil {
			s.Stop()
		}
	}
	return code
}

// Shared returns the server of this process.
func Shared(t testing.TB) *Server {
	t.Helper()
	used.Store(true)
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Database makes an empty database and returns its URL.
func Database(t testing.TB) string {
	t.Helper()
	return Shared(t).Database(t)
}

// Database makes an empty database and returns its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	name := fmt.Sprintf("test%d", s.next.Add(1))
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.drop(name) })
	return s.URL(name)
}

// drop removes a database when its test is over, if the server still runs.
func (s *Server) drop(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return
	}
	defer conn.Close(ctx)
	conn.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
}

// URL returns the URL of a database.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://tidings@127.0.0.1:%d/%s?sslmode=disable", s.Port, database)
}

// tools returns the folder of PostgreSQL's programs, which Debian keeps out of the PATH.
func tools() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("there is no PostgreSQL here: make deps installs it")
	}
	return filepath.Dir(path), nil
}

// account returns as whom the server runs: it refuses root.
func account() (*syscall.SysProcAttr, int, error) {
	if os.Getuid() != 0 {
		return &syscall.SysProcAttr{Setpgid: true}, os.Getuid(), nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, 0, err
		}
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, 0, err
	}
	return &syscall.SysProcAttr{Setpgid: true, Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid), NoSetGroups: true}}, uid, nil
}

// Start starts a server of its own, for a test that ends it.
func Start(settings ...string) (*Server, error) {
	folder, err := tools()
	if err != nil {
		return nil, err
	}
	s := &Server{Tools: folder}
	var uid int
	if s.as, uid, err = account(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp(leash.Place(memory), "tidings-postgres-"); err != nil {
		return nil, err
	}
	if err := os.Chown(s.dir, uid, -1); err != nil {
		return nil, err
	}
	made := exec.Command(filepath.Join(folder, "initdb"), "-D", filepath.Join(s.dir, "data"), "-U", "tidings", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	made.SysProcAttr, made.Dir = s.as, s.dir
	if out, err := made.CombinedOutput(); err != nil {
		os.RemoveAll(s.dir)
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	for try := 0; ; try++ {
		err := s.Run(settings...)
		if err == nil || try == 2 {
			return s, err
		}
	}
}

// memory is how much a server of tests may need: a database has 8 MB, and one that a test left lives for a while.
const memory = 2 << 30

// Run starts the server, on the port that it had, if it had one.
func (s *Server) Run(settings ...string) error {
	port := s.Port
	if port == 0 {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		port = free.Addr().(*net.TCPAddr).Port
		free.Close()
	}
	args := []string{"-D", filepath.Join(s.dir, "data"), "-p", strconv.Itoa(port), "-k", s.dir}
	for _, setting := range append([]string{"listen_addresses=127.0.0.1", "fsync=off", "max_prepared_transactions=10", "shared_buffers=32MB", "max_wal_size=128MB", "max_connections=100", "autovacuum_naptime=1min"}, settings...) {
		args = append(args, "-c", setting)
	}
	log, err := os.CreateTemp(s.dir, "log-")
	if err != nil {
		return err
	}
	defer log.Close()
	s.process, err = leash.Run(leash.Command{Program: filepath.Join(s.Tools, "postgres"), Args: args, Signal: "QUIT", Dir: s.dir, As: s.as, Output: log})
	if err != nil {
		return err
	}
	if err := s.answers(port); err != nil {
		text, _ := os.ReadFile(log.Name())
		s.Halt()
		return fmt.Errorf("%w: %s", err, text)
	}
	s.Port = port
	return nil
}

// answers waits until the server does.
func (s *Server) answers(port int) error {
	late := time.After(2 * time.Minute)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://tidings@127.0.0.1:%d/postgres?sslmode=disable", port))
		if err == nil {
			conn.Close(ctx)
		}
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-s.process.Ended:
			return errors.New("the server has ended")
		case <-late:
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Halt ends the server as a crash does. Run starts it again.
func (s *Server) Halt() {
	s.process.End()
}

// Stop ends the server and removes its files.
func (s *Server) Stop() {
	s.Halt()
	os.RemoveAll(s.dir)
}
