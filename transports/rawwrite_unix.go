//go:build unix

package transports

import (
	"net"
	"syscall"

	"tidings/internal/quickcall"
)

// rawConn returns the socket under c, for writes that do not wait, or nil if c is more than a plain socket.
func rawConn(c net.Conn) syscall.RawConn {
	var raw syscall.RawConn
	switch c := c.(type) { // exact types: a type that embeds one of these has a Write of its own
	case *net.TCPConn:
		raw, _ = c.SyscallConn()
	case *net.UnixConn:
		raw, _ = c.SyscallConn()
	}
	return raw
}

// writeNow writes as much of b.out as the kernel takes at once, in one system call, and leaves in b.n how much that
// was.
func (b *batch) writeNow(raw syscall.RawConn) error {
	b.n, b.err = 0, nil
	if err := raw.Write(b.try); err != nil {
		return err
	}
	return b.err
}

// tryFD always reports true: RawConn would wait for the socket otherwise.
func (b *batch) tryFD(fd uintptr) bool {
	for len(b.out) > 0 {
		n, err := quickcall.Write(int(fd), b.out)
		switch err {
		case syscall.EINTR:
			continue
		case nil:
			b.n = n
		case syscall.EAGAIN:
		default:
			b.err = err
		}
		return true
	}
	return true
}
