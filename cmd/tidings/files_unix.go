//go:build unix

package main

import "syscall"

// openFiles is how many files, sockets among them, the process may open; zero if it is not bounded. Go has raised the
// limit as far as it may.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > 10_000_000 {
		return 0
	}
	return int(limit.Cur)
}
