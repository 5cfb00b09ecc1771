package httpapi

import (
	"tidings/access"
	"tidings/documents"
	"tidings/protocol"
)

var _ documents.Who = keyHolder{}

// keyHolder is documents.Who for a backend.
type keyHolder struct{ access.Backend }

// MayRead implements documents.Who.
func (k keyHolder) MayRead(ch protocol.Channel) *protocol.Error {
	if err := k.May(access.ActionDocuments, ch); err != nil {
		return protocol.AsError(err)
	}
	return nil
}

// MayWrite implements documents.Who.
func (k keyHolder) MayWrite(ch protocol.Channel) *protocol.Error { return k.MayRead(ch) }

// Reads implements documents.Who.
func (k keyHolder) Reads(ch protocol.Channel) bool { return k.Allows(access.ActionDocuments, ch) }

// Rows implements documents.Who: there are all documents for a backend.
func (k keyHolder) Rows(protocol.Channel) []byte { return nil }
