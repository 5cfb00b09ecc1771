package actors

import (
	"context"
	"errors"
	"slices"
	"time"

	"tidings/protocol"
)

// methodDocument is the method of a call about documents.
const methodDocument = "document"

const (
	// maxDocumentCalls bounds the document calls of the node that are carried out at once; further ones wait.
	maxDocumentCalls = 256
	// documentPatience is how long one may take.
	documentPatience = 10 * time.Second
)

// documentCalls are those of one connection. They are carried out one after the other: what a client writes it reads
// then, and of the answers, which may be long, one at a time waits for a client that reads slowly.
type documentCalls struct {
	waiting []protocol.ClientFrame // at most maxCalls
	running bool
}

func (s *session) onDocumentCall(f *protocol.ClientFrame) {
	if s.bus.cfg.Documents == nil {
		s.refuse(&protocol.Error{Code: protocol.CodeUnsupported, Reason: "documents are not offered by this server", Hint: "Set store to sqlite or postgres in its settings."}, f.ID)
		return
	}
	if s.documents == nil {
		s.documents = &documentCalls{}
	}
	if len(s.documents.waiting) >= maxCalls {
		s.refuse(errCalls, f.ID)
		return
	}
	s.documents.waiting = append(s.documents.waiting, *f)
	s.nextDocumentCall()
}

// nextDocumentCall begins the next call if it is its turn.
func (s *session) nextDocumentCall() {
	d := s.documents
	if d == nil || d.running || len(d.waiting) == 0 {
		return
	}
	if s.crowded() {
		s.awaitSpace()
		return
	}
	f := d.waiting[0]
	if d.waiting = d.waiting[1:]; len(d.waiting) == 0 {
		d.waiting = nil
	}
	d.running = true
	call := &DocumentCall{Data: f.Data, Key: f.IdempotencyKey, Principal: s.conn.principal(), User: s.identity().User, Origin: f.Origin, bus: s.bus, caller: s.caller()}
	if s.mandate != nil {
		call.puts = slices.Clone(s.mandate.puts)
	}
	b, self := s.bus, s.self
	b.documents.Run(func() {
		answer, fault := b.answerDocumentCall(call)
		b.send(self, documented{id: f.ID, call: call, answer: answer, fault: fault})
	})
}

func (b *Bus) answerDocumentCall(call *DocumentCall) (answer []byte, fault *protocol.Error) {
	ctx, cancel := context.WithTimeout(b.ctx, documentPatience)
	defer cancel()
	defer func() {
		if reason := recover(); reason != nil {
			b.tally.failures.Add(1)
			b.log.Error("a document call failed", "panic", reason)
			answer, fault = nil, protocol.Internal
		}
	}()
	answer, err := b.cfg.Documents(ctx, call)
	if err == nil {
		return answer, nil
	}
	if fault = protocol.AsError(err); fault == protocol.Internal && !errors.Is(err, protocol.Internal) {
		b.log.Error("a document call failed", "error", err)
	}
	return nil, fault
}

func (s *session) onDocumented(m documented) {
	s.documents.running = false
	if s.state == sessionEnded {
		return
	}
	if ch := m.call.shown; m.fault == nil && ch != "" { // it may have become forbidden meanwhile
		rows, _ := s.bus.policy.Load().RowFilter(s.identity(), ch)
		if m.fault = s.mayRead(ch); m.fault == nil && string(rows) != m.call.rows {
			m.fault = errRowsChanged
		}
	}
	if m.fault != nil {
		s.refuse(m.fault, m.id)
	} else {
		s.push(protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeReply, ID: m.id, Channel: m.call.shown, Data: m.answer}))
	}
	s.flush()
	s.nextDocumentCall()
}

var errRowsChanged = &protocol.Error{Code: protocol.CodeForbidden, Reason: "what this client may read was changed while it was asked for", Hint: "Ask again. What was to be written is written."}
