package actors

import (
	"sync/atomic"

	"tidings/internal/counts"
	"tidings/protocol"
)

// Cause is what something is counted by: the transport that the connection was on, and why.
type Cause struct {
	Transport string
	Code      string // of protocol.Code, or another word that the count's field names
}

// causes counts by transport and cause.
type causes struct{ counts.Map[Cause] }

func (t *causes) add(kind transportKind, code string, n int) {
	t.Add(Cause{kind.String(), code}, uint64(n))
}

// perTransport counts by transport alone.
type perTransport [kinds]atomic.Uint64

func (t *perTransport) add(kind transportKind) { t[kind].Add(1) }

func (t *perTransport) snapshot() map[string]uint64 {
	m := make(map[string]uint64, kinds)
	for k := range kinds {
		m[k.String()] = t[k].Load()
	}
	return m
}

// What is counted where there is no code.
const (
	causeCut     = "cut"     // the transport broke, or the client left without a word
	causeGoodbye = "goodbye" // the client said so, or a plain one left
)

func causeOf(code protocol.Code, otherwise string) string {
	if code == "" {
		return otherwise
	}
	return string(code)
}

// The words that a client may give for fallback in connect; others count as "other".
var fallbacks = map[string]bool{
	protocol.FallbackRefused: true, protocol.FallbackUnproven: true, protocol.FallbackUnstable: true, protocol.FallbackRemembered: true, protocol.FallbackChosen: true,
}

// fellBack counts that a client has another transport than its first choice.
func (t *tally) fellBack(kind transportKind, reason string) {
	if reason == "" {
		return
	}
	if !fallbacks[reason] {
		reason = "other"
	}
	t.fallbacks.add(kind, reason, 1)
}
