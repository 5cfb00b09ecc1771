package store

import "tidings/protocol"

// The actions on a whole collection. A request has one of them, alone. Truncate and Drop make one change, a Reset.
const (
	Make     Action = "createCollection" // a collection without documents; one that is there stays as it is
	Truncate Action = "truncate"         // remove all documents; the collection stays
	Drop     Action = "dropCollection"   // remove all documents, and the collection
)

// Whole reports whether the action is one on a whole collection, and not on a document.
func (a Action) Whole() bool { return a == Make || a == Truncate || a == Drop }

// Check refuses a request that no store makes, with CodeBadRequest.
func (w *Write) Check() error {
	if len(w.Ops) == 0 || len(w.Ops) > MaxOps {
		return bad("a request has 1 to 1000 operations", "Send several requests.")
	}
	for _, op := range w.Ops {
		if op.Action.Whole() && len(w.Ops) > 1 {
			return bad("an operation on a whole collection stands beside others", "Send it in a request of its own.")
		}
	}
	return nil
}

// ApplyWhole returns what an operation on a whole collection does; there reports whether there is such a collection. It
// changes nothing.
func ApplyWhole(op Op, there bool, m Moment) Applied {
	switch {
	case op.Rows != nil:
		return Applied{Result: Result{Fault: errSome}}
	case op.Action == Make:
		return Applied{}
	case !there:
		return Applied{Result: Result{Fault: errNoCollection}}
	}
	return Applied{
		Result: Result{Version: m.Number, Event: Reset},
		Change: Change{Number: m.Number, Event: Reset, After: []byte(`{}`)},
	}
}

var errSome = &protocol.Error{Code: protocol.CodeForbidden, Reason: "only some of the collection's documents may be written here, and this is about all of them", Hint: "The rule of the collection's channel has a filter. Write the documents that match it, one by one or by query."}

var errNoCollection = &protocol.Error{Code: protocol.CodeNotFound, Reason: "there is no such collection", Hint: "GET /api/documents lists those that there are; it comes to be with its first document."}
