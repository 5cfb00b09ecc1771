package main

import (
	"context"
	"errors"
	"net"
	"syscall"
)

// listen listens on a TCP address. Its conns have the keep-alives that those of net.Listen have: 15 s of silence, then
// nine probes every 15 s. They inherit these from the listening socket, which saves four system calls for each conn.
func listen(address string) (net.Listener, error) {
	config := net.ListenConfig{KeepAlive: -1, Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) {
			for _, option := range keepAlives {
				failed = errors.Join(failed, syscall.SetsockoptInt(int(fd), option.level, option.name, option.value))
			}
		})
		return errors.Join(err, failed)
	}}
	return config.Listen(context.Background(), "tcp", address)
}

// keepAlives are socket options; times in seconds.
var keepAlives = []struct{ level, name, value int }{
	{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 15},
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 15},
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 9},
}
