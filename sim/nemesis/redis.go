package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tidings/internal/leash"
)

// redis is a Redis server of the run, which keeps what it has only if it is told to.
type redis struct {
	dir, addr string
	log       *journal
	process   *leash.Server
	pid       int
}

func startRedis(dir string, log *journal) (*redis, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	r := &redis{dir: dir, addr: addr, log: log}
	return r, r.start()
}

// start starts the server, with what its file has. Whatever it had besides is forgotten.
func (r *redis) start() error {
	_, port, _ := net.SplitHostPort(r.addr)
	out, err := os.Create(filepath.Join(r.dir, "redis.log"))
	if err != nil {
		return err
	}
	defer out.Close()
	r.log.began()
	r.process, err = leash.Run(leash.Command{
		Program: "redis-server", Args: []string{"--port", port, "--bind", "127.0.0.1", "--dir", r.dir, "--save", "", "--daemonize", "no"},
		Signal: "KILL", Dir: r.dir, As: &syscall.SysProcAttr{Setpgid: true}, Output: out,
	})
	if err != nil {
		return err
	}
	for late := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		text, err := r.ask("INFO server")
		_, rest, found := strings.Cut(text, "process_id:")
		if err == nil && found {
			line, _, _ := strings.Cut(rest, "\r\n")
			r.pid, err = strconv.Atoi(line)
			return err
		}
		if time.Now().After(late) {
			return fmt.Errorf("redis-server does not answer: %v", err)
		}
	}
}

// kill ends the server as a crash does.
func (r *redis) kill() { r.process.End() }

// flush has the server forget everything while it runs.
func (r *redis) flush() error {
	_, err := r.ask("FLUSHALL")
	r.log.began()
	return err
}

// forget takes the file away.
func (r *redis) forget() { os.Remove(filepath.Join(r.dir, "dump.rdb")) }

func (r *redis) signal(sig syscall.Signal) { syscall.Kill(r.pid, sig) }

// ask sends a line of words, and returns the answer: a text, or a line. It fails if that is an error.
func (r *redis) ask(line string) (string, error) {
	conn, err := net.DialTimeout("tcp", r.addr, time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, line+"\r\n"); err != nil {
		return "", err
	}
	from := bufio.NewReader(conn)
	answer, err := from.ReadString('\n')
	switch {
	case err != nil:
		return "", err
	case answer[0] == '-':
		return "", fmt.Errorf("%s: %s", line, strings.TrimSpace(answer))
	case answer[0] == '$':
		n, err := strconv.Atoi(strings.TrimSpace(answer[1:]))
		if err != nil || n < 0 {
			return "", err
		}
		text := make([]byte, n)
		_, err = io.ReadFull(from, text)
		return string(text), err
	}
	return answer[1:], nil
}
