package httpapi

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/core"
	"tidings/protocol"
)

var historyParameters = []string{"channel", "since", "limit"}

// onHistory serves GET /api/history: the newest messages of a channel, or those after a position.
func (a *API) onHistory(c *gin.Context) {
	q, ok := a.asked(c, access.ActionRead, historyParameters...)
	if !ok {
		return
	}
	ch, err := protocol.ParseChannel(q["channel"])
	if err == nil {
		err = backendOf(c).May(access.ActionRead, ch)
	}
	if err != nil {
		a.refuse(c, err)
		return
	}
	var since protocol.Position
	if text, ok := q["since"]; ok {
		if since, err = protocol.ParsePosition(text); err != nil {
			a.refuse(c, err)
			return
		}
	}
	limit := protocol.MaxHistoryLimit
	if text, ok := q["limit"]; ok {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > protocol.MaxHistoryLimit {
			a.refuse(c, badRequest(`parameter "limit" must be a number from 1 to 256`, "Leave it out for 256."))
			return
		}
	}
	page, err := a.bus.History(c.Request.Context(), ch, since, limit)
	if err != nil {
		a.refuse(c, err)
		return
	}
	writeJSON(c.Writer, http.StatusOK, appendHistory(nil, page))
}

// appendHistory appends the same answer as a history frame gets, without the frame's id.
func appendHistory(dst []byte, page core.Page) []byte {
	dst = append(dst, `{"messages":[`...)
	for i, m := range page.Messages {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = protocol.AppendHistoryMessage(dst, m)
	}
	dst = append(dst, `],"epoch":"`...) // epoch and tag hold letters, digits, "-" and "_" only
	dst = append(dst, page.Top.Epoch...)
	dst = append(dst, `","offset":`...)
	dst = strconv.AppendUint(dst, page.Top.Offset, 10)
	dst = append(dst, `,"tag":"`...)
	dst = append(dst, page.Top.Tag...)
	dst = append(dst, `","complete":`...)
	dst = strconv.AppendBool(dst, page.Lost == "")
	return append(dst, '}')
}
