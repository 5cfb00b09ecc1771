package httpapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"tidings/protocol"
	"tidings/transports"
)

// answer writes v as JSON.
func answer(c *gin.Context, v any) { writeJSON(c.Writer, http.StatusOK, asJSON(v)) }

// answerAndRest writes a body of JSON, and keeps none of it. The conn may then rest.
func (a *API) answerAndRest(c *gin.Context, body []byte) {
	transports.VaryByOrigin(c.Writer.Header())
	a.handler.AnswerJSON(c.Writer, c.Request, http.StatusOK, body)
}

func asJSON(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // a type of our own that cannot be written
	}
	return body
}

// refuse answers with what a caller may see of err.
func (a *API) refuse(c *gin.Context, err error) {
	fault := a.asError(err)
	a.refused.Add(fault.Code, 1)
	header := c.Writer.Header()
	if fault.Code == protocol.CodeUnauthorized {
		header.Set("WWW-Authenticate", `Bearer realm="tidings"`)
	}
	after := protocol.RetryAfter(fault.Code)
	if fault == errFailures {
		after = failureWindow
	}
	if after > 0 {
		header.Set("Retry-After", strconv.Itoa(int(after/time.Second)))
	}
	noteOf(c).refused = fault
	transports.VaryByOrigin(header)
	transports.WriteRefusal(c.Writer, c.Request, fault.Code.Row().HTTP, protocol.AppendError(nil, fault))
	c.Abort()
}

// asError returns what a caller may see of err, and writes what is hidden from it to the log.
func (a *API) asError(err error) *protocol.Error {
	fault := protocol.AsError(err)
	if fault == protocol.Internal && err != error(fault) {
		a.log.Error("httpapi: the bus failed", "error", err)
	}
	return fault
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	transports.VaryByOrigin(w.Header())
	transports.WriteJSON(w, status, body)
}

func (a *API) onNoRoute(c *gin.Context) {
	if a.onErrand != nil && a.onErrand(c) {
		return
	}
	if fault := a.gatewayOff(c.Request); fault != nil {
		a.refuse(c, fault)
		return
	}
	a.refuse(c, &protocol.Error{Code: protocol.CodeNotFound, Reason: "there is nothing at this URL", Hint: "Clients connect at /bus, backends publish at /api/publish."})
}

func (a *API) onNoMethod(c *gin.Context) {
	a.refuse(c, &protocol.Error{Code: protocol.CodeMethodNotAllowed, Reason: "this URL does not take that method", Hint: "The Allow header lists what it takes."})
}

func isHandshake(r *http.Request) bool {
	for _, v := range r.Header.Values("Upgrade") {
		if strings.EqualFold(v, "websocket") {
			return true
		}
	}
	return false
}

// gatewayOff returns why a URL of a gateway that is not offered here is refused, or nil if it is of none.
func (a *API) gatewayOff(r *http.Request) *protocol.Error {
	path, below := strings.CutPrefix(r.URL.Path, a.base)
	name := ""
	switch {
	case below && (path == "/primus" || strings.HasPrefix(path, "/primus/")):
		name = "gateways.primus"
	case below && strings.HasPrefix(path, "/socket.io/"):
		name = "gateways.socketio"
	case r.URL.Path == "/" && isHandshake(r), strings.HasPrefix(r.URL.Path, "/_"):
		name = "gateways.kuzzle"
	default:
		return nil
	}
	return &protocol.Error{Code: protocol.CodeNotFound, Reason: "this gateway is off", Hint: "Set " + name + " to true in tidings.yaml. Clients of Tidings connect at /bus."}
}
