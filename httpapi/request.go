package httpapi

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tidings/protocol"
)

const (
	bodyDeadline  = 10 * time.Second
	maxParameters = 100 // of a URL's query
)

// readBody reads a request's JSON: at most protocol.MaxAPIBodyBytes.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return readBodyOf(w, r, protocol.MaxAPIBodyBytes)
}

// readBodyOf reads a request's JSON: at most max bytes within 10 s, declared as what it is.
func readBodyOf(w http.ResponseWriter, r *http.Request, max int64) ([]byte, error) {
	if !declaresJSON(r.Header.Get("Content-Type")) {
		return nil, &protocol.Error{Code: protocol.CodeUnsupportedMediaType, Reason: "the body is not declared as application/json", Hint: "Send Content-Type: application/json."}
	}
	if len(r.Header["Content-Encoding"]) > 0 {
		return nil, &protocol.Error{Code: protocol.CodeUnsupportedMediaType, Reason: "the body is compressed", Hint: "Send it without Content-Encoding."}
	}
	if r.ContentLength > max {
		return nil, bodyTooLarge(max)
	}
	ctl := http.NewResponseController(w)
	ctl.SetReadDeadline(time.Now().Add(bodyDeadline))
	body, err := readAll(http.MaxBytesReader(w, r.Body, max), r.ContentLength)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, bodyTooLarge(max)
	case err != nil:
		return nil, &protocol.Error{Code: protocol.CodeConnectTimeout, Reason: "the body did not arrive whole within 10 s", Hint: "Send it again; the request had no effect."}
	}
	ctl.SetReadDeadline(time.Time{})
	return body, nil
}

func declaresJSON(contentType string) bool {
	const want = "application/json"
	if contentType == want {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == want
}

// readAll is io.ReadAll, with room for just what was announced, if that is not much.
func readAll(r io.Reader, announced int64) ([]byte, error) {
	const most = 64 << 10 // more comes in steps, as it arrives
	if announced <= 0 || announced > most {
		return io.ReadAll(r)
	}
	body := make([]byte, announced)
	_, err := io.ReadFull(r, body)
	return body, err
}

func bodyTooLarge(max int64) *protocol.Error {
	return &protocol.Error{Code: protocol.CodeTooLarge, Reason: "the body is larger than " + strconv.FormatInt(max, 10) + " bytes", Hint: "Send less, or several requests."}
}

// parameters reads a URL's query: each of the known names at most once, and no other.
func parameters(r *http.Request, known ...string) (map[string]string, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &protocol.Error{Code: protocol.CodeBadRequest, Reason: "the query is malformed", Hint: "Escape names and values as URLs want it."}
	}
	found := map[string]string{}
	for name, list := range values {
		if !slices.Contains(known, name) {
			return nil, unknownField("parameter", name, known)
		}
		if len(list) > 1 {
			return nil, &protocol.Error{Code: protocol.CodeBadRequest, Reason: `parameter "` + name + `" is given twice`, Hint: "Give it once."}
		}
		found[name] = list[0]
	}
	return found, nil
}

// unknownField names what does not exist, if it looks like a name.
func unknownField(kind, name string, known []string) *protocol.Error {
	reason := "a " + kind + " does not exist"
	if plausible(name) {
		reason = kind + ` "` + name + `" does not exist`
	}
	return &protocol.Error{Code: protocol.CodeUnknownField, Reason: reason, Hint: "Known here: " + strings.Join(known, ", ") + "."}
}

func plausible(name string) bool {
	if name == "" || len(name) > 32 {
		return false
	}
	for i := range len(name) {
		b := name[i]
		if b != '_' && b != '-' && (b < '0' || b > '9') && (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') {
			return false
		}
	}
	return true
}
