package transports

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tidings/protocol"
)

// disconnect ends the session that a body of POST /bus/poll names. It may be on another node. If it fails nothing has
// been answered yet.
func (h *Handler) disconnect(w http.ResponseWriter, r *http.Request, peer protocol.Peer, frames []protocol.ClientFrame, body []byte) error {
	name := frames[0].Session
	switch {
	case name == "":
		return errNotConnected
	case len(frames) > 1:
		return &protocol.Error{Code: protocol.CodeBadRequest, Reason: "a disconnect that names its session goes alone", Hint: "Send nothing behind it."}
	}
	if handed, err := h.handOn(w, r, name, body); handed || err != nil {
		return err
	}
	session, err := h.bus.Find(name, peer)
	if err != nil {
		return err
	}
	cursor := strconv.FormatUint(session.Outbox().Sent(), 10)
	gen, _ := session.Outbox().Attached()
	if err := session.Receive(gen, []protocol.ClientFrame{{Type: protocol.TypeDisconnect}}); err != nil {
		return err
	}
	WriteJSON(w, http.StatusOK, protocol.AppendPollAnswer(nil, nil, cursor))
	return nil
}

// whence is how a client addressed this node: the Host, and the path of the URL.
type whence struct{ host, path string }

func whenceOf(r *http.Request) whence { return whence{r.Host, r.URL.Path} }

// maxFarewell bounds how long a node tries to end a session on another one.
const maxFarewell = 5 * time.Second

// endElsewhere ends the session that a client had on another node, now that it has one here: parked there, the client
// would be counted twice. It does not wait. If the other node cannot be reached its park ends the session.
func (h *Handler) endElsewhere(connect *protocol.ClientFrame, peer protocol.Peer, from whence) {
	bus, ok := h.bus.(Clustered)
	if !ok || h.cfg.Forward == nil || connect.Session == "" || bus.Self() == "" || strings.HasPrefix(connect.Session, bus.Self()+".") {
		return
	}
	session, token := connect.Session, cmp.Or(connect.Token, peer.Token)
	go func() {
		ctx, cancel := context.WithTimeout(h.ctx, maxFarewell)
		defer cancel()
		node, _, ok := bus.Elsewhere(session)
		if !ok {
			return
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, from.path[:strings.LastIndexByte(from.path, '/')+1]+"poll", nil)
		if err != nil {
			return
		}
		r.Host = from.host
		r.Header.Set("Content-Type", "application/json")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		if peer.Cookie != "" {
			r.Header.Set("Cookie", peer.Cookie)
		}
		body := protocol.AppendClientFrames(nil, []protocol.ClientFrame{{Type: protocol.TypeDisconnect, Session: session}})
		if _, err := h.cfg.Forward.Ask(ctx, node, r, body, peer.Address); err != nil {
			h.cfg.Log.Debug("a session on another node could not be ended; its park ends it", "node", node.ID, "error", err)
		}
	}()
}
