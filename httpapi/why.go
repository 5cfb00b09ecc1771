package httpapi

import (
	"context"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/actors"
	"tidings/protocol"
)

var whyParameters = []string{"connection", "channel", "offset"}

// whyAnswer is the answer to GET /api/why.
type whyAnswer struct {
	Connection string         `json:"connection"`
	Channel    string         `json:"channel"`
	Offset     uint64         `json:"offset"`
	State      string         `json:"state"`
	Gateway    string         `json:"gateway,omitempty"`
	Answer     actors.Verdict `json:"answer"`
	Receives   bool           `json:"receives"`
	Message    string         `json:"message"`
	Top        uint64         `json:"top"`
	Epoch      string         `json:"epoch"`
	Trace      string         `json:"trace,omitempty"`
	Records    []whyRecord    `json:"records"`
}

type whyRecord struct {
	Time    int64  `json:"time"` // Unix milliseconds
	What    string `json:"what"`
	Channel string `json:"channel,omitempty"`
	Code    string `json:"code,omitempty"`
	Epoch   string `json:"epoch,omitempty"`
	Last    uint64 `json:"last,omitempty"`
	From    uint64 `json:"from,omitempty"`
	To      uint64 `json:"to,omitempty"`
}

// onWhy serves GET /api/why: what became of one message for one connection.
func (a *API) onWhy(c *gin.Context) {
	q, ok := a.asked(c, access.ActionAdmin, whyParameters...)
	if !ok {
		return
	}
	if a.handOn(c, q["connection"], nil) {
		return
	}
	why, err := a.why(c.Request.Context(), backendOf(c), q)
	if err != nil {
		a.refuse(c, err)
		return
	}
	answer(c, why)
}

func (a *API) why(ctx context.Context, b access.Backend, q map[string]string) (*whyAnswer, error) {
	ch, err := protocol.ParseChannel(q["channel"])
	if err == nil {
		err = b.May(access.ActionAdmin, ch)
	}
	if err != nil {
		return nil, err
	}
	offset, err := protocol.ReadUint([]byte(q["offset"]))
	if err != nil || offset == 0 {
		return nil, badRequest(`parameter "offset" must be an integer from 1 on`, "Give the offset that the publish was answered with.")
	}
	if q["connection"] == "" || len(q["connection"]) > protocol.MaxNameBytes {
		return nil, badRequest(`parameter "connection" must have 1 to 128 bytes`, "Give the id that the client's connected frame, or GET /api/connections, names.")
	}
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	w, err := a.bus.Why(ctx, q["connection"], ch, offset)
	if err != nil {
		return nil, err
	}
	found := &whyAnswer{
		Connection: q["connection"], Channel: string(ch), Offset: offset, State: w.State, Gateway: w.Gateway.String(), Answer: w.Verdict, Receives: w.Receives,
		Message: w.Says, Top: w.Top.Offset, Epoch: w.Top.Epoch, Trace: w.Trace, Records: []whyRecord{},
	}
	for _, r := range w.Records {
		found.Records = append(found.Records, whyRecord{
			Time: r.AtMS, What: r.What, Channel: r.Channel.Shown(), Code: r.Code, Epoch: r.Epoch, Last: r.Last, From: r.From, To: r.To,
		})
	}
	return found, nil
}
