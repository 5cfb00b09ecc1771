package proxy

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"time"
)

// lane is one direction of a connection. One goroutine writes to it.
type lane struct {
	conn *conn
	way  Direction
	to   net.Conn
	mute bool          // something was thrown away: nothing that follows would make sense
	sent map[*rule]int // bytes since a rule with ResetAt meets the connection
}

// write sends bytes as the rules of this moment let it.
func (l *lane) write(b []byte) error {
	for _, r := range l.conn.proxy.shapes(l.conn, l.way) {
		switch {
		case r.Stall:
			select {
			case <-r.over:
			case <-l.conn.done:
				return errEnded
			}
		case r.Mute:
			l.mute = true
		case r.Delay > 0:
			if !l.conn.pause(r.Delay) {
				return errEnded
			}
		case r.ResetAt > 0:
			if l.sent == nil {
				l.sent = map[*rule]int{}
			}
			if l.sent[r] += len(b); l.sent[r] > r.ResetAt {
				l.to.Write(b[:max(0, len(b)-(l.sent[r]-r.ResetAt))])
				l.conn.end()
				return errEnded
			}
		case r.Rate > 0:
			return l.trickle(b, r)
		}
	}
	return l.put(b)
}

// trickle sends bytes ten times a second, until the rule ends.
func (l *lane) trickle(b []byte, r *rule) error {
	const beat = 100 * time.Millisecond
	for len(b) > 0 {
		n := min(len(b), max(1, r.Rate/10))
		select {
		case <-r.over:
			n = len(b)
		default:
			if !l.conn.pause(beat) {
				return errEnded
			}
		}
		if err := l.put(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func (l *lane) put(b []byte) error {
	if l.mute {
		return nil
	}
	l.to.SetWriteDeadline(time.Now().Add(giveUp))
	_, err := l.to.Write(b)
	return err
}

// drops reports whether a rule throws a piece of n bytes away.
func (l *lane) drops(n int) bool {
	for _, r := range l.conn.proxy.shapes(l.conn, l.way) {
		if r.Drop > 0 && n > r.Drop {
			return true
		}
	}
	return false
}

// pour sends what comes after the upgrade of a connection: WebSocket messages, which keep their bounds if whole.
func (l *lane) pour(from *bufio.Reader, whole bool) {
	piece := make([]byte, 32<<10)
	for {
		n, err := 0, error(nil)
		if whole {
			piece, n, err = readFrame(from, piece)
		} else {
			n, err = from.Read(piece)
		}
		if n > 0 && !(whole && l.drops(n)) && l.write(piece[:n]) != nil {
			return
		}
		if err != nil {
			return
		}
	}
}

// readFrame reads one WebSocket frame of a server, which masks nothing, with its head into b, or into a longer slice.
func readFrame(from *bufio.Reader, b []byte) ([]byte, int, error) {
	start, err := from.Peek(2)
	if err != nil {
		return b, 0, err
	}
	head, length := 2, uint64(start[1]&0x7f)
	switch length {
	case 126:
		head = 4
	case 127:
		head = 10
	}
	if head > 2 {
		if start, err = from.Peek(head); err != nil {
			return b, 0, err
		}
		if length = uint64(binary.BigEndian.Uint16(start[2:])); head == 10 {
			length = binary.BigEndian.Uint64(start[2:])
		}
	}
	if length > 16<<20 {
		return b, 0, io.ErrShortBuffer
	}
	total := head + int(length)
	if total > len(b) {
		b = make([]byte, total)
	}
	n, err := io.ReadFull(from, b[:total])
	return b, n, err
}
