package transports

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"time"
)

// take takes the conn of a request from net/http. It returns nil, with nothing changed, if the conn cannot be taken:
// HTTP/2, TLS, HTTP/1.0, a conn that is to be closed, and systems without readiness. The caller has it watched.
func (h *Handler) take(w http.ResponseWriter, r *http.Request) *restingConn {
	server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	ready, ok := h.readers.(*readiness)
	if server == nil || !ok || r.TLS != nil || r.Close || closes(w.Header()) || r.ProtoMajor != 1 || r.ProtoMinor != 1 || !ready.canWatch(r) {
		return nil
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil
	}
	conn, again := bare(conn)
	conn.SetDeadline(time.Time{})
	c := &restingConn{h: h, ready: ready, back: h.backTo(server), again: again, peer: r.RemoteAddr}
	c.conn, c.raw = conn, rawConn(conn)
	c.alarm.owner = c
	if n := rw.Reader.Buffered(); n > 0 {
		early, _ := rw.Reader.Peek(n)
		c.early = bytes.Clone(early)
	}
	if !h.register(c) {
		c.closeNow()
	}
	return c
}

// AnswerJSON is WriteJSON for a request after whose answer the conn may rest: it is taken from net/http if the request
// was of a known form, so that the next one is probably read without it.
func (h *Handler) AnswerJSON(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	var c *restingConn
	if restingUnder(w) == nil && !h.unrested.Load() && h.cfg.Known.Knows(r) {
		c = h.take(w, r)
	}
	if c == nil {
		WriteJSON(w, status, body)
		return
	}
	raw := newRawResponse(nil)
	defer raw.release()
	maps.Copy(raw.header, w.Header())
	WriteJSON(raw, status, body)
	c.ready.add(c)
	c.write(nil, raw.bytes(nil))
}

// StopResting has net/http read the next request of each conn, so that its answer can say that it is the last one.
func (h *Handler) StopResting() { h.unrested.Store(true) }

// Wait waits until every request that was read on a conn which rests is answered or waits as a poll, or fails with
// ctx's error. Call it after StopResting: what http.Server.Shutdown waits for does not include them.
func (h *Handler) Wait(ctx context.Context) error {
	for h.serving.Load() > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}
