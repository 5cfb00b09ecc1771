package documents

import (
	"context"
	"crypto/sha256"
	"strings"

	"tidings/actors"
	"tidings/filter"
	"tidings/protocol"
	"tidings/store"
)

// wirePage bounds the documents of an answer to a client, which comes in one frame: with the one that fills it, it is
// no more than a page of a recovery.
const wirePage = protocol.RecoveryPageBytes - protocol.MaxPayloadBytes

// Who is whose call it is, as far as the documents of a collection are concerned, whose channel is ch.
type Who interface {
	MayRead(ch protocol.Channel) *protocol.Error
	MayWrite(ch protocol.Channel) *protocol.Error
	Reads(ch protocol.Channel) bool  // MayRead, if the application is not asked
	Rows(ch protocol.Channel) []byte // which documents there are for it: a filter in JSON, or nil for all
}

var _ Who = (*actors.DocumentCall)(nil)

// Call is a call about documents. One with an Origin is a gateway's.
type Call struct {
	Data, Origin []byte
	Who          Who
	By           By // without what Who says
}

// Calls returns what carries out the document calls of clients.
func Calls(s store.Store) actors.DocumentsFunc {
	return func(ctx context.Context, c *actors.DocumentCall) ([]byte, error) {
		return Carry(ctx, s, &Call{Data: c.Data, Origin: c.Origin, Who: c, By: By{Principal: c.Principal, Key: c.Key, Hash: sha256.Sum256(c.Data), User: c.User}})
	}
}

// Carry carries a call out. The answer fits one frame. It fails with a *protocol.Error.
func Carry(ctx context.Context, s store.Store, c *Call) ([]byte, error) {
	if s == nil {
		return nil, ErrNone
	}
	if string(c.Data) == listCall && c.Origin != nil {
		return listFor(ctx, s, c.Who)
	}
	r, err := readCall(c.Data, c.Origin != nil)
	if err != nil {
		return nil, err
	}
	by := c.By
	by.PageBytes, by.Origin = wirePage, c.Origin
	ch := r.Collection.Channel()
	if r.Writes() {
		if fault := c.Who.MayWrite(ch); fault != nil {
			return nil, fault
		}
		by.Blind = c.Who.MayRead(ch) != nil
	} else if fault := c.Who.MayRead(ch); fault != nil {
		return nil, fault
	}
	if rows := c.Who.Rows(ch); rows != nil {
		if by.Rows, err = filter.Parse(rows); err != nil {
			return nil, err
		}
	}
	a, err := Do(ctx, s, r, by)
	return a.JSON, err
}

// ParseCollection reads "index/name". It fails as store.ParseCollection does.
func ParseCollection(text string) (store.Collection, error) {
	index, name, _ := strings.Cut(text, "/")
	return store.ParseCollection(index, name)
}

// readCall reads {action, collection, …}, in whatever order. The clients of a gateway may be silent, as they are in the
// system that they were made for.
func readCall(data []byte, gateway bool) (*Request, error) {
	var action, collection string
	err := protocol.ReadObject(data, func(name string, value []byte) (err error) {
		switch name {
		case "action":
			action, err = protocol.ReadString(value)
		case "collection":
			collection, err = protocol.ReadString(value)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	c, err := ParseCollection(collection)
	if err != nil {
		return nil, err
	}
	r, err := New(action, c)
	if err != nil {
		return nil, err
	}
	if r.form.keys {
		return nil, &protocol.Error{Code: protocol.CodeForbidden, Reason: "an " + action + " is made by backends alone", Hint: "POST it to /api/documents, with an API key."}
	}
	known := func([]byte) error { return nil }
	more := More{"action": known, "collection": known}
	if gateway && r.Writes() {
		more["silent"] = r.Silent
	}
	return r, r.ReadFields(data, more)
}

// listCall is the call of a gateway for the collections that its client may read. Native clients have no such call.
const listCall = `{"action":"collections"}`

// maxListed bounds the collections of an answer to listCall.
const maxListed = 1000

func listFor(ctx context.Context, s store.Store, c Who) ([]byte, error) {
	lister, ok := s.(store.Lister)
	if !ok {
		return nil, ErrNone
	}
	found, err := lister.Collections(ctx, store.Collection{}, maxListed)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, collection := range found {
		if c.Reads(collection.Channel()) {
			names = append(names, collection.String())
		}
	}
	return answer(map[string][]string{"collections": names}).JSON, nil
}
