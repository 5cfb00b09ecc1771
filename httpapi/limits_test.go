package httpapi

import (
	"fmt"
	"strings"
	"testing"

	"tidings/protocol"
)

// Each limit of the HTTP API holds at the limit and is refused one above; nothing of what was refused took place.
func TestLimitsOfTheAPI(t *testing.T) {
	text := func(n int) string { return strings.Repeat("a", n) }
	list := func(n int, item func(i int) string) string {
		var items []string
		for i := range n {
			items = append(items, item(i))
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	for _, l := range []struct {
		name string
		max  int
		path string // of a GET where body is nil
		get  func(n int) string
		body func(n int) string
		want protocol.Code
	}{
		{name: "data", max: protocol.MaxPayloadBytes, path: "/api/publish", body: func(n int) string { return `{"channel":"a","data":"` + text(n-2) + `"}` }, want: protocol.CodeTooLarge},
		{name: "depth", max: protocol.MaxDepth, path: "/api/publish", body: func(n int) string {
			return `{"channel":"a","data":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
		}, want: protocol.CodeBadJSON},
		{name: "channel", max: protocol.MaxChannelBytes, path: "/api/publish", body: func(n int) string { return `{"data":1,"channel":"` + text(n) + `"}` }, want: protocol.CodeBadChannel},
		{name: "channels", max: protocol.MaxPublishChannels, path: "/api/publish", body: func(n int) string {
			return `{"data":1,"channels":` + list(n, func(i int) string { return fmt.Sprintf(`"c%d"`, i) }) + `}`
		}, want: protocol.CodeBadRequest},
		{name: "event", max: protocol.MaxEventBytes, path: "/api/publish", body: func(n int) string { return `{"channel":"a","data":1,"event":"` + text(n) + `"}` }, want: protocol.CodeBadRequest},
		{name: "idempotency key", max: protocol.MaxIdempotencyKeyBytes, path: "/api/publish", body: func(n int) string { return `{"channel":"a","data":1,"idempotencyKey":"` + text(n) + `"}` }, want: protocol.CodeBadRequest},
		{name: "spread", max: protocol.MaxSpreadMS, path: "/api/publish", body: func(n int) string { return fmt.Sprintf(`{"channel":"a","data":1,"spread":"%dms"}`, n) }, want: protocol.CodeBadRequest},
		{name: "batch", max: protocol.MaxBatchItems, path: "/api/batch", body: func(n int) string {
			return `{"items":` + list(n, func(int) string { return `{"channel":"a","data":1}` }) + `}`
		}, want: protocol.CodeBadRequest},
		{name: "body", max: protocol.MaxAPIBodyBytes, path: "/api/publish", body: func(n int) string {
			const body = `{"channel":"a","data":1}`
			return body + strings.Repeat(" ", n-len(body))
		}, want: protocol.CodeTooLarge},
		{name: "event of a send", max: protocol.MaxEventBytes, path: "/api/send", body: func(n int) string { return `{"all":true,"data":1,"event":"` + text(n) + `"}` }, want: protocol.CodeBadRequest},
		{name: "history", max: protocol.MaxHistoryLimit, get: func(n int) string { return fmt.Sprint("/api/history?channel=a&limit=", n) }, want: protocol.CodeBadRequest},
		{name: "page of channels", max: maxPage, get: func(n int) string { return fmt.Sprint("/api/channels?limit=", n) }, want: protocol.CodeBadRequest},
		{name: "page of connections", max: maxPage, get: func(n int) string { return fmt.Sprint("/api/connections?limit=", n) }, want: protocol.CodeBadRequest},
		{name: "prefix", max: protocol.MaxChannelBytes, get: func(n int) string { return "/api/channels?prefix=" + text(n) }, want: protocol.CodeBadRequest},
		{name: "parameters", max: maxParameters, get: func(n int) string { return "/api/channels?prefix=a" + strings.Repeat("&", n-1) }, want: protocol.CodeBadRequest},
	} {
		t.Run(l.name, func(t *testing.T) {
			w := start(t)
			ask := func(n int) request {
				if l.get != nil {
					return request{path: l.get(n)}
				}
				return request{path: l.path, body: l.body(n)}
			}
			w.refusedWith(w.do(ask(l.max+1)), l.want)
			if n := w.samples()["tidings_messages_published_total"]; n != "0" {
				t.Errorf("above the limit %s messages were published", n)
			}
			if r := w.do(ask(l.max)); r.Code != 200 || strings.Contains(r.Body.String(), `"error"`) {
				t.Errorf("at the limit: got %d %.300s", r.Code, r.Body)
			}
		})
	}
}
