package transports

import (
	"context"
	"net/http"
	"net/url"

	"tidings/protocol"
)

// Speak returns the handler of a language's handshakes. What is no handshake it answers with an error, or Greet does. A
// token in the URL is refused.
func (h *Handler) Speak(l Language) http.HandlerFunc {
	t := &tongue{Language: l}
	h.mu.Lock()
	h.spoken = append(h.spoken, t)
	h.mu.Unlock()
	return func(w http.ResponseWriter, r *http.Request) {
		h.greet(t, w, r.WithContext(context.WithValue(r.Context(), gatewayKey{}, l.Gateway().String())))
	}
}

func (h *Handler) greet(t *tongue, w http.ResponseWriter, r *http.Request) {
	origin, ok := h.admit(w, r, http.MethodGet)
	if !ok {
		return
	}
	peer, err := h.peer(r, protocol.WebSocket, origin)
	if err == nil {
		err = withoutToken(r)
	}
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	g := t.Greet(w, r)
	if g == nil {
		return
	}
	peer.Gateway = t.Gateway()
	frames := g.Frames
	if frames == nil {
		frames = []protocol.ClientFrame{{Type: protocol.TypeConnect}}
	}
	if frames[0].Token == "" {
		frames[0].Token = g.Token
	}
	k := &socket{}
	k.init(h, webSocketKind, talkForm{g.Talk})
	k.tally, k.speech = &t.tally, &speech{tongue: t, talk: g.Talk}
	k.intake.framing.most = uint32(min(g.MaxMessage, maxSpeechBytes))
	if a, ok := g.Talk.(Asker); ok {
		a.Open(k)
	}
	if g.Subprotocol != "" {
		w.Header().Set("Sec-WebSocket-Protocol", g.Subprotocol)
	}
	h.serveSocket(w, r, k, &introduction{peer: peer, frames: frames})
}

// withoutToken refuses a URL with a secret in it, which would be in the logs of whatever it passes.
func withoutToken(r *http.Request) error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return badQuery("the query is malformed")
	}
	for _, name := range []string{"token", "access_token", "accessToken", "jwt"} {
		if values.Has(name) {
			return &protocol.Error{Code: protocol.CodeBadRequest, Reason: "a token is never part of a URL", Hint: "Send Authorization: Bearer <token>, or sign in with a message."}
		}
	}
	return nil
}
