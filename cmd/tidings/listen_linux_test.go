package main

import (
	"net"
	"syscall"
	"testing"
)

// Whatever net.Listen sets on its conns is set on ours, too.
func TestConnsHaveTheKeepAlivesOfGo(t *testing.T) {
	options := func(listen func(address string) (net.Listener, error)) (values [5]int) {
		l, err := listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		raw, err := c.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		raw.Control(func(fd uintptr) {
			for i, o := range keepAlives {
				values[i], _ = syscall.GetsockoptInt(int(fd), o.level, o.name)
			}
			values[4], _ = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
		})
		return values
	}
	got, want := options(listen), options(func(address string) (net.Listener, error) { return net.Listen("tcp", address) })
	if got != want || want[0] == 0 {
		t.Errorf("keep-alive, idle, interval, count, no delay: got %v, want those of net.Listen, %v", got, want)
	}
}
