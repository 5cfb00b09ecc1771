package documents

import (
	"encoding/json"

	"tidings/protocol"
	"tidings/store"
)

// Answer is what a request is answered with.
type Answer struct {
	JSON    []byte
	Version uint64          // of the one document that it is about, or of the one in the way of a write; 0: none
	Refused []protocol.Code // of the operations of several that were refused
}

func answer(v any) Answer {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // a type of our own that cannot be written
	}
	return Answer{JSON: body}
}

// RawJSON is JSON that is put into an answer as it is.
type RawJSON []byte

// MarshalJSON implements json.Marshaler.
func (r RawJSON) MarshalJSON() ([]byte, error) { return r, nil }

// GotMany is the answer to mGet.
type GotMany struct {
	Documents []RawJSON `json:"documents"`
	Missing   []string  `json:"missing,omitempty"`
	Left      []string  `json:"left,omitempty"` // that were not read, since the answer is full
}

// Searched is the answer to a search.
type Searched struct {
	Documents []RawJSON  `json:"documents"`
	Next      string     `json:"next,omitempty"`
	Complete  bool       `json:"complete"`
	Total     *int       `json:"total,omitempty"`
	Seen      store.Seen `json:"seen"`
}

func foundOf(page *store.Page) Searched {
	done := Searched{Documents: []RawJSON{}, Next: page.Next, Complete: page.Complete, Seen: page.Seen}
	for _, d := range page.Documents {
		done.Documents = append(done.Documents, d.JSON)
	}
	if page.Counted {
		done.Total = &page.Total
	}
	return done
}

// Written is the answer to a write of one document.
type Written struct {
	Event    store.Event `json:"event"`
	ID       string      `json:"id"`
	Version  uint64      `json:"version"`
	Document RawJSON     `json:"document,omitempty"`
}

// Bulked is the answer to a bulk of operations, in their order.
type Bulked struct {
	Results []BulkResult `json:"results"`
}

// BulkResult is what came of one operation.
type BulkResult struct {
	ID      string      `json:"id,omitempty"`
	Version uint64      `json:"version,omitempty"`
	Event   store.Event `json:"event,omitempty"`
	Error   *Refusal    `json:"error,omitempty"`
}

// Refusal is why an operation was refused.
type Refusal struct {
	Code    protocol.Code `json:"code"`
	Message string        `json:"message"`
	Hint    string        `json:"hint"`
	Retry   bool          `json:"retry"`
}

func refusalOf(f *protocol.Error) *Refusal {
	return &Refusal{Code: f.Code, Message: f.Reason, Hint: f.Hint, Retry: f.Code.Row().Retry}
}

func answerMany(results []store.Result) Answer {
	done := Bulked{Results: make([]BulkResult, len(results))}
	var refused []protocol.Code
	for i, result := range results {
		done.Results[i] = BulkResult{ID: result.ID, Version: result.Version, Event: result.Event}
		if f := result.Fault; f != nil {
			refused = append(refused, f.Code)
			done.Results[i].Error = refusalOf(f)
		}
	}
	a := answer(done)
	a.Refused = refused
	return a
}

// ChangedMany is the answer to an operation on what a filter matches.
type ChangedMany struct {
	Matched  int  `json:"matched"`
	Changed  int  `json:"changed"`
	Complete bool `json:"complete"`
}
