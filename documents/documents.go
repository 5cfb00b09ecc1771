// Package documents carries out requests about documents, whoever makes them: clients over their connections, and
// backends over the HTTP API. A request means the same and has the same answer wherever it comes from.
//
//	documents.go   Do: a request is carried out
//	request.go     Request, and what each action is called
//	fields.go      its fields, read from JSON
//	answer.go      Answer, and its JSON
//	whole.go       imports, and what is done to a whole collection
//	call.go        requests of clients, as calls of the method "document"
package documents

import (
	"context"
	"crypto/sha256"

	"tidings/filter"
	"tidings/protocol"
	"tidings/store"
)

// By is who makes a request.
type By struct {
	// Principal, Key and Hash name a request that may be repeated, see store.Write. Key "" is none.
	Principal, Key string
	Hash           [sha256.Size]byte
	User           string         // that is noted as author or updater; "": nobody
	Blind          bool           // writes, and may not read: the answers have no documents
	Rows           *filter.Filter // of the documents that it may read and write; nil: all
	Origin         []byte         // that the messages of its changes have
	PageBytes      int            // of the documents of one answer, one of them more; 0: store.MaxPageBytes
}

// Do carries out a request. It fails with a *protocol.Error; the answer then has at most the Version.
func Do(ctx context.Context, s store.Store, r *Request, by By) (Answer, error) {
	if s == nil {
		return Answer{}, ErrNone
	}
	r.write.Collection, r.write.Principal, r.write.Hash, r.write.Origin = r.Collection, by.Principal, by.Hash, by.Origin
	if r.write.By == "" {
		r.write.By = by.User
	}
	return r.form.do(ctx, s, r, by)
}

// ErrNone is what is said where there is no store.
var ErrNone = &protocol.Error{Code: protocol.CodeUnsupported, Reason: "documents are not offered by this server", Hint: "Set store to sqlite or postgres in its settings."}

var errMissing = &protocol.Error{Code: protocol.CodeNotFound, Reason: "there is no such document", Hint: "It may have been removed; search lists those that there are."}

func doGet(ctx context.Context, s store.Store, r *Request, by By) (Answer, error) {
	found, err := s.Get(ctx, r.Collection, []string{r.id})
	switch {
	case err != nil:
		return Answer{}, err
	case len(found) == 0 || !by.sees(found[0].JSON):
		return Answer{}, errMissing
	}
	return Answer{JSON: found[0].JSON, Version: found[0].Version}, nil
}

// sees reports whether a document is among the rows.
func (by *By) sees(document []byte) bool {
	if by.Rows == nil {
		return true
	}
	d, err := filter.Read(document)
	return err == nil && by.Rows.Match(d)
}

func (by *By) pageBytes() int {
	if by.PageBytes == 0 {
		return store.MaxPageBytes
	}
	return by.PageBytes
}

// getStep is how many documents are read at once, of which most may be too many for the answer.
const getStep = 16

func doGetMany(ctx context.Context, s store.Store, r *Request, by By) (Answer, error) {
	done, bytes := GotMany{Documents: []RawJSON{}}, 0
	for ids := r.ids; len(ids) > 0; {
		step := ids[:min(getStep, len(ids))]
		found, err := s.Get(ctx, r.Collection, step)
		if err != nil {
			return Answer{}, err
		}
		for _, id := range step {
			if bytes >= by.pageBytes() {
				done.Left = ids
				return answer(done), nil
			}
			ids = ids[1:]
			if len(found) == 0 || found[0].ID != id || !by.sees(found[0].JSON) {
				done.Missing = append(done.Missing, id)
			} else {
				done.Documents = append(done.Documents, found[0].JSON)
				bytes += len(found[0].JSON)
			}
			if len(found) > 0 && found[0].ID == id {
				found = found[1:]
			}
		}
	}
	return answer(done), nil
}

func doSearch(ctx context.Context, s store.Store, r *Request, by By) (Answer, error) {
	q := r.query
	q.MaxBytes = by.pageBytes()
	if by.Rows != nil {
		q.Filter = and(q.Filter, by.Rows)
	}
	page, err := s.Search(ctx, r.Collection, q)
	if err != nil {
		return Answer{}, err
	}
	return answer(foundOf(&page)), nil
}

func and(f, rows *filter.Filter) *filter.Filter {
	if f == nil {
		return rows
	}
	return filter.And(f, rows)
}

func doWrite(ctx context.Context, s store.Store, r *Request, by By) (Answer, error) {
	results, err := r.writeTo(ctx, s, by)
	if err != nil {
		return Answer{}, err
	}
	done := results[0]
	if done.Fault != nil {
		return Answer{Version: done.Version}, done.Fault
	}
	out := Written{Event: done.Event, ID: done.ID, Version: done.Version, Document: done.Document}
	if by.Blind {
		out.Document = nil
	}
	a := answer(out)
	a.Version = done.Version
	return a, nil
}

func (r *Request) writeTo(ctx context.Context, s store.Store, by By) ([]store.Result, error) {
	r.write.Key = by.Key
	for i := range r.write.Ops {
		r.write.Ops[i].Rows = by.Rows
	}
	return s.Write(ctx, r.write)
}

func doBulk(ctx context.Context, s store.Store, r *Request, by By) (Answer, error) {
	results, err := r.writeTo(ctx, s, by)
	if err != nil {
		return Answer{}, err
	}
	return answerMany(results), nil
}

func doByQuery(ctx context.Context, s store.Store, r *Request, by By) (Answer, error) {
	if by.Rows != nil {
		r.many.Filter = filter.And(r.many.Filter, by.Rows)
	}
	r.many.Op.Rows = by.Rows
	done, err := store.WriteMany(ctx, s, r.write, r.many)
	if err != nil {
		return Answer{}, err
	}
	return answer(ChangedMany(done)), nil
}
