package httpapi

import (
	"context"
	"crypto/sha256"
	"net/http"
	"sync"

	"tidings/access"
	"tidings/actors"
	"tidings/documents"
	"tidings/protocol"
	"tidings/transports"
)

// errandBackend is transports.Backends: which backend's API key a gateway's request has, if it is no client's token.
func (a *API) errandBackend(w http.ResponseWriter, r *http.Request) (name string, ask transports.Ask, err error) {
	b, admitted, err := a.admitErrand(w, r)
	if !admitted || err != nil {
		return "", nil, err
	}
	e := &backendErrand{a: a, ctx: r.Context(), backend: b, trace: traceOf(r)}
	return b.Principal(), e.ask, nil
}

// backendErrand carries out the frames of a gateway for a backend, under the scopes of its key.
type backendErrand struct {
	a       *API
	ctx     context.Context
	backend access.Backend
	trace   string
}

func (e *backendErrand) ask(frames []protocol.ClientFrame) []*protocol.ServerFrame {
	answers := make([]*protocol.ServerFrame, len(frames))
	var running sync.WaitGroup
	for i := range frames {
		running.Go(func() { answers[i] = e.carryOut(&frames[i]) })
	}
	running.Wait()
	return answers
}

// carryOut carries one frame out.
func (e *backendErrand) carryOut(f *protocol.ClientFrame) *protocol.ServerFrame {
	data, err := []byte(nil), error(errNotForBackends)
	switch {
	case f.Type == protocol.TypePublish:
		err = e.publish(f)
	case f.Type == protocol.TypeCall && f.Method == "document":
		data, err = e.document(f)
	}
	if err != nil {
		fault := e.a.asError(err)
		e.a.refused.Add(fault.Code, 1)
		return protocol.ErrorFrame(f.ID, fault).Frame
	}
	return &protocol.ServerFrame{Type: protocol.TypeReply, ID: f.ID, Data: data}
}

var errNotForBackends = &protocol.Error{Code: protocol.CodeUnsupported, Reason: "an API key has no user, and signs nobody in or out", Hint: "Send the request without the key, or with a user's token."}

func (e *backendErrand) publish(f *protocol.ClientFrame) error {
	if err := e.backend.May(access.ActionPublish, f.Channel); err != nil {
		return err
	}
	trace, end := e.a.span(e.trace, f.Channel)
	done, err := e.a.bus.Publish(e.ctx, actors.Publish{
		Channel: f.Channel, Data: f.Data, Trace: trace, Principal: e.backend.Principal(), Extra: &protocol.Extra{Meta: f.Meta, Origin: f.Origin},
	})
	end(done.ID, done.Position.Offset, done.Receivers, err)
	return err
}

func (e *backendErrand) document(f *protocol.ClientFrame) ([]byte, error) {
	return documents.Carry(e.ctx, e.a.store.Store, &documents.Call{
		Data: f.Data, Origin: f.Origin, Who: keyHolder{e.backend}, By: documents.By{Principal: e.backend.Principal(), Hash: sha256.Sum256(f.Data)},
	})
}
