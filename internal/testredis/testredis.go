// Package testredis starts Redis servers for tests, on free ports, from the system's packages. They end with the
// process, however that ends.
//
//	testredis.go    one server: started, ended as by a crash, paused, asked
//	topology.go     a replica, and a cluster
//	resp.go         the few words of Redis' protocol that tests need
package testredis

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tidings/internal/leash"
)

// Server is a running server.
type Server struct {
	Port int

	dir      string
	settings []string
	file     string        // of settings, before all others; "" for none
	process  *leash.Server // nil after Halt
	pid      int
}

// Start starts a server that ends with the test. settings are those of redis-server, in pairs: "--maxmemory", "5mb".
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s := prepare(t, settings)
	s.start(t)
	return s
}

func prepare(t testing.TB, settings []string) *Server {
	t.Helper()
	dir, err := os.MkdirTemp(leash.Place(256<<20), "tidings-redis-")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{dir: dir, settings: settings}
	t.Cleanup(func() {
		s.Halt()
		os.RemoveAll(dir)
	})
	return s
}

func (s *Server) start(t testing.TB) {
	t.Helper()
	for try := 0; ; try++ { // another process may take the port in between
		err := s.run()
		if err == nil {
			return
		}
		if try == 3 {
			t.Fatal(err)
		}
		s.Port = 0
	}
}

// Addr returns the server's address.
func (s *Server) Addr() string { return "127.0.0.1:" + strconv.Itoa(s.Port) }

// URL returns the server's address as a URL.
func (s *Server) URL() string { return "redis://" + s.Addr() }

// Run starts a server again that was ended by Halt, on its port, with what it has on its disk.
func (s *Server) Run(t testing.TB) {
	t.Helper()
	var err error
	for range 50 {
		if err = s.run(); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond) // the port may not be free yet
	}
	t.Fatal(err)
}

func (s *Server) run() error {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return errors.New("there is no redis-server here: make deps installs it")
	}
	if s.Port == 0 {
		if s.Port, err = FreePort(); err != nil {
			return err
		}
	}
	args := []string{"--port", strconv.Itoa(s.Port), "--bind", "127.0.0.1", "--dir", s.dir, "--daemonize", "no"}
	if s.file != "" {
		args = append([]string{s.file}, args...)
	} else {
		args = append(args, "--save", "", "--repl-diskless-sync-delay", "0")
	}
	args = append(args, s.settings...)
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.process, err = leash.Run(leash.Command{Program: program, Args: args, Signal: "KILL", Dir: s.dir, As: &syscall.SysProcAttr{Setpgid: true}, Output: log})
	if err != nil {
		return err
	}
	if err := s.answers(); err != nil {
		text, _ := os.ReadFile(log.Name())
		s.Halt()
		return fmt.Errorf("%w: %s", err, text)
	}
	return nil
}

// FreePort returns a port on which nobody listens.
func FreePort() (int, error) {
	for {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := free.Addr().(*net.TCPAddr).Port
		free.Close()
		if port < 55000 { // a cluster's own port is 10,000 above
			return port, nil
		}
	}
}

// answers waits until the server does, and is the one that was started.
func (s *Server) answers() error {
	late := time.After(time.Minute)
	for {
		text, err := s.ask("INFO", "server")
		if err == nil {
			if s.pid = number(text, "process_id"); number(text, "tcp_port") == s.Port && strings.Contains(text, "executable:") {
				return nil
			}
		}
		select {
		case <-s.process.Ended:
			return errors.New("the server has ended")
		case <-late:
			return fmt.Errorf("the server does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func number(info, field string) int {
	_, rest, _ := strings.Cut(info, field+":")
	line, _, _ := strings.Cut(rest, "\r\n")
	n, _ := strconv.Atoi(line)
	return n
}

// Number returns a number of the server's INFO.
func (s *Server) Number(t testing.TB, section, field string) int {
	t.Helper()
	return number(s.Do(t, "INFO", section), field)
}

// Halt ends the server as a crash does, by SIGKILL.
func (s *Server) Halt() {
	if s.process == nil {
		return
	}
	s.process.End()
	s.process = nil
}

// Pause stops the server's process, as a machine that hangs, until Continue.
func (s *Server) Pause() { syscall.Kill(s.pid, syscall.SIGSTOP) }

// Continue has a paused server go on.
func (s *Server) Continue() { syscall.Kill(s.pid, syscall.SIGCONT) }

// CPU returns the processor time that the server has used.
func (s *Server) CPU(t testing.TB) time.Duration {
	t.Helper()
	sum := 0.0
	text := s.Do(t, "INFO", "cpu")
	for _, field := range []string{"used_cpu_sys:", "used_cpu_user:"} {
		_, rest, _ := strings.Cut(text, field)
		line, _, _ := strings.Cut(rest, "\r\n")
		seconds, err := strconv.ParseFloat(line, 64)
		if err != nil {
			t.Fatalf("INFO cpu: %v", err)
		}
		sum += seconds
	}
	return time.Duration(sum * float64(time.Second))
}
