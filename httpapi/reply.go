package httpapi

import (
	"bytes"

	"github.com/gin-gonic/gin"

	"tidings/actors"
	"tidings/protocol"
	"tidings/transports"
)

var (
	replyParameters = []string{"to", "signature"}
	replyFields     = []string{"event", "data", "idempotencyKey"}
)

// maxReplyBody is what the body of a reply may have: protocol.MaxPayloadBytes of data, and room around it.
const maxReplyBody = protocol.MaxPayloadBytes + 8<<10

// replied is the answer to POST /api/reply.
type replied struct {
	Epoch     string `json:"epoch"`
	Offset    uint64 `json:"offset"`
	Tag       string `json:"tag"`
	ID        string `json:"id"`
	Duplicate bool   `json:"duplicate"`
	Receivers int    `json:"receivers"`
}

// onReply serves POST /api/reply: one message to a reply channel. The URL's signature stands in for an API key; it is
// not logged.
func (a *API) onReply(c *gin.Context) {
	r, err := readReply(c)
	if err != nil {
		a.refuse(c, err)
		return
	}
	done, err := a.bus.Reply(c.Request.Context(), *r)
	if err != nil {
		a.refuse(c, err)
		return
	}
	answer(c, replied{
		Epoch: done.Position.Epoch, Offset: done.Position.Offset, Tag: done.Position.Tag, ID: done.ID,
		Duplicate: done.Duplicate, Receivers: done.Receivers,
	})
}

func readReply(c *gin.Context) (*actors.Reply, error) {
	q, err := parameters(c.Request, replyParameters...)
	if err != nil {
		return nil, err
	}
	r := &actors.Reply{To: q["to"], Signature: q["signature"], Trace: traceOf(c.Request)}
	if r.To == "" || r.Signature == "" || len(r.To)+len(r.Signature) > protocol.MaxChannelBytes {
		return nil, &protocol.Error{Code: protocol.CodeUnauthorized, Reason: `the URL lacks "to" or "signature"`, Hint: "Use the whole publish URL as the client handed it over."}
	}
	body, err := transports.ReadJSON(c.Writer, c.Request, maxReplyBody)
	if err != nil {
		return nil, err
	}
	if err := readReplyBody(body, r); err != nil {
		return nil, err
	}
	values := c.Request.Header["Idempotency-Key"]
	r.IdempotencyKey, err = readKeyHeader(r.IdempotencyKey, values)
	return r, err
}

func readReplyBody(body []byte, r *actors.Reply) error {
	err := protocol.ReadObject(body, func(name string, value []byte) (err error) {
		switch name {
		case "event":
			r.Event, err = readShort(name, value, protocol.MaxEventBytes)
		case "data":
			r.Data, err = protocol.CompactJSON(value)
			r.Data = bytes.Clone(r.Data) // the body must not live as long as the message
		case "idempotencyKey":
			r.IdempotencyKey, err = readKey(value)
		default:
			err = protocol.UnknownField("field", name, replyFields)
		}
		return err
	})
	if err != nil {
		return err
	}
	switch r.Event {
	case protocol.ReplyProgress, protocol.ReplyDone, protocol.ReplyError:
	default:
		return badRequest(`field "event" must be "progress", "done" or "error"`, `"done" and "error" close the channel; "progress" leaves it open.`)
	}
	if r.Data == nil {
		return badRequest(`field "data" is missing`, "Give any JSON value, null included.")
	}
	return nil
}
