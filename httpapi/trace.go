package httpapi

import (
	"net/http"

	"tidings/protocol"
)

// traceOf returns a request's W3C trace context, "" if it has none. One that is malformed, or given twice, counts as
// none: the request is as good without it.
func traceOf(r *http.Request) string {
	values := r.Header["Traceparent"]
	if len(values) != 1 || !protocol.ValidTrace(values[0]) {
		return ""
	}
	return values[0]
}

// span starts the span of a publish, where spans are made, and returns the context that goes on with the message.
func (a *API) span(parent string, ch protocol.Channel) (trace string, end func(id string, offset uint64, receivers int, err error)) {
	if a.tracer == nil {
		return parent, func(string, uint64, int, error) {}
	}
	return a.tracer.Publish(parent, string(ch))
}
