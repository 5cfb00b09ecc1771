package actors

import "tidings/protocol"

// Pressure says how short of memory the process is.
type Pressure int32

// The pressures.
const (
	Easy  Pressure = iota
	Tight          // new connections are refused; who is connected, and who resumes, is not touched
	Full           // publishes are refused, too: history is what grows
)

// SetPressure tells the bus how short of memory the process is. What is refused for it is answered CodeOverloaded, and may be tried again.
func (b *Bus) SetPressure(p Pressure) { b.pressure.Store(int32(p)) }

var errMemory = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "the server is short of memory", Hint: "Try again in a moment. The operator may shorten history, or give it more memory."}
