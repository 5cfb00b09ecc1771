package httpapi

import (
	"bytes"
	"context"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/protocol"
)

var (
	batchFields = []string{"items"}
	itemFields  = []string{"channel", "data", "event", "idempotencyKey", "volatile", "spread", "exclude", "meta"}
)

// onBatch serves POST /api/batch: many publishes in one request, carried out in their order. Each has its result: one
// that fails does not harm the others.
func (a *API) onBatch(c *gin.Context) {
	body, ok := a.body(c, access.Backend.MaySomewhere, access.ActionPublish)
	if !ok {
		return
	}
	items, err := readBatch(body)
	if err != nil {
		a.refuse(c, err)
		return
	}
	b, trace := backendOf(c), traceOf(c.Request)
	answer(c, several{Results: a.each(c.Request.Context(), len(items), func(ctx context.Context, i int) (*published, error) {
		return a.publishItem(ctx, b, trace, items[i])
	})})
}

// readBatch returns the items as they came, which are yet to be read.
func readBatch(body []byte) ([][]byte, error) {
	var items [][]byte
	err := protocol.ReadBatch(body, "items", protocol.MaxBatchItems, func(value []byte) error {
		items = append(items, value)
		return nil
	}, func(name string, _ []byte) error { return protocol.UnknownField("field", name, batchFields) })
	return items, err
}

// publishItem publishes one item. What the broker keeps must not keep the whole body with it.
func (a *API) publishItem(ctx context.Context, b access.Backend, trace string, item []byte) (*published, error) {
	var p publishRequest
	if err := p.read(item, itemFields); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	p.data, p.trace = bytes.Clone(p.data), trace
	return a.publish(ctx, b, &p, p.channels[0])
}
