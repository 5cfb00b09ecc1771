package transports

import (
	"context"
	"net/http"
	"net/url"
	"slices"

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
		h.greet(t, w, t.marked(r))
	}
}

// marked returns r as a request of the gateway, for what is counted and logged.
func (t *tongue) marked(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), gatewayKey{}, t.Gateway().String()))
}

func (h *Handler) greet(t *tongue, w http.ResponseWriter, r *http.Request) {
	methods := []string{http.MethodGet}
	if t.polling() != nil {
		methods = append(methods, http.MethodPost)
	}
	origin, ok := h.admit(w, r, methods...)
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
	if g.Session != "" {
		h.visit(t, w, r, g, peer)
		return
	}
	k := h.speaker(t, g)
	if a, ok := g.Talk.(Asker); ok {
		a.Open(k)
	}
	if g.Subprotocol != "" {
		w.Header().Set("Sec-WebSocket-Protocol", g.Subprotocol)
	}
	h.serveSocket(w, r, k, &introduction{peer: peer, frames: g.opening(), first: g.First})
}

// speaker returns a socket for a talk.
func (h *Handler) speaker(t *tongue, g *Greeting) *socket {
	k := &socket{}
	k.init(h, webSocketKind, talkForm{g.Talk})
	k.tally, k.speech = &t.tally, &speech{tongue: t, talk: g.Talk}
	k.intake.framing.most = uint32(min(g.MaxMessage, maxSpeechBytes))
	return k
}

// opening returns what the session of a greeting begins with, or nil if that is still to come.
func (g *Greeting) opening() []protocol.ClientFrame {
	if g.Later {
		return nil
	}
	frames := g.Frames
	if frames == nil {
		frames = []protocol.ClientFrame{{Type: protocol.TypeConnect}}
	}
	if frames[0].Token == "" {
		frames[0].Token = g.Token
	}
	return frames
}

// visit serves a request of a client that polls.
func (h *Handler) visit(t *tongue, w http.ResponseWriter, r *http.Request, g *Greeting, peer protocol.Peer) {
	v := t.visitors.find(g.Session)
	if g.Talk != nil {
		var err error
		if v, err = newVisitor(h, t, g, peer); err != nil {
			h.refuse(w, r, err)
			return
		}
		if a, ok := g.Talk.(Asker); ok {
			a.Open(v)
		}
		v.start()
	}
	switch {
	case v == nil:
		t.unknown(w)
	case r.Method == http.MethodPost:
		v.post(w, r)
	default:
		v.get(w, r)
	}
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

// maxErrandBytes bounds the body of an errand.
const maxErrandBytes = 1 << 20

// Errands returns the handler of a language's requests over HTTP. Speak must have been called with l before.
func (h *Handler) Errands(l Errands, backends Backends) http.HandlerFunc {
	h.mu.Lock()
	t := h.spoken[slices.IndexFunc(h.spoken, func(t *tongue) bool { return t.Language == Language(l) })]
	h.mu.Unlock()
	rates := &errandRates{}
	return func(w http.ResponseWriter, r *http.Request) {
		r = t.marked(r)
		origin, ok := h.welcome(w, r)
		switch {
		case !ok:
		case r.Method == http.MethodOptions:
			answerPreflight(w.Header(), origin, "GET, POST, PUT, PATCH, DELETE, OPTIONS", pageHeaders+", "+l.Headers())
			w.WriteHeader(http.StatusNoContent)
		default:
			t.heard.Add(1)
			e := &Errand{Request: r}
			s := &errandSession{h: h, tongue: t, rates: rates}
			defer s.close()
			if err := h.prepare(w, e, s, origin, backends); err != nil {
				e.Fault = h.asError(err)
				h.noteRefusal(r, e.Fault)
			}
			status, answer := l.Run(e)
			if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
				w.Header().Set("Retry-After", "5")
			}
			WriteRefusal(w, r, status, answer) // which is WriteJSON once the body is read
		}
	}
}

// prepare reads the request of e. s is the session that e has if it is a client's.
func (h *Handler) prepare(w http.ResponseWriter, e *Errand, s *errandSession, origin string, backends Backends) (err error) {
	r := e.Request
	if err = withoutToken(r); err != nil {
		return err
	}
	if e.Backend, e.Ask, err = backends(w, r); err != nil {
		return err
	}
	if e.Backend == "" {
		peer, err := h.peer(r, protocol.Poll, origin)
		if err != nil {
			return err
		}
		e.Token, peer.Token, peer.Gateway = peer.Token, "", s.tongue.Gateway()
		s.ctx, s.peer, e.Ask = r.Context(), peer, s.ask
	}
	if r.ContentLength != 0 && r.Method != http.MethodGet && r.Method != http.MethodHead {
		e.Body, err = ReadJSON(w, r, maxErrandBytes)
	}
	return err
}
