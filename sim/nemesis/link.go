package main

import (
	"net"
	"sync"
)

// link is the wire between two of ours, which can be cut, or take bytes and bring none.
type link struct {
	net.Listener
	to string

	mu    sync.Mutex // guards the rest
	state wire
	whole chan struct{} // closed when it is not mute
	conns map[net.Conn]bool
}

// wire is how a link is.
type wire int

const (
	whole wire = iota
	cut        // connections break, and new ones are refused
	mute       // nothing arrives any more, and nobody hears why
)

// newLink makes a link to an address, and listens on one of its own until it is closed.
func newLink(to string) (*link, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	k := &link{Listener: l, to: to, whole: make(chan struct{}), conns: map[net.Conn]bool{}}
	close(k.whole)
	go k.serve()
	return k, nil
}

// set changes how the link is. What a mute one held back arrives when it is whole again.
func (k *link) set(state wire) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state == mute && state != mute {
		close(k.whole)
	}
	if k.state != mute && state == mute {
		k.whole = make(chan struct{})
	}
	if k.state = state; state == cut {
		for c := range k.conns {
			c.Close()
		}
	}
}

// close ends the link and all that goes over it.
func (k *link) close() {
	k.Listener.Close()
	k.set(cut)
}

func (k *link) serve() {
	for {
		near, err := k.Accept()
		if err != nil {
			return
		}
		go k.carry(near)
	}
}

// carry carries one connection.
func (k *link) carry(near net.Conn) {
	defer near.Close()
	if !k.keep(near) {
		return
	}
	defer k.drop(near)
	far, err := net.Dial("tcp", k.to)
	if err != nil {
		return
	}
	defer far.Close()
	if !k.keep(far) {
		return
	}
	defer k.drop(far)
	go func() {
		k.pour(far, near)
		far.Close()
	}()
	k.pour(near, far)
}

// keep notes a connection, unless the link is cut.
func (k *link) keep(c net.Conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state == cut {
		return false
	}
	k.conns[c] = true
	return true
}

func (k *link) drop(c net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.conns, c)
}

// pour brings what comes from one side to the other, as long as the link is whole.
func (k *link) pour(to, from net.Conn) {
	piece := make([]byte, 32<<10)
	for {
		n, err := from.Read(piece)
		if n > 0 {
			k.mu.Lock()
			whole := k.whole
			k.mu.Unlock()
			<-whole
			if _, err := to.Write(piece[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
