package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// process is a program that runs, with what it prints in a file.
type process struct {
	cmd  *exec.Cmd
	log  string
	gone chan struct{} // closed when it has ended
}

// start starts a program. What it prints goes to a file in dir that has its name.
func start(dir, name, program string, environ []string, args ...string) (*process, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("%s is not here: make build builds the server, make deps installs the rest", program)
	}
	p := &process{cmd: exec.Command(path, args...), log: filepath.Join(dir, name+".log"), gone: make(chan struct{})}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = out, out, alone()
	p.cmd.Env = append(os.Environ(), environ...)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait()
		close(p.gone)
	}()
	return p, nil
}

// end ends the program by a signal, and returns when it has ended.
func (p *process) end(by syscall.Signal) {
	p.cmd.Process.Signal(by)
	<-p.gone
}

// freePorts returns so many ports on which nobody listens, below those that the kernel gives to outgoing connections.
func freePorts(n int) ([]int, error) {
	var ports []int
	for port := 18_100; len(ports) < n; port++ {
		if port == 30_000 {
			return nil, fmt.Errorf("no %d ports are free between 18100 and 30000", n)
		}
		if l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
			l.Close()
			ports = append(ports, port)
		}
	}
	return ports, nil
}
