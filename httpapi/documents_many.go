package httpapi

import (
	"maps"

	"github.com/gin-gonic/gin"

	"tidings/documents"
	"tidings/protocol"
	"tidings/transports"
)

// onDocumentSearch serves POST /api/documents/{index}/{collection}/_search.
func (a *API) onDocumentSearch(c *gin.Context) { a.ask(c, "search", nil) }

// onDocumentGetMany serves POST /api/documents/{index}/{collection}/_get: documents by their ids.
func (a *API) onDocumentGetMany(c *gin.Context) { a.ask(c, "mGet", nil) }

// onDocumentBulk serves POST /api/documents/{index}/{collection}/_bulk: many operations in one request, which are on
// the disk together. Each has its result: one that is refused does not harm the others.
func (a *API) onDocumentBulk(c *gin.Context) {
	var by documents.By
	a.askBy(c, "bulk", &by, documents.More{"idempotencyKey": func(value []byte) (err error) {
		by.Key, err = readKey(value)
		return err
	}})
}

// ask serves a request about a collection whose action the URL names.
func (a *API) ask(c *gin.Context, action string, more documents.More) {
	a.askBy(c, action, &documents.By{}, more)
}

// askBy is ask for who is named by the body, too.
func (a *API) askBy(c *gin.Context, action string, by *documents.By, more documents.More) {
	r, body, ok := a.documentsBody(c)
	if !ok {
		return
	}
	q, err := documents.New(action, r.collection)
	if err == nil {
		err = readDocumentFields(q, body, more)
	}
	if err == nil && q.Writes() {
		by.Key, err = readKeyHeader(by.Key, c.Request.Header["Idempotency-Key"])
	}
	if err == nil && action == documents.ByQuery && by.Key != "" {
		err = errKeyByQuery
	}
	if err != nil {
		a.refuse(c, err)
		return
	}
	by.Hash = requestHash(c.Request, body)
	a.carryOut(c, q, *by)
}

// readDocumentFields reads what a request's action has, what backends may say of writes, and more.
func readDocumentFields(q *documents.Request, body []byte, more documents.More) error {
	if !q.Writes() {
		return q.ReadFields(body, more)
	}
	all := documents.More{"user": q.User}
	if q.Action != "import" { // which is always silent
		all["silent"] = q.Silent
	}
	maps.Copy(all, more)
	return q.ReadFields(body, all)
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

// onDocumentByQuery serves POST /api/documents/{index}/{collection}/_by_query: one operation on all that a filter
// matches.
func (a *API) onDocumentByQuery(c *gin.Context) { a.ask(c, documents.ByQuery, nil) }

var errKeyByQuery = badRequest("what a filter matches is not written with an idempotency key", "Repeat it without: what was done does not match again, or comes to the same.")
