package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"tidings/protocol"
)

// answer writes v as JSON.
func answer(c *gin.Context, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // a type of our own that cannot be written
	}
	writeJSON(c.Writer, http.StatusOK, body)
}

// refuse answers with an error: a *protocol.Error as it is, everything else as CodeInternal, and whole in the log.
func (a *API) refuse(c *gin.Context, err error) {
	e := a.asError(err)
	a.refused.add(e.Code)
	header := c.Writer.Header()
	switch e.Code {
	case protocol.CodeUnauthorized:
		header.Set("WWW-Authenticate", `Bearer realm="tidings"`)
	case protocol.CodeRateLimited:
		header.Set("Retry-After", strconv.Itoa(int(failureWindow.Seconds())))
	case protocol.CodeOverloaded, protocol.CodeBrokerUnavailable, protocol.CodeShuttingDown:
		header.Set("Retry-After", "5")
	}
	if c.Request.ContentLength != 0 && c.Request.ProtoMajor == 1 {
		header.Set("Connection", "close") // whatever of the body was not read is not worth reading
	}
	c.Set(codeKey, string(e.Code))
	writeJSON(c.Writer, e.Code.Row().HTTP, protocol.AppendError(nil, e))
	c.Abort()
}

func (a *API) asError(err error) *protocol.Error {
	var e *protocol.Error
	if errors.As(err, &e) {
		return e
	}
	a.log.Error("httpapi: the bus failed", "error", err)
	return errInternal
}

var errInternal = &protocol.Error{Code: protocol.CodeInternal, Reason: "the server failed", Hint: "Try again; the server's log says why."}

// Values of headers that every answer has, made once.
var contentJSON, noStore, noSniff = []string{"application/json"}, []string{"no-store"}, []string{"nosniff"}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	header["Content-Type"], header["Cache-Control"], header["X-Content-Type-Options"] = contentJSON, noStore, noSniff
	header.Add("Vary", "Origin")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}
