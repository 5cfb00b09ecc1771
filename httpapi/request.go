package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/protocol"
	"tidings/transports"
)

const maxParameters = 100 // of a URL's query

// body admits a request of the API that has a body and returns its JSON, at most protocol.MaxAPIBodyBytes. It reports
// false if it refused the request: because of its key, because may forbids the key to do it, or because of the body.
func (a *API) body(c *gin.Context, may func(access.Backend, access.Action) error, do access.Action) ([]byte, bool) {
	return a.bodyWithin(c, may, do, protocol.MaxAPIBodyBytes)
}

// bodyWithin is body for a request of at most max bytes.
func (a *API) bodyWithin(c *gin.Context, may func(access.Backend, access.Action) error, do access.Action, max int64) ([]byte, bool) {
	err := a.admit(c)
	if err == nil {
		err = may(backendOf(c), do)
	}
	var body []byte
	if err == nil {
		body, err = transports.ReadJSON(c.Writer, c.Request, max)
	}
	if err != nil {
		a.refuse(c, err)
		return nil, false
	}
	return body, true
}

// parameters reads a URL's query: each of the known names at most once, and no other.
func parameters(r *http.Request, known ...string) (map[string]string, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badRequest("the query is malformed", "Escape names and values as URLs want it.")
	}
	found := map[string]string{}
	for name, list := range values {
		if !slices.Contains(known, name) {
			return nil, protocol.UnknownField("parameter", name, known)
		}
		if len(list) > 1 {
			return nil, badRequest(`parameter "`+name+`" is given twice`, "Give it once.")
		}
		found[name] = list[0]
	}
	return found, nil
}

// readKeyHeader returns the idempotency key of the body, or that of the header Idempotency-Key, which many HTTP
// libraries set by themselves.
func readKeyHeader(key string, values []string) (string, error) {
	switch {
	case len(values) == 0:
		return key, nil
	case len(values) > 1 || key != "" && key != values[0]:
		return "", badRequest("several idempotency keys are given", "Give one, in the body or in the header.")
	}
	return values[0], protocol.CheckIdempotencyKey(values[0])
}

// readKey reads an idempotency key.
func readKey(value []byte) (string, error) {
	key, err := protocol.ReadString(value)
	if err == nil {
		err = protocol.CheckIdempotencyKey(key)
	}
	return key, err
}

// readShort reads a text of 1 to max bytes.
func readShort(name string, value []byte, max int) (string, error) {
	text, err := protocol.ReadString(value)
	if err == nil && text == "" {
		err = badRequest(`field "`+name+`" is empty`, "Leave it out, or give a text.")
	}
	if err == nil && len(text) > max {
		err = badRequest(`field "`+name+`" is too long`, "See the table of limits in SPEC.md section 9.")
	}
	return text, err
}

func badRequest(reason, hint string) *protocol.Error {
	return &protocol.Error{Code: protocol.CodeBadRequest, Reason: reason, Hint: hint}
}

var errTooManyParameters = badRequest("the URL has more than 100 parameters", "Send less, or a body.")

// readLimit reads the parameter limit, from 1 to max.
func readLimit(q map[string]string, otherwise, max int) (int, error) {
	text, ok := q["limit"]
	if !ok {
		return otherwise, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > max {
		return 0, badRequest(`parameter "limit" must be a number from 1 to `+strconv.Itoa(max), "Leave it out for "+strconv.Itoa(otherwise)+".")
	}
	return limit, nil
}

// short refuses parameters that are there and empty, or longer than max bytes.
func short(q map[string]string, max int, names ...string) error {
	for _, name := range names {
		if text, ok := q[name]; ok && (text == "" || len(text) > max) {
			return badRequest(`parameter "`+name+`" must have 1 to `+strconv.Itoa(max)+" bytes", "Leave it out, or give a text.")
		}
	}
	return nil
}
