package transports

import (
	"errors"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// intake bounds what one client may send: WebSocket frames of every kind, fragments and pings included, and bytes.
// The zero intake is full.
type intake struct {
	framing framing
	frames  core.Bucket
	bytes   core.Bucket
}

const (
	framesPerSecond = 1000
	framesBurst     = 2000
	bytesPerSecond  = 256 << 10
	bytesBurst      = 1 << 20
)

var errIntake = errors.New("transports: the client sends too much")

// take counts bytes that arrived. It reports false once the client is over its budget.
func (in *intake) take(p []byte, now time.Time) bool {
	n := in.framing.count(p)
	at := time.Duration(now.UnixNano())
	return in.frames.Take(n, core.Rate{PerSecond: framesPerSecond, Burst: framesBurst}, at) && in.bytes.Take(len(p), core.Rate{PerSecond: bytesPerSecond, Burst: bytesBurst}, at)
}

// framing follows the boundaries of RFC 6455 frames in a stream of bytes, to count them. Of what it sees it checks only
// the lengths, which the library believes until the bytes have come.
type framing struct {
	skip uint64 // bytes of mask and payload still to come
	len  uint64
	ext  uint8 // bytes of the extended length still to come
	mask uint8 // 4 if the frame is masked
	part uint8
	wide uint8           // bytes of the extended length
	most uint32          // bytes of a message; 0: protocol.MaxMessageBytes
	bad  *protocol.Error // what is wrong with the length of the last frame, or nil
}

const (
	atOpcode uint8 = iota
	atLength
	atExtended
)

// count returns the number of frames that begin in p.
func (f *framing) count(p []byte) (n int) {
	for len(p) > 0 {
		if f.skip > 0 {
			m := min(f.skip, uint64(len(p)))
			f.skip -= m
			p = p[m:]
			continue
		}
		if f.part == atOpcode {
			n++
		}
		f.step(p[0])
		p = p[1:]
	}
	return n
}

// between reports whether no frame is under way.
func (f *framing) between() bool { return f.skip == 0 && f.part == atOpcode }

func (f *framing) step(b byte) {
	switch f.part {
	case atOpcode:
		f.part = atLength
		return
	case atLength:
		f.mask = b >> 7 * 4
		f.len, f.ext, f.wide, f.part = uint64(b&0x7f), 0, 0, atExtended
		switch f.len {
		case 126:
			f.len, f.ext, f.wide = 0, 2, 2
		case 127:
			f.len, f.ext, f.wide = 0, 8, 8
		}
	default:
		f.len = f.len<<8 | uint64(b)
		f.ext--
	}
	if f.ext == 0 {
		f.bad = f.badLength()
		f.skip, f.part = f.len+uint64(f.mask), atOpcode
	}
}

// limit is how many bytes a message may have.
func (f *framing) limit() int {
	if f.most != 0 {
		return int(f.most)
	}
	return protocol.MaxMessageBytes
}

// badLength returns what is wrong with the length of a frame whose header has come.
func (f *framing) badLength() *protocol.Error {
	switch {
	case f.len > uint64(f.limit()) && f.len>>63 == 0:
		return errTooLarge
	case f.wide == 2 && f.len < 126, f.wide == 8 && f.len <= 0xffff, f.len>>63 == 1:
		return errProtocol // not the shortest form, or more than the form holds
	}
	return nil
}

var errProtocol = &protocol.Error{Code: protocol.CodeProtocolError, Reason: "a frame that RFC 6455 forbids", Hint: "Use a WebSocket client."}

var errTooLarge = &protocol.Error{Code: protocol.CodeTooLarge, Reason: "the message is larger than 65536 bytes", Hint: "Send less, or several messages."}
