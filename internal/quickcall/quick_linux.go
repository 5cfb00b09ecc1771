//go:build !race

package quickcall

import (
	"syscall"
	"unsafe"
)

// Write writes p, which is not empty, as syscall.Write does. fd must not block.
func Write(fd int, p []byte) (int, error) {
	return result(syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p))))
}

// Read reads into p, which is not empty, as syscall.Read does. fd must not block.
func Read(fd int, p []byte) (int, error) {
	return result(syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p))))
}

// Monitor wakes the runtime's monitor if it sleeps, so that it looks after a goroutine that goes on and on: it has
// others run, and reads the network for them.
func Monitor() {
	syscall.Read(-1, nil) // any call that the runtime is told of
}
