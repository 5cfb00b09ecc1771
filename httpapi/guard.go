package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"tidings/internal/refusals"
	"tidings/protocol"
)

const maxLogText = 256 // bytes of what a client chose, in a line of the log

// logged writes one line per request: at Error if we failed, at Info if the client did, else at Debug. It holds the
// escaped path and the origin, and no query, body or other header: those carry secrets. What the transports refuse has
// a line of their own, with code and reason.
func (a *API) logged(c *gin.Context) {
	start := time.Now()
	c.Next()
	status := c.Writer.Status()
	a.audit(c)
	fault := a.remember(c)
	level := slog.LevelDebug
	switch {
	case strings.HasPrefix(c.FullPath(), a.carried):
	case status >= 500 && status != http.StatusNotImplemented: // which is what a client asked for, and is not there
		level = slog.LevelError
	case status >= 400:
		level = slog.LevelInfo
	}
	if !a.log.Enabled(context.Background(), level) {
		return
	}
	a.log.LogAttrs(context.Background(), level, "request",
		slog.String("method", protocol.Cut(c.Request.Method, 16)),
		slog.String("path", protocol.Cut(c.Request.URL.EscapedPath(), maxLogText)),
		slog.Int("status", status),
		slog.String("code", string(fault.Code)),
		slog.String("reason", protocol.Cut(fault.Reason, maxLogText)),
		slog.String("origin", protocol.Cut(c.Request.Header.Get("Origin"), maxLogText)),
		slog.Duration("took", time.Since(start)),
		slog.String("trace_id", protocol.TraceID(traceOf(c.Request))),
		slog.String("key", backendOf(c).Principal()),
		slog.String("address", a.proxies.clientText(c.Request)))
}

// audit writes one line for each write of a person, at Info, with the name of the key that was signed in with. The log
// leaves none of them out, however many there are: that is what "audit" asks of it.
func (a *API) audit(c *gin.Context) {
	n := noteOf(c)
	if !n.visiting || c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead {
		return
	}
	a.log.LogAttrs(context.Background(), slog.LevelInfo, "admin",
		slog.Bool("audit", true),
		slog.String("key", n.backend.Principal()),
		slog.String("method", protocol.Cut(c.Request.Method, 16)),
		slog.String("path", protocol.Cut(c.Request.URL.EscapedPath(), maxLogText)),
		slog.String("about", protocol.Cut(n.about, 2*maxLogText)),
		slog.Int("status", c.Writer.Status()),
		slog.String("address", a.proxies.clientText(c.Request)))
}

// remember remembers why a request was refused, for GET /api/refusals, and returns it; the zero error if it was not.
func (a *API) remember(c *gin.Context) *protocol.Error {
	n := noteOf(c)
	if n.refused == nil {
		return &protocol.Error{}
	}
	a.bus.Refusals().Add(refusals.Refusal{
		Where: c.FullPath(), Code: n.refused.Code, Reason: n.refused.Reason, Hint: n.refused.Hint,
		Origin: c.Request.Header.Get("Origin"), Address: a.proxies.clientText(c.Request), Key: n.backend.Principal(),
	})
	return n.refused
}

// recovered answers a panic with 500 and keeps the process. gin's own recovery would print the request with its
// headers.
func (a *API) recovered(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if v == http.ErrAbortHandler {
			panic(v) // net/http's way to cut a connection
		}
		a.panics.Add(1)
		a.log.Error("httpapi: panic", "value", v, "stack", string(debug.Stack()))
		if !c.Writer.Written() {
			a.refuse(c, protocol.Internal)
		}
		c.Abort()
	}()
	c.Next()
}

// bounded refuses URLs with too many parameters before anybody parses them.
func (a *API) bounded(c *gin.Context) {
	query := c.Request.URL.RawQuery
	if strings.Count(query, "&")+strings.Count(query, ";") >= maxParameters {
		a.refuse(c, errTooManyParameters)
	}
}
