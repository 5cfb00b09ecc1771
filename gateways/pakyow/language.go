package pakyow

import (
	"net/http"

	"tidings/protocol"
	"tidings/transports"
)

// Parameter is the parameter of the URL by which a page is known. Its value is a signed connection id (SPEC.md section
// 7), which the application renders into the page's data-socket-connection-id.
const Parameter = "socket_connection_id"

// Language is the wire of Pakyow. There is one for all clients.
type Language struct{ transports.Lacks }

var (
	_ transports.Language    = (*Language)(nil)
	_ transports.Unsupporter = (*Language)(nil)
)

// New returns the language.
func New() *Language { return &Language{} }

// Gateway implements transports.Language.
func (l *Language) Gateway() protocol.Gateway { return protocol.GatewayPakyow }

// Greet implements transports.Language. A page with another id than one that the application signed connects and hears
// nothing, as in the original: so the bus has it, too.
func (l *Language) Greet(_ http.ResponseWriter, r *http.Request) *transports.Greeting {
	connect := protocol.ClientFrame{Type: protocol.TypeConnect}
	if id := r.URL.Query().Get(Parameter); len(id) <= protocol.MaxConnectionIDBytes {
		connect.ConnectionID = id
	}
	return &transports.Greeting{Talk: newTalk(l), Frames: []protocol.ClientFrame{connect}}
}

// pushed makes what all pages hear of a message.
func pushed(e *protocol.Encoded) []byte {
	m := e.Message
	return protocol.AppendText(nil, appendPush(make([]byte, 0, len(m.Data)+len(m.Channel)+32), m.Data, string(m.Channel)))
}

// appendPush appends a push to a channel.
func appendPush(dst, payload []byte, channel string) []byte {
	dst = append(append(dst, `{"payload":`...), payload...)
	return append(appendText(append(dst, `,"channel":`...), channel), '}')
}
