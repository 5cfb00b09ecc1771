package httpapi

import (
	"strings"

	"github.com/gin-gonic/gin"

	"tidings/filter"
	"tidings/protocol"
	"tidings/store"
	"tidings/transports"
)

var (
	searchFields    = []string{"filter", "sort", "limit", "after", "count"}
	bulkFields      = []string{"operations", "silent", "user", "meta", "idempotencyKey"}
	operationFields = []string{"action", "id", "content", "default", "fields", "version"}
	byQueryFields   = []string{"filter", "action", "content", "fields", "silent", "user", "meta"}
)

// searched is the answer to a search.
type searched struct {
	Documents []rawJSON  `json:"documents"`
	Next      string     `json:"next,omitempty"`
	Complete  bool       `json:"complete"`
	Total     *int       `json:"total,omitempty"`
	Seen      store.Seen `json:"seen"`
}

// onDocumentSearch serves POST /api/documents/{index}/{collection}/_search.
func (a *API) onDocumentSearch(c *gin.Context) {
	r, body, ok := a.documentsBody(c)
	if !ok {
		return
	}
	q, err := readSearch(body)
	if err != nil {
		a.refuse(c, err)
		return
	}
	page, err := a.store.Store.Search(c.Request.Context(), r.collection, q)
	if err != nil {
		a.refuse(c, err)
		return
	}
	done := searched{Documents: []rawJSON{}, Next: page.Next, Complete: page.Complete, Seen: page.Seen}
	for _, d := range page.Documents {
		done.Documents = append(done.Documents, d.JSON)
	}
	if page.Counted {
		done.Total = &page.Total
	}
	answer(c, done)
}

// documentsBody admits a request about a collection and reads its body.
func (a *API) documentsBody(c *gin.Context) (*documentRequest, []byte, bool) {
	r, ok := a.documents(c, false)
	if !ok {
		return nil, nil, false
	}
	body, err := transports.ReadJSON(c.Writer, c.Request, protocol.MaxAPIBodyBytes)
	if err != nil {
		a.refuse(c, err)
		return nil, nil, false
	}
	return r, body, true
}

func readSearch(body []byte) (q store.Query, err error) {
	err = protocol.ReadObject(body, func(name string, value []byte) (err error) {
		switch name {
		case "filter":
			q.Filter, err = filter.Parse(value)
		case "sort":
			q.Sort, err = readSort(value)
		case "limit":
			var n uint64
			if n, err = protocol.ReadUint(value); err == nil && (n < 1 || n > store.MaxLimit) {
				err = badRequest(`field "limit" must be a number from 1 to 256`, "Leave it out for 100.")
			}
			q.Limit = int(n)
		case "after":
			q.After, err = readShort(name, value, protocol.MaxCursorBytes)
		case "count":
			q.Count, err = protocol.ReadBool(value)
		default:
			err = unknownField("field", name, searchFields)
		}
		return err
	})
	return q, err
}

// readSort reads ["-price", "driver.name"].
func readSort(value []byte) (list []store.Order, err error) {
	err = protocol.ReadArray(value, func(value []byte) error {
		text, err := protocol.ReadString(value)
		field, down := strings.CutPrefix(text, "-")
		list = append(list, store.Order{Field: field, Down: down})
		return err
	})
	return list, err
}

// wroteMany is the answer to a bulk of operations, in their order.
type wroteMany struct {
	Results []wroteResult `json:"results"`
}

// wroteResult is what came of one operation.
type wroteResult struct {
	ID      string      `json:"id,omitempty"`
	Version uint64      `json:"version,omitempty"`
	Event   store.Event `json:"event,omitempty"`
	Error   *failure    `json:"error,omitempty"`
}

