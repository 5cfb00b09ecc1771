package kuzzle

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"tidings/protocol"
	"tidings/transports"
)

// Language is the wire of Kuzzle. There is one for all clients.
type Language struct {
	Config
	node    string // as which every answer and notification is signed
	actions map[string]map[string]action
	sharing [len(usersOf)]sharing
	public  []byte // the result of server:publicApi

	transports.Lacks
}

// sharing makes the notifications of channels with one wish to hear of users, once for all who have the channel.
type sharing struct {
	kind string
	make func(*protocol.Encoded) []byte
}

var (
	_ transports.Language    = (*Language)(nil)
	_ transports.Unsupporter = (*Language)(nil)
)

// Config is what the gateway's answers say of the server.
type Config struct {
	// Strategies are those of auth:login. Nil means that only the application knows them.
	Strategies []string
}

// New returns the language.
func New(c Config) *Language {
	l := &Language{Config: c, node: fmt.Sprintf("knode-tidings-%d", 10_000+rand.N(90_000)), actions: actions()}
	l.public = publicAPI(l.actions)
	for i, users := range usersOf {
		l.sharing[i] = sharing{kind: "kuzzle/" + users, make: func(e *protocol.Encoded) []byte {
			v := e.Seen()
			id, scope := splitRoom(v.Room)
			b := appendNotification(make([]byte, 0, len(e.JSON)+512), e.Message, v.Out, channelName(id, users, scope), l.node)
			return protocol.AppendText(make([]byte, 0, len(b)+8), b)
		}}
	}
	return l
}

// notification returns what a channel hears of a message, made once for all who have the channel.
func (l *Language) notification(e *protocol.Encoded, users string) []byte {
	for i := range l.sharing {
		if usersOf[i] == users {
			return e.As(l.sharing[i].kind, l.sharing[i].make)
		}
	}
	return nil
}

// Gateway implements transports.Language.
func (l *Language) Gateway() protocol.Gateway { return protocol.GatewayKuzzle }

// maxRequestBytes bounds a message of a client, as Kuzzle's maxRequestSize does.
const maxRequestBytes = 1 << 20

// Greet implements transports.Language. The subprotocol that a client offers is chosen, whatever it is: browsers are
// made to offer "null" by the SDK, and end a connection for which it is not chosen.
func (l *Language) Greet(_ http.ResponseWriter, r *http.Request) *transports.Greeting {
	offered, _, _ := strings.Cut(r.Header.Get("Sec-WebSocket-Protocol"), ",")
	return &transports.Greeting{Talk: newTalk(l), Subprotocol: strings.TrimSpace(offered), MaxMessage: maxRequestBytes}
}

// lacks counts a request for what there is not, and returns what its client is told.
func (l *Language) lacks(action string) *fault {
	l.Lack(action)
	return failure(notSupported, action)
}

func nowMS() int64 { return time.Now().UnixMilli() }
