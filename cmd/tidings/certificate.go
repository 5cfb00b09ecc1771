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

// protocols are offered in this order. A browser's plain streams share one HTTP/2 connection, where of HTTP/1.1 it has
// six for all tabs; for a WebSocket it makes an HTTP/1.1 connection of its own.
var protocols = []string{"h2", "http/1.1"}

// config is for TLS from 1.2 on, with the certificate of the moment.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     protocols,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}
