package postgres

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tidings/internal/testpostgres"
)

// A real PgBouncer that gives each transaction another session is refused in words that say what to do: as it comes,
// and set up to take what a session asks for when it begins.
func TestPgBouncer(t *testing.T) {
	for _, tt := range []struct{ name, settings string }{
		{"as it comes", "pool_mode = transaction"},
		{"with ignore_startup_parameters", "pool_mode = transaction\nignore_startup_parameters = extra_float_digits,lock_timeout,idle_in_transaction_session_timeout,statement_timeout,client_min_messages,default_transaction_isolation,default_transaction_read_only,synchronous_commit,search_path,jit,idle_session_timeout,tcp_user_timeout,timezone,datestyle,intervalstyle,bytea_output,standard_conforming_strings,transaction_timeout,row_security"},
		{"by the statement", "pool_mode = statement\nignore_startup_parameters = extra_float_digits,lock_timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			port := startPooler(t, tt.settings)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			s, err := Open(ctx, Config{URL: fmt.Sprintf("postgres://tidings@127.0.0.1:%d/postgres?sslmode=disable", port)})
			if err == nil {
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), "connect to PostgreSQL itself") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// startPooler starts a PgBouncer before the server of the tests, and returns its port.
func startPooler(t *testing.T, settings string) int {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if program = "/usr/sbin/pgbouncer"; exec.Command(program, "-V").Run() != nil {
			t.Fatal("there is no PgBouncer here: make deps installs it")
		}
	}
	server, err := pgx.ParseConfig(testpostgres.Shared(t).URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for try := 0; ; try++ {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := free.Addr().(*net.TCPAddr).Port
		free.Close()
		file := filepath.Join(folder, "pgbouncer.ini")
		text := fmt.Sprintf("[databases]\n* = host=%s port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\nauth_type = any\n%s\n", server.Host, server.Port, port, settings)
		text = strings.Replace(text, "* = host", "postgres = user=tidings host", 1)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(program, file)
		if os.Getuid() == 0 { // as which it does not run
			cmd.Args = []string{program, "-u", "nobody", file}
		}
		log := &strings.Builder{}
		cmd.Stderr = log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			cmd.Wait()
			close(ended)
		}()
		if answers(port, ended) {
			t.Cleanup(func() {
				cmd.Process.Kill()
				<-ended
			})
			return port
		}
		cmd.Process.Kill()
		if <-ended; try == 2 { // another program may have taken the port
			t.Fatalf("PgBouncer does not answer: %s", log)
		}
	}
}

// answers reports whether somebody listens before the process has ended.
func answers(port int, ended <-chan struct{}) bool {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for late := time.After(time.Minute); ; {
		if conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
			conn.Close()
			return true
		}
		select {
		case <-look.C:
		case <-ended:
			return false
		case <-late:
			return false
		}
	}
}
