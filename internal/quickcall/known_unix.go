//go:build unix && (!linux || race)

package quickcall

import "syscall"

// Write is syscall.Write.
func Write(fd int, p []byte) (int, error) { return syscall.Write(fd, p) }

// Read is syscall.Read.
func Read(fd int, p []byte) (int, error) { return syscall.Read(fd, p) }
