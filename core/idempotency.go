package core

import (
	"crypto/sha256"
	"maps"
	"slices"
	"time"

	"tidings/protocol"
)

// ErrIdempotencyConflict is for a key that comes again with something else.
var ErrIdempotencyConflict = &protocol.Error{
	Code: protocol.CodeIdempotencyConflict, Reason: "the idempotency key was used before with another message",
	Hint: "Use a new key for each message, and the same key only to repeat one unchanged.",
}

// idempotency remembers the answers to keyed publishes for a time. All entries live equally long, so the oldest is the
// next to expire, and each is dropped once: O(1) amortised.
type idempotency struct {
	ttl time.Duration
	max int

	answers map[idempotencyKey]answer // nil while empty
	queue   []idempotencyKey          // in order of age; queue[:head] is gone
	head    int

	forgotten uint64 // dropped before their time
}

// idempotencyKey keeps its parts apart: joined, "a"+"bc" would meet "ab"+"c".
type idempotencyKey struct{ principal, key string }

type answer struct {
	offset  uint64
	tag     string
	id      string
	timeMS  int64 // when it was published, as its publisher was told
	at      int64 // the same by the clock that counts ages
	content [sha256.Size]byte
}

// get returns the answer to an earlier publish with this key.
func (t *idempotency) get(now time.Time, k idempotencyKey) (answer, bool) {
	t.expire(now)
	a, ok := t.answers[k]
	return a, ok
}

// put remembers the answer to a key that get did not find; the oldest goes where it is one too many.
func (t *idempotency) put(k idempotencyKey, a answer) {
	if t.max <= 0 || t.ttl <= 0 {
		return
	}
	if len(t.answers) >= t.max {
		t.dropOldest()
		t.forgotten++
	}
	if t.answers == nil {
		t.answers = map[idempotencyKey]answer{}
	}
	t.answers[k] = a
	t.queue = append(t.queue, k)
}

// expire drops what is ttl old, or older.
func (t *idempotency) expire(now time.Time) {
	latest := now.Add(-t.ttl).UnixMilli()
	for len(t.answers) > 0 && t.answers[t.queue[t.head]].at <= latest {
		t.dropOldest()
	}
}

func (t *idempotency) dropOldest() {
	delete(t.answers, t.queue[t.head])
	t.queue[t.head] = idempotencyKey{}
	t.head++
	switch {
	case len(t.answers) == 0: // an idle channel keeps no table; a map never shrinks by itself
		t.answers, t.queue, t.head = nil, nil, 0
	case t.head > len(t.queue)/2:
		t.queue, t.head = append(t.queue[:0:0], t.queue[t.head:]...), 0
	}
}

func (t *idempotency) len() int { return len(t.answers) }

func (t *idempotency) clone() idempotency {
	c := *t
	c.answers, c.queue = maps.Clone(t.answers), slices.Clone(t.queue)
	return c
}
