package store

import (
	"context"

	"tidings/filter"
	"tidings/protocol"
)

// Many is one operation on all documents that a filter matches.
type Many struct {
	Filter *filter.Filter
	Op     Op // Patch, Remove or RemoveFields, without ID, Version and Only
}

// Check refuses an action that cannot be made on many documents, with CodeBadRequest.
func (m *Many) Check() error {
	if m.Op.Action != Patch && m.Op.Action != Remove && m.Op.Action != RemoveFields {
		return bad("what a filter matches can be patched, removed or freed of fields", `Use the action "patch", "remove" or "removeFields".`)
	}
	return nil
}

// Done counts what a Many did.
type Done struct {
	Matched  int  // documents that matched when they were found
	Changed  int  // of them, those that still matched when they were written, and were changed
	Complete bool // false: a bound was reached, and there may be more: repeat it
}

// manyPage is how many documents one transaction of WriteMany has.
const manyPage = 100

// WriteMany makes m on at most MaxRead documents, a hundred in a transaction, each if it matches in the moment of its
// own write. The operations' refusals end it, and so does an error: what was done until then stays. The write's Ops are
// not used, and it has no Key.
func WriteMany(ctx context.Context, s Store, w Write, m Many) (done Done, err error) {
	if err := m.Check(); err != nil {
		return done, err
	}
	q := Query{Filter: m.Filter, Limit: manyPage}
	for read := 0; read < MaxRead; read += manyPage {
		page, err := s.Search(ctx, w.Collection, q)
		if err != nil {
			return done, err
		}
		if err := writePage(ctx, s, w, m, page.Documents, &done); err != nil {
			return done, err
		}
		if page.Next == "" {
			done.Complete = true
			return done, nil
		}
		q.After = page.Next
	}
	return done, nil
}

func writePage(ctx context.Context, s Store, w Write, m Many, page []Document, done *Done) error {
	if len(page) == 0 {
		return nil
	}
	done.Matched += len(page)
	w.Ops = make([]Op, len(page))
	for i, d := range page {
		w.Ops[i] = m.Op
		w.Ops[i].ID, w.Ops[i].Only = d.ID, m.Filter
	}
	results, err := s.Write(ctx, w)
	if err != nil {
		return err
	}
	var faults []error
	for _, r := range results {
		switch {
		case r.Fault == nil:
			done.Changed++
		case r.Fault.Code != protocol.CodeNotFound: // it changed meanwhile
			faults = append(faults, r.Fault)
		}
	}
	if len(faults) > 0 {
		return faults[0]
	}
	return nil
}
