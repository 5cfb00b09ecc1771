//go:build !unix

package transports

import (
	"net"
	"syscall"
)

func rawConn(net.Conn) syscall.RawConn { return nil }

func (b *batch) writeNow(syscall.RawConn) error { return nil }

func (b *batch) tryFD(uintptr) bool { return true }
