//go:build unix

package transports

import (
	"io"
	"sync"
	"syscall"

	"tidings/internal/quickcall"
)

// triedRead is a read that does not wait.
type triedRead struct {
	p   []byte
	n   int
	err error
	try func(fd uintptr) bool
}

var triedReads = sync.Pool{New: func() any {
	r := &triedRead{}
	r.try = r.tryFD
	return r
}}

// tryRead reads what is there, in one system call. It fails with errDry if nothing is.
func tryRead(raw syscall.RawConn, p []byte) (int, error) {
	r := triedReads.Get().(*triedRead)
	r.p, r.n, r.err = p, 0, nil
	err := raw.Read(r.try)
	if err == nil {
		err = r.err
	}
	n := r.n
	r.p = nil
	triedReads.Put(r)
	return n, err
}

// tryFD always reports true: RawConn would wait for the socket otherwise.
func (r *triedRead) tryFD(fd uintptr) bool {
	for {
		n, err := quickcall.Read(int(fd), r.p)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			r.err = errDry
		case err != nil:
			r.err = err
		case n == 0:
			r.err = io.EOF
		default:
			r.n = n
		}
		return true
	}
}
