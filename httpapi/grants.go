package httpapi

import (
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/actors"
	"tidings/protocol"
)

var grantFields = []string{"user", "session", "connection", "channel", "channels"}

// maxSessionKey bounds the key of a session of the application, in bytes.
const maxSessionKey = 1024

type grantRequest struct {
	who   actors.Whom
	names []string
}

// granted is the answer to POST /api/subscribe and POST /api/unsubscribe.
type granted struct {
	Connections int `json:"connections"` // that are there now, parked ones included
	everybody
}

// onSubscribe serves POST /api/subscribe: clients are put in channels, now and when they connect.
func (a *API) onSubscribe(c *gin.Context) { a.grant(c, a.bus.Grant) }

// onUnsubscribe serves POST /api/unsubscribe, which takes that back.
func (a *API) onUnsubscribe(c *gin.Context) { a.grant(c, a.bus.Ungrant) }

func (a *API) grant(c *gin.Context, do func(actors.Whom, []protocol.Channel) (actors.Granted, error)) {
	body, ok := a.body(c, access.Backend.MaySomewhere, access.ActionSubscribe)
	if !ok {
		return
	}
	q, err := readGrant(body)
	if err == nil {
		about(c, "channel", strings.Join(q.names, " "), "connection", q.who.Connection, "user", q.who.User) // a session's key is a secret
	}
	if err == nil && a.handOn(c, q.who.Connection, body) {
		return
	}
	var channels []protocol.Channel
	if err == nil {
		channels, err = q.channels(backendOf(c))
	}
	var found granted
	if err == nil {
		found, err = a.grantEverywhere(c, body, q.who, func() (actors.Granted, error) { return do(q.who, channels) })
	}
	if err != nil {
		a.refuse(c, err)
		return
	}
	answer(c, found)
}

// grantEverywhere grants, and counts whom that reaches on all nodes. A node that is asked by another one only counts:
// it hears of the grant from the broker.
func (a *API) grantEverywhere(c *gin.Context, body []byte, who actors.Whom, do func() (actors.Granted, error)) (found granted, err error) {
	handed, err := a.forUs(c.Request)
	if err != nil {
		return found, err
	}
	if handed && !a.bus.OneConnection(who) {
		found.Connections = a.bus.Granted(who).Connections
		return found, nil
	}
	done, err := do()
	if err != nil {
		return found, err
	}
	if found.Connections = done.Connections; !a.bus.OneConnection(who) {
		found.everybody, err = a.others(c, body, addUp(&found.Connections, func(g granted) int { return g.Connections }))
	}
	return found, err
}

func readGrant(body []byte) (*grantRequest, error) {
	q := &grantRequest{}
	whom, lists := 0, 0
	err := protocol.ReadObject(body, func(name string, value []byte) (err error) {
		switch name {
		case "user":
			whom++
			q.who.User, err = readShort(name, value, protocol.MaxNameBytes)
		case "session":
			whom++
			q.who.Session, err = readShort(name, value, maxSessionKey)
		case "connection":
			whom++
			q.who.Connection, err = readShort(name, value, protocol.MaxNameBytes)
		case "channel":
			lists++
			var one string
			one, err = protocol.ReadString(value)
			q.names = []string{one}
		case "channels":
			lists++
			err = protocol.ReadArray(value, func(value []byte) error {
				one, err := protocol.ReadString(value)
				q.names = append(q.names, one)
				return err
			})
		default:
			err = protocol.UnknownField("field", name, grantFields)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case whom != 1:
		return nil, badRequest(`give one of "user", "session" and "connection"`, `"session" is the key of your own session; "connection" the first part of a signed connection id, or one of GET /api/connections.`)
	case lists != 1:
		return nil, badRequest(`give either "channel" or "channels"`, "Name one channel, or a list of them.")
	case len(q.names) == 0 || len(q.names) > protocol.MaxPublishChannels:
		return nil, badRequest(`"channels" must have 1 to `+strconv.Itoa(protocol.MaxPublishChannels)+" names", "Send several requests.")
	}
	return q, nil
}

// channels reads the names, each of which the key must be good for.
func (q *grantRequest) channels(b access.Backend) (list []protocol.Channel, err error) {
	for _, name := range q.names {
		ch, err := protocol.ParseChannel(name)
		if err == nil {
			err = b.May(access.ActionSubscribe, ch)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, ch)
	}
	return list, nil
}
