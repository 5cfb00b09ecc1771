package transports

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tidings/protocol"
)

// ReadJSON reads the body of a request: at most max bytes, declared as application/json and not compressed, which must
// be there within 10 s. Once it returned the body, the request has none any more. It fails with
// CodeUnsupportedMediaType, CodeTooLarge, or CodeHeartbeatTimeout.
func ReadJSON(w http.ResponseWriter, r *http.Request, max int64) ([]byte, error) {
	if !declaresJSON(r.Header.Get("Content-Type")) {
		return nil, &protocol.Error{Code: protocol.CodeUnsupportedMediaType, Reason: "the body is not declared as application/json", Hint: "Send Content-Type: application/json."}
	}
	if compressed(r.Header["Content-Encoding"]) {
		return nil, &protocol.Error{Code: protocol.CodeUnsupportedMediaType, Reason: "the body is compressed", Hint: "Send it without Content-Encoding."}
	}
	if r.ContentLength > max {
		return nil, bodyTooLarge(max)
	}
	ctl := http.NewResponseController(w)
	ctl.SetReadDeadline(time.Now().Add(bodyLimit))
	body, err := readAll(http.MaxBytesReader(w, r.Body, max), r.ContentLength)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, bodyTooLarge(max)
	case err != nil:
		return nil, &protocol.Error{Code: protocol.CodeHeartbeatTimeout, Reason: "the body did not arrive whole within 10 s", Hint: "Send it again; the request had no effect."}
	}
	ctl.SetReadDeadline(time.Time{})
	r.Body, r.ContentLength, r.TransferEncoding = http.NoBody, 0, nil // so that a refusal need not close the connection
	return body, nil
}

// compressed reports whether a Content-Encoding is more than none: "identity" says that there is none.
func compressed(codings []string) bool {
	for coding := range strings.SplitSeq(strings.Join(codings, ","), ",") {
		if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "identity") {
			return true
		}
	}
	return false
}

func declaresJSON(contentType string) bool {
	const want = "application/json"
	if contentType == want {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == want
}

// readAll is io.ReadAll, with space for just what was announced, if that is not much.
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
