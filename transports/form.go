package transports

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"tidings/protocol"
)

// form turns frames into the bytes of one transport.
type form interface {
	// whole returns the frame's bytes as all connections share them, or nil if each has its own.
	whole(e *protocol.Encoded) []byte
	// add appends the frame's bytes.
	add(dst []byte, e *protocol.Encoded) []byte
	// farewell returns the last bytes of a stream. last may be nil.
	farewell(last *protocol.Encoded) []byte
}

type webSocketForm struct{}

func (webSocketForm) whole(e *protocol.Encoded) []byte {
	if e.Message == nil {
		return nil // the frame goes to this connection only
	}
	return e.WebSocket()
}

func (webSocketForm) add(dst []byte, e *protocol.Encoded) []byte {
	if e.Message == nil {
		return e.AppendWebSocket(dst)
	}
	return append(dst, e.WebSocket()...)
}

func (webSocketForm) farewell(last *protocol.Encoded) []byte {
	if last == nil {
		return appendClose(nil, closeNormal, "")
	}
	code := codeOf(last)
	return appendClose(append([]byte(nil), last.WebSocket()...), code.Row().Close, string(code))
}

// talkForm is the form of a connection's Talk.
type talkForm struct{ talk Talk }

func (f talkForm) whole(e *protocol.Encoded) []byte { return f.talk.Shared(e) }

func (f talkForm) add(dst []byte, e *protocol.Encoded) []byte {
	if shared := f.talk.Shared(e); shared != nil {
		return append(dst, shared...)
	}
	dst, _ = f.talk.Say(dst, e)
	return dst
}

func (f talkForm) farewell(last *protocol.Encoded) []byte {
	var frame *protocol.ServerFrame
	if last != nil {
		if frame = last.Frame; frame == nil {
			code, after := endOf(last)
			frame = &protocol.ServerFrame{Type: protocol.TypeDisconnect, Code: code, Retry: code.Row().Retry, AfterMS: after.Milliseconds()}
		}
	}
	back, number := f.talk.Farewell(frame)
	reason := ""
	if frame != nil {
		reason = string(frame.Code)
	}
	return appendClose(append([]byte(nil), back...), number, reason)
}

const (
	closeNormal   = 1000
	opClose       = 8
	finClose      = 0x80 | opClose
	maxCloseBytes = 123 // of the reason
)

// appendClose appends a close frame. The reason is the name of a code, and never a library's text or the client's
// input.
func appendClose(dst []byte, number int, reason string) []byte {
	reason = reason[:min(len(reason), maxCloseBytes)]
	dst = append(dst, finClose, byte(2+len(reason)))
	dst = binary.BigEndian.AppendUint16(dst, uint16(number))
	return append(dst, reason...)
}

type sseForm struct{}

func (sseForm) whole(e *protocol.Encoded) []byte {
	if e.Message == nil {
		return nil
	}
	return e.SSE()
}

func (sseForm) add(dst []byte, e *protocol.Encoded) []byte {
	if e.Message == nil {
		return e.AppendSSE(dst)
	}
	return append(dst, e.SSE()...)
}

func (sseForm) farewell(last *protocol.Encoded) []byte {
	if last == nil {
		return nil
	}
	return last.SSE()
}

// codeOf returns the code of a disconnect frame.
func codeOf(last *protocol.Encoded) protocol.Code {
	code, _ := endOf(last)
	return code
}

// endOf returns the code of a disconnect frame, and after which time the client is asked to come back. 0 is any time.
func endOf(last *protocol.Encoded) (code protocol.Code, after time.Duration) {
	if f := last.Frame; f != nil {
		return f.Code, time.Duration(f.AfterMS) * time.Millisecond
	}
	var f struct {
		Code    protocol.Code `json:"code"`
		AfterMS int64         `json:"after"`
	}
	if json.Unmarshal(last.JSON, &f) != nil {
		return protocol.CodeInternal, 0
	}
	return f.Code, time.Duration(f.AfterMS) * time.Millisecond
}

// appendRetry appends the field that has an EventSource come back after a time, plus a random part of spread so that
// not all come at the same moment.
func appendRetry(dst []byte, after, spread time.Duration) []byte {
	return fmt.Appendf(dst, "retry: %d\n", (after + rand.N(spread+1)).Milliseconds())
}
