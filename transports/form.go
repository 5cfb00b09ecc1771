package transports

import (
	"encoding/binary"
	"encoding/json"

	"tidings/protocol"
)

// form is how frames become the bytes of one transport.
type form interface {
	// whole gives the frame's bytes as all connections share them, nil where each has its own.
	whole(e *protocol.Encoded) []byte
	// add appends the frame's bytes.
	add(dst []byte, e *protocol.Encoded) []byte
	// farewell gives the last bytes of all. last may be nil.
	farewell(last *protocol.Encoded) []byte
}

type webSocketForm struct{}

func (webSocketForm) whole(e *protocol.Encoded) []byte {
	if e.Message == nil {
		return nil // it is this connection's alone
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

const (
	closeNormal   = 1000
	opClose       = 8
	finClose      = 0x80 | opClose
	maxCloseBytes = 123 // of the reason
)

// appendClose appends a close frame. The reason is a code's name: never a library's text, never input.
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

// codeOf reads the code of a disconnect frame.
func codeOf(last *protocol.Encoded) protocol.Code {
	if last.Frame != nil {
		return last.Frame.Code
	}
	var f struct {
		Code protocol.Code `json:"code"`
	}
	if json.Unmarshal(last.JSON, &f) != nil {
		return protocol.CodeInternal
	}
	return f.Code
}
