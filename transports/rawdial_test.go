//go:build unix

package transports

import (
	"context"
	"net"
	"syscall"
)

// dialSmall dials with a receive buffer of 4 KiB, set before the handshake, so that the window is small from the start.
func dialSmall(address string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		d := net.Dialer{Control: func(network, address string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10) })
		}}
		return d.DialContext(ctx, "tcp", address)
	}
}
