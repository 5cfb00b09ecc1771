package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/protocol"
)

var (
	batchFields = []string{"items"}
	itemFields  = []string{"channel", "data", "event", "idempotencyKey", "volatile", "spread"}
)

// onBatch serves POST /api/batch: many publishes in one request, carried out in their order. Each has its result: one that fails does not
// harm the others.
func (a *API) onBatch(c *gin.Context) {
	body, ok := a.publishing(c)
	if !ok {
		return
	}
	items, err := readBatch(body)
	if err != nil {
		a.refuse(c, err)
		return
	}
	answer(c, map[string]any{"results": a.publishBatch(c.Request.Context(), backendOf(c), traceOf(c.Request), items)})
}

// readBatch gives the items as they came, which are yet to be read.
func readBatch(body []byte) ([][]byte, error) {
	var items [][]byte
	err := protocol.ReadBatch(body, "items", protocol.MaxBatchItems, func(value []byte) error {
		items = append(items, value)
		return nil
	}, func(name string, _ []byte) error { return unknownField("field", name, batchFields) })
	return items, err
}

// batchPatience is how long a batch may wait in all; the items after that are not tried.
const batchPatience = 30 * time.Second

func (a *API) publishBatch(ctx context.Context, b access.Backend, trace string, items [][]byte) []any {
	ctx, cancel := context.WithTimeout(ctx, batchPatience)
	defer cancel()
	results := make([]any, len(items))
	var down *protocol.Error // the broker failed an item: the ones after it are not tried
	for i, item := range items {
		if down != nil {
			results[i] = a.failed(errNotTried)
			continue
		}
		done, err := a.publishItem(ctx, b, trace, item)
		if err != nil {
			e := a.asError(err)
			results[i] = a.failed(e)
			if brokerFailed(e.Code) || ctx.Err() != nil {
				down = e
			}
			continue
		}
		results[i] = done
	}
	return results
}

var errNotTried = &protocol.Error{Code: protocol.CodeBrokerUnavailable, Reason: "not tried: an item before it failed at the broker", Hint: "Send it again in a moment."}

// brokerFailed tells failures that the next item would wait for as long.
func brokerFailed(code protocol.Code) bool {
	return code == protocol.CodeTimeout || code == protocol.CodeBrokerUnavailable || code == protocol.CodeShuttingDown
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

// failed is the result of an item that was refused.
func (a *API) failed(e *protocol.Error) any {
	a.refused.add(e.Code)
	return json.RawMessage(protocol.AppendError(nil, e))
}
