// Package leash runs the servers that tests start: each ends with the process of the test, however that ends.
package leash

import (
	"io"
	"os"
	"os/exec"
	"syscall"
)

// Command is what runs.
type Command struct {
	Program string
	Args    []string
	Signal  string // that ends it, as the shell's kill has it: "KILL"
	Dir     string
	As      *syscall.SysProcAttr
	Output  *os.File // for what it prints; it may be closed once Run has returned
}

// Server is a program that runs.
type Server struct {
	Ended <-chan struct{} // closed when the program has ended

	alive io.Closer // the program ends when it is closed
}

// Run starts a program. A shell ends it when this process is gone, and the pipe with it. The pipe is file 3, since a
// shell without job control gives /dev/null to what runs in the background.
func Run(c Command) (*Server, error) {
	script := `"$@" & server=$!; (cat <&3 >/dev/null; kill -` + c.Signal + ` $server) & wait $server`
	cmd := exec.Command("sh", append([]string{"-c", script, "sh", c.Program}, c.Args...)...)
	cmd.SysProcAttr, cmd.Dir = c.As, c.Dir
	cmd.Stdout, cmd.Stderr = c.Output, c.Output
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	cmd.ExtraFiles = []*os.File{read}
	if err := cmd.Start(); err != nil {
		write.Close()
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	return &Server{Ended: ended, alive: write}, nil
}

// End ends the program, and returns when it has ended.
func (s *Server) End() {
	s.alive.Close()
	<-s.Ended
}

// Place returns a folder in memory for a server's files, if the system has one with that many bytes to spare, else "".
// Tests ask what is there after a process ended, not after the power failed.
func Place(bytes uint64) string {
	var free syscall.Statfs_t
	if syscall.Statfs("/dev/shm", &free) == nil && free.Bavail*uint64(free.Bsize) > bytes {
		return "/dev/shm"
	}
	return ""
}