// onDocumentBulk serves POST /api/documents/{index}/{collection}/_bulk: many operations in one request, which are on
// the disk together. Each has its result: one that is refused does not harm the others.
func (a *API) onDocumentBulk(c *gin.Context) {
	r, body, ok := a.documentsBody(c)
	if !ok {
		return
	}
	w := store.Write{Collection: r.collection, Principal: backendOf(c).Principal(), Hash: requestHash(c.Request, body)}
	err := readBulk(body, &w)
	if err == nil {
		w.Key, err = readKeyHeader(w.Key, c.Request.Header["Idempotency-Key"])
	}
	var results []store.Result
	if err == nil {
		results, err = a.store.Store.Write(c.Request.Context(), w)
	}
	if err != nil {
		a.refuse(c, err)
		return
	}
	done := wroteMany{Results: make([]wroteResult, len(results))}
	for i, result := range results {
		done.Results[i] = wroteResult{ID: result.ID, Version: result.Version, Event: result.Event}
		if f := result.Fault; f != nil {
			a.refused.Add(f.Code, 1)
			done.Results[i].Error = &failure{Code: f.Code, Message: f.Reason, Hint: f.Hint, Retry: f.Code.Row().Retry}
		}
	}
	answer(c, done)
}

func readBulk(body []byte, w *store.Write) error {
	return protocol.ReadBatch(body, "operations", store.MaxOps, func(value []byte) error {
		op, err := readOperation(value)
		w.Ops = append(w.Ops, op)
		return err
	}, func(name string, value []byte) error {
		if name == "idempotencyKey" {
			key, err := readKey(value)
			w.Key = key
			return err
		}
		return readCommon(w, name, value, bulkFields)
	})
}

// readCommon reads what requests with several operations have in common.
func readCommon(w *store.Write, name string, value []byte, known []string) (err error) {
	switch name {
	case "silent":
		w.Silent, err = protocol.ReadBool(value)
	case "user":
		w.By, err = readShort(name, value, protocol.MaxNameBytes)
	case "meta":
		w.Meta, err = protocol.ReadMeta(value)
	default:
		err = unknownField("field", name, known)
	}
	return err
}

func readOperation(value []byte) (op store.Op, err error) {
	err = protocol.ReadObject(value, func(name string, value []byte) (err error) {
		switch name {
		case "id":
			op.ID, err = protocol.ReadString(value)
		case "default":
			op.Default = value
		case "version":
			op.Version, err = protocol.ReadUint(value)
		default:
			err = readDeed(&op, name, value, operationFields)
		}
		return err
	})
	return op, err
}

// readDeed reads what an operation does.
func readDeed(op *store.Op, name string, value []byte, known []string) (err error) {
	switch name {
	case "action":
		var text string
		text, err = protocol.ReadString(value)
		op.Action = store.Action(text)
	case "content":
		op.Content = value
	case "fields":
		err = protocol.ReadArray(value, func(value []byte) error {
			field, err := protocol.ReadString(value)
			op.Fields = append(op.Fields, field)
			return err
		})
	default:
		err = unknownField("field", name, known)
	}
	return err
}

// wroteByQuery is the answer to an operation on what a filter matches.
type wroteByQuery struct {
	Matched  int  `json:"matched"`
	Changed  int  `json:"changed"`
	Complete bool `json:"complete"`
}

// onDocumentByQuery serves POST /api/documents/{index}/{collection}/_by_query: one operation on all that a filter
// matches.
func (a *API) onDocumentByQuery(c *gin.Context) {
	r, body, ok := a.documentsBody(c)
	if !ok {
		return
	}
	w := store.Write{Collection: r.collection}
	var m store.Many
	err := protocol.ReadObject(body, func(name string, value []byte) (err error) {
		switch name {
		case "filter":
			m.Filter, err = filter.Parse(value)
		case "action", "content", "fields":
			err = readDeed(&m.Op, name, value, byQueryFields)
		default:
			err = readCommon(&w, name, value, byQueryFields)
		}
		return err
	})
	if err == nil && m.Filter == nil {
		err = badRequest(`field "filter" is missing`, "{} is the filter that matches all documents.")
	}
	if err == nil && len(c.Request.Header["Idempotency-Key"]) > 0 {
		err = badRequest("what a filter matches is not written with an idempotency key", "Repeat it without: what was done does not match again, or comes to the same.")
	}
	var done store.Done
	if err == nil {
		done, err = store.WriteMany(c.Request.Context(), a.store.Store, w, m)
	}
	if err != nil {
		a.refuse(c, err)
		return
	}
	answer(c, wroteByQuery(done))
}
