package httpapi

import (
	"bytes"
	"strings"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/actors"
	"tidings/protocol"
)

var (
	sendFields       = []string{"connection", "user", "users", "all", "event", "data", "exclude"}
	disconnectFields = []string{"connection", "user", "code", "retry"}
	revokeFields     = []string{"token", "user"}
)

type sendRequest struct {
	connection string
	users      []string
	all        bool
	targets    int // that were named
	actors.Sent
}

// sent is the answer to POST /api/send.
type sent struct {
	Receivers      int  `json:"receivers"`
	ReceiversExact bool `json:"receiversExact"`
	everybody
}

// onSend serves POST /api/send: an event frame to one connection, to all of some users, or to every connection.
func (a *API) onSend(c *gin.Context) {
	body, ok := a.body(c, access.Backend.MayEverywhere, access.ActionAdmin)
	if !ok {
		return
	}
	q, err := readSend(body)
	if err != nil {
		a.refuse(c, err)
		return
	}
	about(c, "event", q.Event, "connection", q.connection, "user", strings.Join(q.users, " "))
	if a.handOn(c, q.connection, body) {
		return
	}
	done, err := a.send(q)
	if err == nil || access.GoodPageID(q.connection) { // which is a page on whatever node
		done.everybody, err = a.withOthers(c, body, err, addUp(&done.Receivers, func(s sent) int { return s.Receivers }), &done.Receivers)
		done.ReceiversExact = done.exact()
	}
	if err != nil {
		a.refuse(c, err)
		return
	}
	answer(c, done)
}

// send hands the event to those who are connected here.
func (a *API) send(q *sendRequest) (done sent, err error) {
	switch {
	case q.all:
		done.Receivers, _ = a.bus.Broadcast(q.Sent)
	case q.users != nil:
		done.Receivers, _ = a.bus.SendUsers(q.users, q.Sent)
	default:
		done.Receivers, err = a.bus.Send(q.connection, q.Sent)
	}
	return done, err
}

