package quickcall

import (
	"syscall"
	"unsafe"
)

// Events fills events, which has space for one at least, with what is there in an epoll set, and returns how many they
// are. It does not wait for any.
func Events(fd int, events []syscall.EpollEvent) (int, error) {
	return result(syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0))
}

func result(n, _ uintptr, no syscall.Errno) (int, error) {
	if no != 0 {
		return 0, no
	}
	return int(n), nil
}
