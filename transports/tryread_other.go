//go:build !unix

package transports

import "syscall"

func tryRead(syscall.RawConn, []byte) (int, error) { return 0, errDry }
