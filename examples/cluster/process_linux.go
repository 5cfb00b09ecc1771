package main

import "syscall"

// alone has a program not be interrupted by the Ctrl-C that this command is, and end with this command, however that
// ends.
func alone() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
