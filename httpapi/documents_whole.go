package httpapi

import (
	"github.com/gin-gonic/gin"

	"tidings/documents"
	"tidings/store"
)

// onCollectionMake serves PUT /api/documents/{index}/{collection}: a collection without documents.
func (a *API) onCollectionMake(c *gin.Context) { a.manage(c, store.Make) }

// onCollectionDrop serves DELETE /api/documents/{index}/{collection}: all documents, and the collection.
func (a *API) onCollectionDrop(c *gin.Context) { a.manage(c, store.Drop) }

// onCollectionTruncate serves POST /api/documents/{index}/{collection}/_truncate: all documents.
func (a *API) onCollectionTruncate(c *gin.Context) { a.manage(c, store.Truncate) }

// manage serves a request about a whole collection. It has no body.
func (a *API) manage(c *gin.Context, do store.Action) {
	r, ok := a.documents(c, false)
	if !ok {
		return
	}
	key, err := readKeyHeader("", c.Request.Header["Idempotency-Key"])
	if err != nil {
		a.refuse(c, err)
		return
	}
	a.carryOut(c, documents.Write(store.Write{Collection: r.collection, Ops: []store.Op{{Action: do}}}), documents.By{Key: key, Hash: requestHash(c.Request, nil)})
}

// onDocumentImport serves POST /api/documents/{index}/{collection}/_import: documents as a search returns them, of
// which nobody is told.
func (a *API) onDocumentImport(c *gin.Context) { a.ask(c, "import", nil) }
