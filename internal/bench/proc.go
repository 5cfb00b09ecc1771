package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// server is a process under measurement: the real binary, or this program as the raw server.
type server struct {
	name string
	cmd  *exec.Cmd
	addr string
	log  *bytes.Buffer
}

// start runs a server on a free port, on serverCores where pinning works, and waits until it is healthy.
func start(name, binary string, args ...string) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "ADDR", addr)
	}
	argv := append([]string{binary}, args...)
	if pinning {
		argv = append([]string{"taskset", "-c", serverCores}, argv...)
	}
	s := &server{name: name, addr: addr, log: &bytes.Buffer{}, cmd: exec.Command(argv[0], argv[1:]...)}
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.Env = append(os.Environ(), "GOGC=", "GOMEMLIMIT=")
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for range 200 {
		time.Sleep(25 * time.Millisecond)
		resp, err := http.Get("http://" + addr + "/readyz") // a raw server has none, and is ready when it answers
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode != http.StatusServiceUnavailable {
				return s, nil
			}
		}
	}
	s.stop()
	return nil, fmt.Errorf("%s did not become healthy:\n%s", name, s.log)
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func (s *server) stop() {
	s.cmd.Process.Signal(syscall.SIGKILL)
	s.cmd.Wait()
}

// cpu is the processor time that the server used so far, user and system, by the clock of its process. taskset execs,
// so the process is the server itself.
func (s *server) cpu() time.Duration {
	const schedClock = 2 // nanoseconds of a process, see clock_getcpuclockid(3)
	clock := ^s.cmd.Process.Pid<<3 | schedClock
	var ts syscall.Timespec
	if _, _, no := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&ts)), 0); no != 0 {
		return 0
	}
	return time.Duration(ts.Nano())
}

// rss is the server's resident memory in bytes.
func (s *server) rss() int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}
