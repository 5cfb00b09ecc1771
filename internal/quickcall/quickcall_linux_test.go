package quickcall

import (
	"bytes"
	"syscall"
	"testing"
)

// pair returns two sockets that do not block, joined.
func pair(t *testing.T) (a, b int) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fds[0]); syscall.Close(fds[1]) })
	return fds[0], fds[1]
}

// The calls return what those of package syscall return, whatever happens to the socket.
func TestReadAndWrite(t *testing.T) {
	a, b := pair(t)
	long := make([]byte, 16<<20)
	for _, c := range []struct {
		name string
		call func() (int, error)
		n    int
		err  error
	}{
		{"nothing is there", func() (int, error) { return Read(b, make([]byte, 8)) }, 0, syscall.EAGAIN},
		{"a write", func() (int, error) { return Write(a, []byte("hello")) }, 5, nil},
		{"a read of less", func() (int, error) { return Read(b, make([]byte, 3)) }, 3, nil},
		{"a read of the rest", func() (int, error) { return Read(b, make([]byte, 8)) }, 2, nil},
		{"no such file", func() (int, error) { return Write(-1, []byte("x")) }, 0, syscall.EBADF},
		{"a full socket", func() (int, error) {
			for {
				if n, err := Write(a, long); err != nil {
					return n, err
				}
			}
		}, 0, syscall.EAGAIN},
		{"the end", func() (int, error) { syscall.Shutdown(b, syscall.SHUT_WR); return Read(a, make([]byte, 8)) }, 0, nil},
	} {
		n, err := c.call()
		if err != nil {
			n = 0 // syscall has -1 there, which nobody may look at
		}
		if n != c.n || err != c.err {
			t.Errorf("%s: got %d, %v; want %d, %v", c.name, n, err, c.n, c.err)
		}
	}
}

// What is read is where it was asked for, and no byte behind it is touched.
func TestReadFillsNoMore(t *testing.T) {
	a, b := pair(t)
	Write(a, []byte("abcdef"))
	p := []byte("........")
	if n, err := Read(b, p[1:4]); n != 3 || err != nil || !bytes.Equal(p, []byte(".abc....")) {
		t.Errorf("got %d, %v, %q; want 3 bytes in the middle", n, err, p)
	}
}

func TestEvents(t *testing.T) {
	a, b := pair(t)
	set, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(set)
	syscall.EpollCtl(set, syscall.EPOLL_CTL_ADD, b, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: 7})
	events := make([]syscall.EpollEvent, 4)
	if n, err := Events(set, events); n != 0 || err != nil {
		t.Errorf("nothing has come: got %d, %v", n, err)
	}
	Write(a, []byte("x"))
	if n, err := Events(set, events); n != 1 || err != nil || events[0].Fd != 7 || events[0].Events != syscall.EPOLLIN {
		t.Errorf("a byte has come: got %d, %v, %+v", n, err, events[0])
	}
	if _, err := Events(-1, events); err != syscall.EBADF {
		t.Errorf("no such set: got %v", err)
	}
}

// A call costs no memory: each message makes one for each of its receivers.
func TestNoAllocations(t *testing.T) {
	a, b := pair(t)
	p := make([]byte, 8)
	if n := testing.AllocsPerRun(100, func() { Write(a, p); Read(b, p); Read(b, p); Monitor() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
