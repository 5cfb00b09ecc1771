//go:build !linux

package main

import "net"

// listen listens on a TCP address.
func listen(address string) (net.Listener, error) { return net.Listen("tcp", address) }
