package transports

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
)

// source is a conn that a readers reads.
type source struct {
	conn    net.Conn
	raw     syscall.RawConn // of a plain socket, else nil
	watched bool            // read only while something is there: tryRead
	dry     bool            // the last read found nothing; the reader's own
	short   bool            // the last read found less than it had space for; the reader's own
	passed  bool            // another inbound reads the conn from now on; the reader's own
	at      atomic.Uint64   // the place in a readiness
}

// tryRead reads what is there. It fails with errDry if nothing is.
func (s *source) tryRead(p []byte) (int, error) {
	if c, ok := s.conn.(interface{ TryRead([]byte) (int, error) }); ok {
		return c.TryRead(p)
	}
	return tryRead(s.raw, p)
}

func (s *source) place() place {
	at := s.at.Load()
	return place{uint32(at), uint32(at >> 32)}
}

func (s *source) setPlace(at place) { s.at.Store(uint64(at.index) | uint64(at.use)<<32) }

// place is a spot and which use of it is meant, so that a late event reaches nobody. Use 0 is no place.
type place struct{ index, use uint32 }

var errDry = errors.New("transports: nothing is there to be read now")
