package transports

import (
	"net/http"
	"path"
	"runtime/debug"
	"strconv"
	"time"

	"tidings/internal/refusals"
	"tidings/protocol"
)

// asError returns what a client may see of err, and writes what is hidden from it to the log.
func (h *Handler) asError(err error) *protocol.Error {
	fault := protocol.AsError(err)
	if fault == protocol.Internal && err != error(fault) {
		h.cfg.Log.Error("transports: the bus failed", "error", err)
	}
	return fault
}

// panicked logs a panic and returns what the client sees of it.
func (h *Handler) panicked(cause any) *protocol.Error {
	h.cfg.Log.Error("transports: a panic ended one connection", "cause", cause, "stack", string(debug.Stack()))
	return protocol.Internal
}

// refuse answers a request with an error.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	fault := h.asError(err)
	h.refuseAs(w, r, fault, fault.Code.Row().HTTP)
}

// refuseAs is refuse with a status of its own.
func (h *Handler) refuseAs(w http.ResponseWriter, r *http.Request, fault *protocol.Error, status int) {
	h.noteRefusal(r, fault)
	header := w.Header()
	if after := protocol.RetryAfter(fault.Code); after > 0 {
		header.Set("Retry-After", strconv.Itoa(int(after/time.Second)))
	}
	WriteRefusal(w, r, status, protocol.AppendError(nil, fault))
}

// noteRefusal counts a refused request and logs one line of our own words.
func (h *Handler) noteRefusal(r *http.Request, fault *protocol.Error) {
	h.refused.Add(Refusal{endpointOf(r), fault.Code}, 1)
	if h.cfg.Refusals != nil {
		h.cfg.Refusals.Add(refusals.Refusal{
			Where: endpointOf(r), Code: fault.Code, Reason: fault.Reason, Hint: fault.Hint, Origin: r.Header.Get("Origin"), Address: h.cfg.ClientAddress(r),
		})
	}
	h.cfg.Log.Info("client refused", "code", string(fault.Code), "reason", fault.Reason, "endpoint", endpointOf(r),
		"origin", protocol.Cut(r.Header.Get("Origin"), 256), "address", protocol.Cut(h.cfg.ClientAddress(r), 64))
}

// noteClosing logs that the transport ended the stream of a client. Streams that end in their turn have no line.
func (h *Handler) noteClosing(peer *protocol.Peer, fault *protocol.Error) {
	if fault.Code == protocol.CodeRotated {
		return
	}
	h.cfg.Log.Info("client closed", "code", string(fault.Code), "reason", fault.Reason,
		"transport", peer.Transport, "origin", protocol.Cut(peer.Origin, 256), "address", protocol.Cut(peer.Address, 64))
}

// gatewayKey is the key of a gateway's name in the context of a request.
type gatewayKey struct{}

// endpointOf names what a request was for, by the end of its path. One that is made up for a poll that waits has none.
func endpointOf(r *http.Request) string {
	if r.URL == nil {
		return protocol.Poll
	}
	if name, ok := r.Context().Value(gatewayKey{}).(string); ok {
		return name
	}
	switch path.Base(r.URL.Path) {
	case "ws":
		return protocol.WebSocket
	case "sse":
		return protocol.SSE
	case "poll":
		return protocol.Poll
	case "send":
		return "send"
	}
	return "negotiate"
}

// Values of headers that every answer has, made once. A slice of one value has no space for another, so that who adds
// one does not change them.
var contentJSON, noStore, noSniff, byOrigin = []string{"application/json"}, []string{"no-store"}, []string{"nosniff"}, []string{"Origin"}

// VaryByOrigin says in a header that the answer is another one for a page of another origin.
func VaryByOrigin(header http.Header) {
	if header["Vary"] == nil {
		header["Vary"] = byOrigin
		return
	}
	header.Add("Vary", "Origin")
}

// WriteJSON answers with a JSON body, which nobody on the way may keep.
func WriteJSON(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	header["Content-Type"], header["Cache-Control"], header["X-Content-Type-Options"] = contentJSON, noStore, noSniff
	if rawUnder(w) == nil { // which measures the body itself
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	w.Write(body)
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
