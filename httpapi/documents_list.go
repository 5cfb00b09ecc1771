package httpapi

import (
	"context"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/documents"
	"tidings/store"
)

// collectionsPage is the answer to GET /api/documents.
type collectionsPage struct {
	Collections []string `json:"collections"`
	Next        string   `json:"next,omitempty"`
}

var collectionsParameters = []string{"after", "limit"}

// onCollections serves GET /api/documents: the collections that the key may read, by their names.
func (a *API) onCollections(c *gin.Context) {
	q, ok := a.asked(c, access.ActionDocuments, collectionsParameters...)
	if !ok {
		return
	}
	page, err := a.collections(c.Request.Context(), backendOf(c), q)
	if err != nil {
		a.refuse(c, err)
		return
	}
	answer(c, page)
}

func (a *API) collections(ctx context.Context, b access.Backend, q map[string]string) (*collectionsPage, error) {
	limit, err := readLimit(q, defaultPage, maxPage)
	if err == nil {
		err = short(q, 2*store.MaxNameBytes+1, "after")
	}
	if err != nil {
		return nil, err
	}
	lister, ok := a.store.Store.(store.Lister)
	if !ok {
		return nil, documents.ErrNone
	}
	var after store.Collection
	if text := q["after"]; text != "" {
		if after, err = documents.ParseCollection(text); err != nil {
			return nil, err
		}
	}
	page := &collectionsPage{Collections: []string{}}
	for {
		list, err := lister.Collections(ctx, after, limit)
		if err != nil {
			return nil, err
		}
		for _, after = range list {
			if len(page.Collections) == limit {
				page.Next = page.Collections[limit-1]
				return page, nil
			}
			if b.Allows(access.ActionDocuments, after.Channel()) {
				page.Collections = append(page.Collections, after.String())
			}
		}
		if len(list) < limit {
			return page, nil
		}
	}
}
