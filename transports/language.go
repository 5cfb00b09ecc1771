package transports

import (
	"maps"
	"net/http"
	"sync"
	"time"

	"tidings/protocol"
)

// Language is a wire other than ours, spoken over WebSockets: what a gateway is to the transports. There is one for all
// connections of the gateway, and its methods are called by many goroutines at once.
//
// A gateway translates. It reads a foreign message and returns frames of our protocol for the client's session, as if
// the client had sent them, and it writes what the session says in the words of the foreign protocol. It needs nothing
// but packages protocol and transports, and keeps nothing beyond what one connection's translation needs: no bus, no
// actor, no broker, no store, no table of connections. What it needs of the bus it says in frames.
//
// The socket is one of ours. So the checks of origin and host, the limits on what a client may send, batches,
// deadlines, the bound of the outbox, the drain and the memory of an idle connection are the same as for native
// clients, and are not the gateway's business. What is different:
//
//   - The session opens with the socket, with Greeting.Frames, or with a connect that the Talk makes of a message
//     (Greeting.Later). Nothing is said of it but by the Talk.
//   - The connection is fleeting (protocol.Peer): it ends with its socket, is not parked, and cannot be resumed.
//   - When its token's time is over the session says an error token_expired with id 0, and is anonymous from then on.
//   - A client that is silent for a heartbeat is pinged with a ping of RFC 6455, which every WebSocket client answers,
//     and is cut 10 s later. A Talk needs heartbeats of its own only if its clients expect them.
type Language interface {
	// Gateway is what the language is called in settings, metrics, the log, and GET /api/connections.
	Gateway() protocol.Gateway
	// Greet reads a handshake, and returns how to talk with the client. Or it answers the request itself, in the
	// language's own words, and returns nil: then nothing is upgraded. Host and origin of the request are allowed.
	Greet(w http.ResponseWriter, r *http.Request) *Greeting
}

// Greeting is how a connection of a Language begins.
type Greeting struct {
	Talk Talk
	// Session names what the requests of a client that polls have in common (Polled); "" for a WebSocket. With a Talk
	// the session begins, and Later must be set. Without one the request is of one that has begun.
	Session string
	// Subprotocol is the WebSocket subprotocol to choose, one that the client offered. "" is none.
	Subprotocol string
	// Token is what the client showed in its handshake, if that is not in the header Authorization. It is a secret.
	Token string
	// Frames are what the session begins with: the first is a connect, the rest follows it. Nil is a bare connect.
	Frames []protocol.ClientFrame
	// Later has the session open with what the client says: until then Heard.Frames is empty, or begins with a connect,
	// which has to come within 10 s, and Heard.Malformed ends the connection. Frames is nil then.
	Later bool
	// First goes out at once, behind the answer to the handshake, as whole WebSocket frames.
	First []byte
	// MaxMessage bounds a message of the client, in bytes: at most 1 MiB. Zero means protocol.MaxMessageBytes, 64 KiB.
	MaxMessage int
}

// maxSpeechBytes bounds Greeting.MaxMessage.
const maxSpeechBytes = 1 << 20

// Talk is one connection's part in a Language. Hear is called by the connection's reader, Shared and Say by its writer,
// Due by a clock, Farewell by any of them, each by one goroutine at a time but all of them beside each other: a Talk
// guards what they share. None may block.
type Talk interface {
	// Hear takes one text message of the client, which is UTF-8 and within the limit. It must copy what it keeps of it.
	Hear(message []byte) Heard
	// Shared returns what the client is to hear of a frame as whole WebSocket frames (protocol.AppendText), if those
	// are the same bytes for all clients of a kind, else nil. It returns what e.As(kind, …) does, so that the bytes are
	// made once. For frames other than messages it may always return nil. Empty bytes that are not nil say nothing.
	Shared(e *protocol.Encoded) []byte
	// Say appends what the client is to hear of a frame that is not shared, as whole WebSocket frames: nothing, one, or
	// several. e.Message is the message, how this client's subscription looks at it is e.Seen; e.Frame is any other
	// frame, never nil then.
	//
	// If wait is not 0, the frame is not said now: Say is called again with it after wait, or when Ponged.Pong asks for
	// it, and with nothing before it. What Hear and Due return goes out meanwhile.
	Say(dst []byte, e *protocol.Encoded) (said []byte, wait time.Duration)
	// Farewell returns what the client is to hear at last, as whole WebSocket frames, and the number to close with.
	// last is the frame disconnect: its Code says why, its Retry whether the client should come back. It is nil if the
	// client itself said that it leaves.
	Farewell(last *protocol.ServerFrame) (back []byte, number int)
	// Due is called soon after the connection opened, and then when the time has come that it returned last. heard is
	// when anything was heard of the client, pongs of RFC 6455 included. It is called about every 250 ms at the most.
	Due(now, heard time.Time) Due
}

// Ponged is a Talk that waits for pongs of RFC 6455. It says pings among its other frames. The pong to one proves that
// the client has read everything before the ping.
type Ponged interface {
	// Pong is called by the connection's reader with the bytes that a pong carries, at most 125, which it must not keep.
	// It reports whether Say need no longer wait with what it waits with: then Say is called again at once.
	Pong(carried []byte) (goOn bool)
}

// Heard is what a message of a client comes to.
type Heard struct {
	// Frames go to the session, in order: at most protocol.MaxFrames. An id that is not 0 comes back in the answer.
	// They are checked no more: names of channels must have passed protocol.ParseChannel, and Data must be JSON.
	Frames []protocol.ClientFrame
	// Back goes out at once, as whole WebSocket frames, before anything that the session says to Frames: answers that
	// need no session, such as pongs. A client that does not read them is cut above 64 KiB.
	Back []byte
	// Malformed is why the message could not be read, or nil. The session answers with an error of id 0, which Say may
	// say or not, and ends a client that sends more than 20 of them in 10 s.
	Malformed *protocol.Error
}

// Due is what a Talk does by the clock.
type Due struct {
	Back []byte          // goes out at once, as whole WebSocket frames
	End  *protocol.Error // ends the connection, if not nil
	Next time.Time       // when to call Due again; the zero time for never
}

// Unsupporter is a Language that counts what its clients ask for and it does not offer.
type Unsupporter interface {
	// Unsupported returns so many requests, by the action that they named: a few known names, and none of a client's
	// making.
	Unsupported() map[string]uint64
}

// Lacks counts what clients asked for and a Language does not offer. A Language that embeds it is an Unsupporter. Its
// zero value is ready.
type Lacks struct {
	mu     sync.Mutex
	counts map[string]uint64 // by action
}

// Lack counts a request.
func (l *Lacks) Lack(action string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts == nil {
		l.counts = map[string]uint64{}
	}
	l.counts[action]++
}

// Unsupported implements Unsupporter.
func (l *Lacks) Unsupported() map[string]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.counts)
}

// GoodbyeNumber returns the number of RFC 6455 to close with after the frame last, for clients that have no numbers of
// their own: 1001 if the server goes down, else 1011. It is never 1000, after which some clients stay away.
func GoodbyeNumber(last *protocol.ServerFrame) int {
	if last != nil && last.Code == protocol.CodeShuttingDown {
		return 1001
	}
	return 1011
}
