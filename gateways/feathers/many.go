package feathers

import (
	"encoding/json"

	"tidings/protocol"
)

// Calls on several records are put as several requests, one after the answer to the one before. They are not one
// transaction: where one record is refused, those before it are done.

// operation is one of the operations of a request on several documents.
type operation struct {
	ID      string          `json:"id,omitempty"`
	Content json.RawMessage `json:"content,omitempty"`
}

// bulked is the store's answer to several operations.
type bulked struct {
	Results []struct {
		ID    string
		Error *struct {
			Code          protocol.Code
			Message, Hint string
		}
	}
}

// ids returns those of what was done, or why one operation was refused.
func (b *bulked) ids() (ids []string, fault *Fault) {
	for _, r := range b.Results {
		if r.Error != nil {
			return nil, FaultOf(&protocol.ServerFrame{Code: r.Error.Code, Message: r.Error.Message, Hint: r.Error.Hint})
		}
		ids = append(ids, r.ID)
	}
	return ids, nil
}

// then returns a request, whose answer next makes another of. A request that fails fails the call.
func (c call) then(action string, fields map[string]any, next func(data []byte) *Ask) *Ask {
	ask := c.document(action, fields, func(data []byte) []byte { return result(data) })
	ask.Next = func(f *protocol.ServerFrame, _ Account) *Ask {
		if f.Type == protocol.TypeError {
			return nil
		}
		return next(f.Data)
	}
	return ask
}

var errAnswer = generalError.because("the store's answer cannot be read")

// records reads documents, in the order of their ids, and answers with the records.
func (c call) records(ids []string, q *query) *Ask {
	if len(ids) == 0 {
		return done([]byte("[]"))
	}
	return c.document("mGet", map[string]any{"ids": ids}, func(data []byte) []byte {
		var page found
		if json.Unmarshal(data, &page) != nil {
			return errAnswer.Arguments()
		}
		return result(q.list(page.Documents))
	})
}

// done returns the answer of a call that asks nothing more.
func done(data []byte) *Ask { return &Ask{Done: result(data)} }

// list returns documents as an array of records.
func (q *query) list(documents []json.RawMessage) []byte {
	b := []byte{'['}
	for i, d := range documents {
		if i > 0 {
			b = append(b, ',')
		}
		b = q.selected(b, appendRecord(nil, d))
	}
	return append(b, ']')
}

// change carries out operations, and goes on with the ids of the documents.
func (c call) change(action string, operations []operation, next func(ids []string) *Ask) *Ask {
	return c.then(action, map[string]any{"operations": operations}, func(data []byte) *Ask {
		var answer bulked
		if json.Unmarshal(data, &answer) != nil {
			return refused(errAnswer)
		}
		ids, fault := answer.ids()
		if fault != nil {
			return refused(fault)
		}
		return next(ids)
	})
}

// createMany makes a record of each of an array's elements.
func (c call) createMany(data json.RawMessage) *Ask {
	var list []json.RawMessage
	if json.Unmarshal(data, &list) != nil {
		return refused(badRequest.because("data must be an array of objects"))
	}
	operations := []operation{}
	for _, one := range list {
		kept, id, fault := content(one)
		if fault != nil {
			return refused(fault)
		}
		operations = append(operations, operation{ID: id, Content: kept})
	}
	switch {
	case len(operations) == 0:
		return done([]byte("[]"))
	case len(operations) > maxReach:
		return notMany("create")
	}
	return c.change("mCreate", operations, func(ids []string) *Ask { return c.records(ids, &query{}) })
}

// matching finds the records that a query is about, and goes on with them. More than a page are refused.
func (c call) matching(method string, q *query, next func([]json.RawMessage, []string) *Ask) *Ask {
	fields := map[string]any{"limit": maxReach}
	if q.filter != nil {
		fields["filter"] = q.filter
	}
	return c.then("search", fields, func(data []byte) *Ask {
		var page found
		if json.Unmarshal(data, &page) != nil {
			return refused(errAnswer)
		}
		if page.Next != "" {
			return notMany(method)
		}
		var ids []string
		for _, d := range page.Documents {
			var document struct {
				ID string `json:"_id"`
			}
			if json.Unmarshal(d, &document) != nil {
				return refused(errAnswer)
			}
			ids = append(ids, document.ID)
		}
		if len(ids) == 0 {
			return done([]byte("[]"))
		}
		return next(page.Documents, ids)
	})
}

func notMany(method string) *Ask {
	return missing(method+" of more than 256 records at once", method+" many")
}

// patchMany merges data into the records that a query is about.
func (c call) patchMany(kept json.RawMessage, q *query) *Ask {
	return c.matching("patch", q, func(_ []json.RawMessage, ids []string) *Ask {
		operations := make([]operation, len(ids))
		for i, id := range ids {
			operations[i] = operation{ID: id, Content: kept}
		}
		return c.change("mPatch", operations, func(ids []string) *Ask { return c.records(ids, q) })
	})
}

// removeMany removes the records that a query is about, and answers with them as they were found.
func (c call) removeMany(q *query) *Ask {
	return c.matching("remove", q, func(documents []json.RawMessage, ids []string) *Ask {
		operations := make([]operation, len(ids))
		for i, id := range ids {
			operations[i] = operation{ID: id}
		}
		return c.change("mRemove", operations, func([]string) *Ask { return done(q.list(documents)) })
	})
}
