package main

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
	"time"
)

// certificate is what the server shows, of two files that may change while it runs.
type certificate struct {
	current atomic.Pointer[tls.Certificate]
}

// load reads the files. If it fails the certificate of before stays.
func (c *certificate) load(cert, key string) error {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	c.current.Store(&pair)
	return nil
}

// ends returns until when the certificate is good.
func (c *certificate) ends() time.Time { return c.current.Load().Leaf.NotAfter }

// config is for HTTP/1.1 alone: that is what a WebSocket, and a stream that outlives its request, are taken over from.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}
