package protocol

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"sync"
	"sync/atomic"
)

// Encoded is one server frame as bytes, shared by every connection that it goes to. Each wire form is made once, when
// first asked for. It is frozen: nobody may change the bytes.
type Encoded struct {
	JSON    []byte
	Message *Message     // where the frame is a message, else nil
	Frame   *ServerFrame // where Encode made it, else nil; frozen too. A transport reads codes and positions from it
	Counted bool         // counts for a session's resume

	ws    atomic.Pointer[[]byte]
	sse   atomic.Pointer[[]byte]
	other atomic.Pointer[otherForm] // of gateways; nil for most
}

// otherForm is a frame's bytes on the wire of a gateway, in a list of a few.
type otherForm struct {
	kind  string
	bytes func() []byte // makes them when it is first called
	next  *otherForm
	count int // of those from here on
}

// maxOtherForms bounds the forms of gateways that are kept of one frame.
const maxOtherForms = 4

// NewEncoded wraps a frame's JSON, which must be one line.
func NewEncoded(json []byte, frameType string) *Encoded {
	return &Encoded{JSON: json, Counted: Counted(frameType)}
}

// Encode encodes a control frame, which nobody may change from then on.
func Encode(f *ServerFrame) *Encoded {
	e := EncodeBytes(f)
	e.Frame = f
	return e
}

// EncodeBytes is Encode without a Frame to look into: for what is kept for long.
func EncodeBytes(f *ServerFrame) *Encoded {
	p := scratch.Get().(*[]byte)
	b := AppendServerFrame((*p)[:0], f)
	e := NewEncoded(bytes.Clone(b), f.Type)
	if cap(b) <= maxScratch {
		*p = b
	}
	scratch.Put(p)
	return e
}

// maxScratch bounds what is kept to encode frames in, in bytes.
const maxScratch = 4 << 10

var scratch = sync.Pool{New: func() any { return &[]byte{} }}

// Size is what the frame counts for in an outbox, in bytes.
func (e *Encoded) Size() int { return len(e.JSON) }

// WebSocket returns the frame as one unmasked RFC 6455 text frame, header included.
func (e *Encoded) WebSocket() []byte {
	return cached(&e.ws, func() []byte { return appendWebSocket(make([]byte, 0, len(e.JSON)+4), e.JSON) }) // 4: of a header below 64 KiB
}

// SSE returns the frame as one event without id.
func (e *Encoded) SSE() []byte {
	return cached(&e.sse, func() []byte { return e.AppendSSE(make([]byte, 0, len(e.JSON)+8)) })
}

// As returns the frame's bytes in the form that kind names, of a wire other than ours. The bytes are made once for all
// who ask for the kind, but for a frame that has more than 4 kinds: then those that come last are made each time. Like
// all bytes of a frame they are frozen. They may be empty, and are not nil.
func (e *Encoded) As(kind string, make func(*Encoded) []byte) []byte {
	words := func() []byte {
		if b := make(e); b != nil {
			return b
		}
		return []byte{}
	}
	for {
		head := e.other.Load()
		for f := head; f != nil; f = f.next {
			if f.kind == kind {
				return f.bytes()
			}
		}
		f := &otherForm{kind: kind, bytes: sync.OnceValue(words), next: head, count: 1}
		if head != nil {
			f.count += head.count
		}
		if f.count > maxOtherForms {
			return words()
		}
		if e.other.CompareAndSwap(head, f) {
			return f.bytes()
		}
	}
}

// AppendText appends payload as one unmasked RFC 6455 text frame, header included.
func AppendText(dst, payload []byte) []byte { return appendWebSocket(dst, payload) }

// AppendWebSocket appends what WebSocket gives, without keeping it: for a frame that goes to one connection.
func (e *Encoded) AppendWebSocket(dst []byte) []byte { return appendWebSocket(dst, e.JSON) }

// AppendSSE appends what SSE gives, without keeping it.
func (e *Encoded) AppendSSE(dst []byte) []byte {
	dst = append(dst, "data: "...)
	dst = append(dst, e.JSON...)
	return append(dst, "\n\n"...)
}

