package httpapi

import (
	"bytes"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/protocol"
)

var (
	sendFields       = []string{"connection", "all", "event", "data"}
	disconnectFields = []string{"connection", "code", "retry"}
)

type sendRequest struct {
	connection string
	all        bool
	event      string
	data       []byte
}

// sent answers POST /api/send.
type sent struct {
	Receivers      int  `json:"receivers"`
	ReceiversExact bool `json:"receiversExact"`
}

// onSend serves POST /api/send: an event frame to one connection, or to every connection of this node.
func (a *API) onSend(c *gin.Context) {
	body, ok := a.commanded(c, access.ActionAdmin)
	if !ok {
		return
	}
	q, err := readSend(body)
	if err != nil {
		a.refuse(c, err)
		return
	}
	done := sent{Receivers: 1, ReceiversExact: true}
	if q.all {
		done.Receivers, done.ReceiversExact = a.bus.Broadcast(q.event, q.data)
	} else if err := a.bus.Send(q.connection, q.event, q.data); err != nil {
		a.refuse(c, err)
		return
	}
	answer(c, done)
}

// commanded checks that the key may do what is about no single channel, and reads the body of a request for the API; false where it was refused.
func (a *API) commanded(c *gin.Context, do access.Action) ([]byte, bool) {
	err := a.admit(c)
	if err == nil {
		err = backendOf(c).MayEverywhere(do)
	}
	var body []byte
	if err == nil {
		body, err = readBody(c.Writer, c.Request)
	}
	if err != nil {
		a.refuse(c, err)
		return nil, false
	}
	return body, true
}

func readSend(body []byte) (*sendRequest, error) {
	q := &sendRequest{}
	err := protocol.ReadObject(body, func(name string, value []byte) (err error) {
		switch name {
		case "connection":
			q.connection, err = readShort(name, value, protocol.MaxNameBytes)
		case "all":
			q.all, err = protocol.ReadBool(value)
		case "event":
			q.event, err = readShort(name, value, protocol.MaxEventBytes)
		case "data":
			q.data, err = protocol.CompactJSON(value)
		default:
			err = unknownField("field", name, sendFields)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case q.all == (q.connection != ""):
		return nil, badRequest(`give either "connection" or "all": true`, `"connection" is one of GET /api/connections.`)
	case q.event == "":
		return nil, badRequest(`field "event" is missing`, "Give a name for the kind of event.")
	case q.data == nil:
		return nil, badRequest(`field "data" is missing`, "Give any JSON value, null included.")
	}
	q.data = bytes.Clone(q.data) // the body must not live as long as the frame
	return q, nil
}

// disconnected answers POST /api/disconnect.
type disconnected struct {
	Connection string        `json:"connection"`
	Code       protocol.Code `json:"code"`
	Retry      bool          `json:"retry"`
}

// onDisconnect serves POST /api/disconnect: one connection ends, for good or so that its client comes back.
func (a *API) onDisconnect(c *gin.Context) {
	body, ok := a.commanded(c, access.ActionAdmin)
	if !ok {
		return
	}
	q, err := readDisconnect(body)
	if err == nil {
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
		case "code":
			var code string
			code, err = readShort(name, value, protocol.MaxNameBytes)
			q.Code = protocol.Code(code)
		case "retry":
			retry = true
			q.Retry, err = protocol.ReadBool(value)
		default:
			err = unknownField("field", name, disconnectFields)
		}
		return err
	})
	if err == nil && q.Connection == "" {
		err = badRequest(`field "connection" is missing`, "Give one of GET /api/connections.")
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