func readSend(body []byte) (*sendRequest, error) {
	q := &sendRequest{}
	err := protocol.ReadObject(body, func(name string, value []byte) (err error) {
		switch name {
		case "connection":
			q.targets++
			q.connection, err = readShort(name, value, protocol.MaxNameBytes)
		case "user":
			q.targets++
			q.users = make([]string, 1)
			q.users[0], err = readShort(name, value, protocol.MaxNameBytes)
		case "users":
			q.targets++
			q.users, err = readUsers(value)
		case "all":
			if q.all, err = protocol.ReadBool(value); q.all {
				q.targets++
			}
		case "event":
			q.Event, err = readShort(name, value, protocol.MaxEventBytes)
		case "data":
			q.Data, err = protocol.CompactJSON(value)
		case "exclude":
			q.Exclude, err = readExclude(value)
		default:
			err = protocol.UnknownField("field", name, sendFields)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case q.targets != 1:
		return nil, badRequest(`give one of "connection", "user", "users" and "all": true`, `"connection" is one of GET /api/connections, which also tells users.`)
	case q.Event == "":
		return nil, badRequest(`field "event" is missing`, "Give a name for the kind of event.")
	case q.Data == nil:
		return nil, badRequest(`field "data" is missing`, "Give any JSON value, null included.")
	}
	q.Data = bytes.Clone(q.Data) // the body must not live as long as the frame
	return q, nil
}

func readUsers(value []byte) (users []string, err error) {
	err = protocol.ReadArray(value, func(value []byte) error {
		user, err := readShort("users", value, protocol.MaxNameBytes)
		if err != nil {
			return badRequest(`"users" must be a list of users`, "Give each as a text of 1 to 128 bytes.")
		}
		users = append(users, user)
		return nil
	})
	if err == nil && (len(users) == 0 || len(users) > protocol.MaxSendUsers) {
		err = badRequest(`"users" must hold 1 to 100 users`, "Send several requests for more.")
	}
	return users, err
}

// disconnected is the answer to POST /api/disconnect.
type disconnected struct {
	Connection  string        `json:"connection,omitempty"`
	User        string        `json:"user,omitempty"`
	Code        protocol.Code `json:"code"`
	Retry       bool          `json:"retry"`
	Connections int           `json:"connections"` // that end
	everybody
}

// onDisconnect serves POST /api/disconnect: one connection, or all of a user, end, for good or so that their clients
// come back.
func (a *API) onDisconnect(c *gin.Context) {
	body, ok := a.body(c, access.Backend.MayEverywhere, access.ActionAdmin)
	if !ok {
		return
	}
	q, err := readDisconnect(body)
	if err == nil {
		about(c, "connection", q.Connection, "user", q.User)
	}
	if err == nil && a.handOn(c, q.Connection, body) {
		return
	}
	if err == nil && q.User != "" {
		q.Connections = a.bus.DisconnectUser(q.User, q.Code)
		q.everybody, err = a.others(c, body, addUp(&q.Connections, func(d disconnected) int { return d.Connections }))
	} else if err == nil {
		q.Connections = 1
		err = a.bus.Disconnect(q.Connection, q.Code)
	}
	if err != nil {
		a.refuse(c, err)
		return
	}
	answer(c, q)
}

func readDisconnect(body []byte) (*disconnected, error) {
	q := &disconnected{}
	retry := false
	err := protocol.ReadObject(body, func(name string, value []byte) (err error) {
		switch name {
		case "connection":
			q.Connection, err = readShort(name, value, protocol.MaxNameBytes)
		case "user":
			q.User, err = readShort(name, value, protocol.MaxNameBytes)
		case "code":
			var code string
			code, err = readShort(name, value, protocol.MaxNameBytes)
			q.Code = protocol.Code(code)
		case "retry":
			retry = true
			q.Retry, err = protocol.ReadBool(value)
		default:
			err = protocol.UnknownField("field", name, disconnectFields)
		}
		return err
	})
	if err == nil && (q.Connection == "") == (q.User == "") {
		err = badRequest(`give either "connection" or "user"`, "GET /api/connections lists both.")
	}
	if err != nil {
		return nil, err
	}
	return q, q.settle(retry)
}

// settle finds the code: whether a client comes back stands in the table of codes, and in WebSocket's close number.
func (q *disconnected) settle(retry bool) error {
	if q.Code == "" {
		q.Code = protocol.CodeDisconnected
		if q.Retry {
			q.Code = protocol.CodeSessionGone
		}
		return nil
	}
	row := q.Code.Row()
	if row.Code != q.Code || row.Close < 4000 {
		return badRequest(`field "code" is no code of a disconnect`, "Leave it out, or give one of SPEC.md section 8 whose close number is from 4000 on.")
	}
	if retry && q.Retry != row.Retry {
		return badRequest(`field "retry" contradicts the code`, "Whether clients come back stands in SPEC.md section 8; leave retry out.")
	}
	q.Retry = row.Retry
	return nil
}

// revoked is the answer to POST /api/revoke.
type revoked struct {
	Token       string `json:"token,omitempty"`
	User        string `json:"user,omitempty"`
	Connections int    `json:"connections"` // that end
	Until       int64  `json:"until"`       // Unix milliseconds: so long it is remembered
}

// onRevoke serves POST /api/revoke: a token, or all that a user has, count no more.
func (a *API) onRevoke(c *gin.Context) {
	body, ok := a.body(c, access.Backend.MayEverywhere, access.ActionAdmin)
	if !ok {
		return
	}
	q := &revoked{}
	err := protocol.ReadObject(body, func(name string, value []byte) (err error) {
		switch name {
		case "token":
			q.Token, err = readShort(name, value, maxTokenID)
		case "user":
			q.User, err = readShort(name, value, protocol.MaxNameBytes)
		default:
			err = protocol.UnknownField("field", name, revokeFields)
		}
		return err
	})
	about(c, "token", q.Token, "user", q.User)
	var done actors.Revoked
	switch {
	case err != nil:
	case (q.Token == "") == (q.User == ""):
		err = badRequest(`give either "token" or "user"`, `"token" is the token's id (jti), not the token.`)
	case q.User != "":
		done, err = a.bus.RevokeUser(q.User)
	default:
		done, err = a.bus.RevokeToken(q.Token)
	}
	if err != nil {
		a.refuse(c, err)
		return
	}
	q.Connections, q.Until = done.Connections, done.Until.UnixMilli()
	answer(c, q)
}

const maxTokenID = 1024
