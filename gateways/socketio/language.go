package socketio

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tidings/gateways/feathers"
	"tidings/protocol"
	"tidings/transports"
)

// Config is how the gateway behaves.
type Config struct {
	// Services are those of Feathers that the server has itself. Nil means none.
	Services *feathers.Services
}

// The heartbeat is that of the original. A client takes a connection for lost on which no ping came for both together.
const (
	pingInterval = 25 * time.Second
	pingTimeout  = 20 * time.Second // after a ping, for anything that the client says
)

// Language is the wire of Socket.IO. There is one for all clients.
type Language struct {
	cfg Config

	transports.Lacks
}

var (
	_ transports.Polled      = (*Language)(nil)
	_ transports.Unsupporter = (*Language)(nil)
)

// New returns the language.
func New(cfg Config) *Language {
	if cfg.Services == nil {
		cfg.Services = &feathers.Services{}
	}
	return &Language{cfg: cfg}
}

// Gateway implements transports.Language.
func (l *Language) Gateway() protocol.Gateway { return protocol.GatewaySocketIO }

// misuse is what is wrong with a request, as Engine.IO writes it.
type misuse struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

var (
	unknownTransport = misuse{0, "Transport unknown"}
	unknownSession   = misuse{1, "Session ID unknown"}
	badMethod        = misuse{2, "Bad handshake method"}
	badRequest       = misuse{3, "Bad request"}
	otherVersion     = misuse{5, "Unsupported protocol version"}
)

// polling is how Engine.IO is spoken by requests.
var polling = transports.Polling{
	Separator: 0x1e,
	End:       "1",
	Answer: func(w http.ResponseWriter, body []byte) {
		answerPoll(w, "text/plain; charset=UTF-8", body)
	},
	Taken: func(w http.ResponseWriter) {
		answerPoll(w, "text/html", []byte("ok"))
	},
	Unknown: unknownSession.answer,
	Misused: badRequest.answer,
}

func answerPoll(w http.ResponseWriter, contentType string, body []byte) {
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

// Polling implements transports.Polled.
func (l *Language) Polling() *transports.Polling { return &polling }

func (m misuse) answer(w http.ResponseWriter) {
	body, err := json.Marshal(m)
	if err != nil {
		panic(err) // a type of our own that cannot be written
	}
	transports.WriteJSON(w, http.StatusBadRequest, body)
}

// Greet implements transports.Language. It answers what is no handshake as Engine.IO does.
func (l *Language) Greet(w http.ResponseWriter, r *http.Request) *transports.Greeting {
	if _, file, _ := strings.Cut(r.URL.Path, "/socket.io/"); strings.HasPrefix(file, "socket.io.") {
		l.Lack("library")
		transports.WriteJSON(w, http.StatusNotImplemented, protocol.AppendError(nil, &protocol.Error{
			Code: protocol.CodeUnsupported, Reason: "the client of Socket.IO is not offered by this server",
			Hint: "Serve dist/socket.io.min.js of the package socket.io-client yourself; see docs/gateways.md.",
		}))
		return nil
	}
	query := r.URL.Query()
	upgrade := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	transport, session := query.Get("transport"), query.Get("sid")
	switch {
	case transport != "websocket" && transport != "polling":
		unknownTransport.answer(w)
	case session != "" && transport == "websocket":
		unknownSession.answer(w) // of polling none goes on over a WebSocket
	case session != "" && query.Get("EIO") != "4":
		badRequest.answer(w)
	case session != "":
		return &transports.Greeting{Session: session}
	case r.Method != http.MethodGet:
		badMethod.answer(w)
	case upgrade != (transport == "websocket"):
		badRequest.answer(w)
	case query.Get("EIO") != "4":
		l.Lack("engine.io 3")
		otherVersion.answer(w)
	default:
		return l.begin(transport)
	}
	return nil
}

// begin returns how a connection begins.
func (l *Language) begin(transport string) *transports.Greeting {
	session := rand.Text()
	g := &transports.Greeting{Talk: &talk{language: l}, First: protocol.AppendText(nil, openPacket(session)), Later: true}
	if transport == "polling" {
		g.Session = session
	}
	return g
}

// openPacket is what Engine.IO says first. It offers nothing to go on with: who polls goes on polling.
func openPacket(session string) []byte {
	data, err := json.Marshal(struct {
		Session      string   `json:"sid"`
		Upgrades     []string `json:"upgrades"`
		PingInterval int64    `json:"pingInterval"` // ms
		PingTimeout  int64    `json:"pingTimeout"`  // ms
		MaxPayload   int      `json:"maxPayload"`   // bytes
	}{session, []string{}, pingInterval.Milliseconds(), pingTimeout.Milliseconds(), protocol.MaxMessageBytes})
	if err != nil {
		panic(err) // a type of our own that cannot be written
	}
	return append([]byte{engineOpen}, data...)
}