func cached(p *atomic.Pointer[[]byte], make func() []byte) []byte {
	if b := p.Load(); b != nil {
		return *b
	}
	b := make()
	p.CompareAndSwap(nil, &b)
	return *p.Load()
}

func appendWebSocket(dst, payload []byte) []byte {
	const finText = 0x81
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, finText, byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, finText, 126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, finText, 127), uint64(n))
	}
	return append(dst, payload...)
}

// View is how a message looks from one subscription.
type View struct {
	Room string // of the subscription; "" if it has no filter
	Prev uint64 // offset up to which it was told before
	Out  bool   // the message takes a document away that the subscription's filter matched before
}

// View returns how m looks from a subscription without a filter, which was told all that came before it.
func (m *Message) View() View { return View{Prev: m.Prev, Out: m.Extra != nil && m.Extra.Gone} }

// Seen returns the Room and Out of the view that e, the frame of a message, was made with. Its Prev is not filled in.
func (e *Encoded) Seen() View {
	m := e.Message
	v := m.View()
	if m.encoded.Load() == e {
		return v
	}
	const named = `","room":"`
	if rest, ok := bytes.CutPrefix(e.JSON[len(`{"type":"message","channel":"`)+len(m.Channel):], []byte(named)); ok {
		room, _, _ := bytes.Cut(rest, []byte{'"'}) // the names of rooms have nothing that is escaped
		v.Room = string(room)
	}
	before := e.JSON[:len(e.JSON)-len(m.Data)-len(`,"data":}`)]
	v.Out = bytes.HasSuffix(before, []byte(`,"scope":"`+ScopeOut+`"`))
	v.Prev = 0
	return v
}

// AppendMessage appends m's message frame, as v has it.
func AppendMessage(dst []byte, m *Message, v View) []byte {
	if dst == nil {
		dst = make([]byte, 0, aroundMessage+len(m.Channel)+len(v.Room)+len(m.Tag)+len(m.ID)+len(m.Event)+len(m.Trace)+len(m.Exclude.Tab)+m.Extra.size()+len(m.Data))
	}
	dst = append(dst, `{"type":"message","channel":"`...)
	dst = append(dst, m.Channel...)
	if v.Room != "" {
		dst = append(dst, `","room":`...)
		dst = appendString(dst, v.Room)
	} else {
		dst = append(dst, '"')
	}
	return appendMessageBody(dst, m, v)
}

// aroundMessage is how long the names of a message's usual fields are, with its numbers, so that the space for it need
// not grow several times.
const aroundMessage = 112

func appendMessageBody(dst []byte, m *Message, v View) []byte {
	if !m.Volatile {
		dst = append(dst, `,"offset":`...)
		dst = strconv.AppendUint(dst, m.Offset, 10)
		if v.Prev+1 != m.Offset {
			dst = append(dst, `,"prev":`...)
			dst = strconv.AppendUint(dst, v.Prev, 10)
		}
		dst = append(dst, `,"tag":"`...)
		dst = append(dst, m.Tag...)
		dst = append(dst, '"')
	} else {
		dst = append(dst, `,"volatile":true`...)
	}
	dst = append(dst, `,"id":`...)
	dst = appendString(dst, m.ID)
	dst = append(dst, `,"time":`...)
	dst = strconv.AppendInt(dst, m.TimeMS, 10)
	if m.Event != "" {
		dst = append(dst, `,"event":`...)
		dst = appendString(dst, m.Event)
	}
	if m.SpreadMS != 0 {
		dst = append(dst, `,"spread":`...)
		dst = strconv.AppendUint(dst, m.SpreadMS, 10)
	}
	if m.Trace != "" {
		dst = append(dst, `,"trace":"`...)
		dst = append(dst, m.Trace...)
		dst = append(dst, '"')
	}
	if m.Exclude.Tab != "" {
		dst = append(dst, `,"exclude":`...)
		dst = appendString(dst, m.Exclude.Tab)
	}
	if m.Extra != nil {
		dst = m.Extra.appendFields(dst)
	}
	if v.Out {
		dst = appendText(dst, fScope, ScopeOut)
	}
	dst = append(dst, `,"data":`...)
	dst = append(dst, m.Data...)
	return append(dst, '}')
}
