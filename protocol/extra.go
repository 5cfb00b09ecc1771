package protocol

import (
	"bytes"
	"strconv"
)

// Bounds of what no client's wire has. Those of meta and changed are with the limits of the wire.
const (
	MaxBeforeBytes = MaxPayloadBytes // of Extra.Before
	MaxOriginBytes = 512             // of Extra.Origin
)

// Extra is what few messages have beside their data. It is frozen with its message. The zero value of a field means
// absent; a nil Extra has nothing.
type Extra struct {
	// Meta is what the publisher says beside the payload: a compact JSON object of at most MaxMetaBytes, relayed as it
	// is.
	Meta []byte

	// Change is the number of a document's change in its store. Only a store sets it, and with it the fields down to
	// Before. A client's publish never does.
	Change uint64
	Txn    uint64 // the store's transaction of the change; 0 if it is Change
	// Changed is the paths that an update changed: a JSON array of at most MaxChangedPaths texts and MaxChangedBytes.
	// It is nil for other changes, and if there are more.
	Changed []byte
	// Gone is if the document was removed: the message's data is its last content. In a message that a client was sent
	// it is if the document is no more for the subscription, which may be for its filter's sake.
	Gone bool

	// Before is the content before the change, compact JSON of at most MaxBeforeBytes. It is nil for a creation or a
	// removal. It is for the server's filters alone and never on a client's wire, nor in an answer of the HTTP API.
	Before []byte
	// Origin is what a gateway notes for other gateways: JSON of at most MaxOriginBytes, opaque to core and brokers. It
	// is never on this protocol's wire, nor in an answer of the HTTP API.
	Origin []byte
}

// MetaOnly returns an Extra with nothing but meta, nil for none. It is all that a client or the HTTP API can set.
func MetaOnly(meta []byte) *Extra {
	if len(meta) == 0 {
		return nil
	}
	return &Extra{Meta: meta}
}

// Clone returns a copy that shares no memory with x.
func (x *Extra) Clone() *Extra {
	if x == nil {
		return nil
	}
	c := *x
	c.Meta, c.Changed, c.Before, c.Origin = bytes.Clone(x.Meta), bytes.Clone(x.Changed), bytes.Clone(x.Before), bytes.Clone(x.Origin)
	return &c
}

// Check refuses an Extra that no message can have: above its bounds, or with parts of a change and no Change. It does
// not look at syntax. It fails with CodeTooLarge or CodeBadRequest.
func (x *Extra) Check() error {
	if x == nil {
		return nil
	}
	for _, part := range [...]struct {
		f    string
		n    int
		most int
	}{{"meta", len(x.Meta), MaxMetaBytes}, {"changed", len(x.Changed), MaxChangedBytes}, {"before", len(x.Before), MaxBeforeBytes}, {"origin", len(x.Origin), MaxOriginBytes}} {
		if part.n > part.most {
			return &Error{CodeTooLarge, part.f + " is longer than " + strconv.Itoa(part.most) + " bytes", "Leave it out, or say less in it."}
		}
	}
	if x.Change == 0 && (x.Txn != 0 || x.Changed != nil || x.Gone || x.Before != nil) || x.Change > MaxInteger || x.Txn > MaxInteger {
		return &Error{CodeBadRequest, "a message has parts of a document's change without the change's number, or a number above 2^53-1", "Give the number of the change in its store, from 1 to 2^53-1."}
	}
	return nil
}

// size is what x counts for in a message's Size.
func (x *Extra) size() int {
	if x == nil {
		return 0
	}
	return len(x.Meta) + len(x.Changed) + len(x.Before) + len(x.Origin) + extraOverhead
}

// extraOverhead is the struct and the frame's fixed text, roughly.
const extraOverhead = 192

// appendFields appends the members of a message frame that x stands for, each after a comma.
func (x *Extra) appendFields(dst []byte) []byte {
	if len(x.Meta) > 0 {
		dst = appendRaw(dst, fMeta, x.Meta, "{}")
	}
	if x.Change == 0 {
		return dst
	}
	dst = appendNumber(dst, fChange, x.Change)
	if x.Txn != 0 && x.Txn != x.Change {
		dst = appendNumber(dst, fTxn, x.Txn)
	}
	if len(x.Changed) > 0 {
		dst = appendRaw(dst, fChanged, x.Changed, "[]")
	}
	return dst
}

// extraOf reads what appendFields wrote; nil if there is none of it.
func extraOf(m *members) (*Extra, error) {
	var x *Extra
	for _, id := range [...]field{fMeta, fChange, fTxn, fChanged, fScope} {
		if v := m.raw[id]; v != nil {
			if x == nil {
				x = new(Extra)
			}
			if err := x.read(id, v); err != nil {
				return nil, err
			}
		}
	}
	if x == nil || x.Meta == nil && x.Change == 0 {
		return nil, nil
	}
	return x, nil
}

func (x *Extra) read(id field, v []byte) (err error) {
	switch id {
	case fMeta:
		x.Meta, err = metaOf(v)
	case fChange:
		x.Change, err = number(id, v, 1, MaxInteger)
	case fTxn:
		x.Txn, err = number(id, v, 1, MaxInteger)
	case fChanged:
		if v[0] != '[' {
			return mustBe(id, "an array")
		}
		x.Changed = appendCompact(make([]byte, 0, len(v)), v)
	case fScope:
		var scope string
		scope, err = text(id, v, MaxNameBytes)
		x.Gone = scope == ScopeOut
	}
	return err
}

// ReadMeta reads the value of a publish's meta and returns a compact copy. It fails with CodeBadRequest if value is not
// a JSON object, and with CodeTooLarge above MaxMetaBytes.
func ReadMeta(value []byte) ([]byte, error) { return metaOf(bytes.TrimSpace(value)) }

// metaOf is ReadMeta for a value that a scanner passed.
func metaOf(v []byte) ([]byte, error) {
	if len(v) == 0 || v[0] != '{' {
		return nil, mustBe(fMeta, "an object")
	}
	meta := appendCompact(make([]byte, 0, len(v)), v)
	if len(meta) > MaxMetaBytes {
		return nil, &Error{CodeTooLarge, `field "meta" is longer than 4096 bytes`, `Say less beside the payload, or say it in "data".`}
	}
	return meta, nil
}
