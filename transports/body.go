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

// What is read of the body of a refused request after its answer.
const (
	maxWaste  = 16 << 20        // bytes
	wasteTime = 5 * time.Second // from the answer; closeGrace without a byte ends it, too
)

// WriteRefusal answers a request with an error as JSON, body and status as the caller chose them. A body that was not
// read is then read and thrown away, up to 16 MiB and for 5 s, as long as it comes without a pause of 1 s, and the
// connection is closed. Many clients read the answer only when they have sent everything, and would meet a broken
// connection in its place.
func WriteRefusal(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	waste := r.ContentLength != 0 && r.ProtoMajor == 1
	ctl := http.NewResponseController(w)
	if waste {
		w.Header().Set("Connection", "close")
		ctl.SetReadDeadline(time.Now().Add(closeGrace))
		ctl.EnableFullDuplex() // else net/http reads on by itself before it answers
	}
	WriteJSON(w, status, body)
	if !waste || r.Header.Get("Expect") != "" || ctl.Flush() != nil { // a client that sent Expect waits with its body
		return
	}
	chunk := make([]byte, 32<<10)
	end := time.Now().Add(wasteTime)
	for n := 0; n < maxWaste && time.Now().Before(end); {
		ctl.SetReadDeadline(time.Now().Add(closeGrace))
		read, err := r.Body.Read(chunk)
		if n += read; err != nil {
			return
		}
	}
}
