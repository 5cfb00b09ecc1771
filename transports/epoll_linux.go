package transports

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"

	"tidings/internal/quickcall"
)

// epoll is the notifier of Linux: an epoll set beside the one of Go's runtime. The runtime waits for this set as for
// any other file, so it costs a goroutine and no thread. It is edge-triggered: no call is needed to ask for the next
// event.
type epoll struct {
	fire func(at place, ended bool)

	mu     sync.Mutex // guards all below
	fd     int        // of file
	file   *os.File   // nil before the first add
	closed bool
}

func newNotifier(fire func(place, bool)) notifier { return &epoll{fire: fire} }

// open makes the set. The caller has the lock.
func (e *epoll) open() error {
	if e.closed {
		return net.ErrClosed
	}
	if e.file != nil {
		return nil
	}
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil { // which lets NewFile wait in the runtime's poller
		syscall.Close(fd)
		return os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(fd), "epoll")
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return err
	}
	e.fd, e.file = fd, file
	go e.wait(raw)
	return nil
}

// wait reports events to fire until the set is closed. A set that brought fewer events than fit is empty, and what
// comes later wakes the runtime's poller anew: no call is needed to see that nothing is there.
func (e *epoll) wait(raw syscall.RawConn) {
	events := make([]syscall.EpollEvent, 128)
	raw.Read(func(fd uintptr) (over bool) {
		for n := len(events); n == len(events); {
			var err error
			if n, err = quickcall.Events(int(fd), events); err == syscall.EINTR {
				n = len(events)
				continue
			}
			if err != nil {
				return true
			}
			for _, ev := range events[:n] {
				e.fire(place{uint32(ev.Fd), uint32(ev.Pad)}, ev.Events&^syscall.EPOLLIN != 0)
			}
		}
		return false
	})
}

var errUnwatchable = errors.New("transports: not a plain socket")

// add puts the conn into the set. The kernel removes it when it is closed. Events carry a place and not the number of a
// file, so that a late one cannot reach another conn.
func (e *epoll) add(s *source, at place) error {
	if s.raw == nil {
		return errUnwatchable
	}
	var failed error
	err := s.raw.Control(func(fd uintptr) {
		e.mu.Lock()
		defer e.mu.Unlock()
		if failed = e.open(); failed != nil {
			return
		}
		ev := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | 1<<31 /* EPOLLET */, Fd: int32(at.index), Pad: int32(at.use)}
		failed = syscall.EpollCtl(e.fd, syscall.EPOLL_CTL_ADD, int(fd), &ev)
	})
	return errors.Join(err, failed)
}

func (e *epoll) remove(s *source) {
	s.raw.Control(func(fd uintptr) {
		e.mu.Lock()
		defer e.mu.Unlock()
		if !e.closed {
			syscall.EpollCtl(e.fd, syscall.EPOLL_CTL_DEL, int(fd), nil)
		}
	})
}

func (e *epoll) can(local net.Addr) bool {
	switch local.(type) {
	case *net.TCPAddr, *net.UnixAddr:
		return true
	}
	return false
}

func (e *epoll) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	if e.file != nil {
		e.file.Close()
	}
}
