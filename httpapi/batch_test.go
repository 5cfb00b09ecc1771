package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tidings/protocol"
)

type batchAnswer struct {
	Results []struct {
		published
		Error *struct{ Code protocol.Code }
	}
}

func (w *world) batch(body string) batchAnswer {
	w.Helper()
	var got batchAnswer
	w.ok(w.do(request{path: "/api/batch", body: body}), &got)
	return got
}

// B78: a batch at its limit and above, and faulty items, which harm no other.
func TestB78_Batch(t *testing.T) {
	w := start(t)
	items := make([]string, protocol.MaxBatchItems)
	for i := range items {
		items[i] = fmt.Sprintf(`{"channel":"a","data":{"n":[%d,1,1,1,1,1,1,1,1]},"event":"e","idempotencyKey":"k%d"}`, i, i)
	}
	got := w.batch(`{"items":[` + strings.Join(items, ",") + `]}`)
	for i, r := range got.Results {
		if r.Error != nil || r.Offset != uint64(i+1) {
			t.Fatalf("result %d: %+v %v", i, r.published, r.Error)
		}
	}
	w.refusedWith(w.do(request{path: "/api/batch", body: `{"items":[` + strings.Join(items, ",") + `,` + items[0] + `]}`}), protocol.CodeBadRequest)
	if top := w.batch(`{"items":[{"channel":"a","data":1}]}`).Results[0].Offset; top != protocol.MaxBatchItems+1 {
		t.Errorf("the refused batch had an effect: the next message is %d", top)
	}

	faulty := map[int]struct {
		item string
		code protocol.Code
	}{
		10: {`{"channel":"a b","data":1}`, protocol.CodeBadChannel},
		20: {`{"channel":"b"}`, protocol.CodeBadRequest},
		30: {`{"channel":"b","data":1,"chanel":1}`, protocol.CodeUnknownField},
		31: {`{"channels":["b"],"data":1}`, protocol.CodeUnknownField},
		40: {`{"channel":"b","channel":"b","data":1}`, protocol.CodeBadJSON},
		50: {`7`, protocol.CodeBadRequest},
		60: {`{"channel":"b","data":1,"volatile":true,"idempotencyKey":"k"}`, protocol.CodeBadRequest},
		70: {`{"channel":"b","data":"` + strings.Repeat("x", protocol.MaxPayloadBytes-1) + `"}`, protocol.CodeTooLarge},
		80: {`{"channel":"b","data":[` + strings.Repeat("1,", protocol.MaxTokens) + `1]}`, protocol.CodeBadJSON},
		90: {`{"data":1}`, protocol.CodeBadRequest},
		99: {`{"channel":"b","data":` + strings.Repeat("[", 33) + strings.Repeat("]", 33) + `}`, protocol.CodeBadJSON},
	}
	items = items[:100]
	for i := range items {
		items[i] = `{"channel":"b","data":null}`
		if f, ok := faulty[i]; ok {
			items[i] = f.item
		}
	}
	offset := uint64(0)
	for i, r := range w.batch(`{"items":[` + strings.Join(items, ",") + `]}`).Results {
		f, bad := faulty[i]
		if !bad {
			offset++
		}
		if bad != (r.Error != nil) || bad && r.Error.Code != f.code || !bad && r.Offset != offset {
			t.Errorf("result %d: %+v %+v, want %q", i, r.published, r.Error, f.code)
		}
	}
}

func TestBatchRepeatedHasOneEffect(t *testing.T) {
	w := start(t)
	body := `{"items":[{"channel":"a","data":1,"idempotencyKey":"k"},{"channel":"a","data":2,"idempotencyKey":"k"},{"channel":"a","data":3,"volatile":true,"event":"e"}]}`
	first, second := w.batch(body), w.batch(body)
	if first.Results[0].Duplicate || !second.Results[0].Duplicate || second.Results[0].ID != first.Results[0].ID {
		t.Errorf("got %+v, then %+v", first, second)
	}
	if e := first.Results[1].Error; e == nil || e.Code != protocol.CodeIdempotencyConflict {
		t.Errorf("the same key with other data: got %+v", e)
	}
	if first.Results[2].Offset != 0 || first.Results[2].ID == "" {
		t.Errorf("volatile: got %+v", first.Results[2])
	}
}

func TestBatchRefuses(t *testing.T) {
	w := start(t)
	for _, tt := range []struct {
		name, body string
		want       protocol.Code
	}{
		{name: "no items", body: `{}`, want: protocol.CodeBadRequest},
		{name: "none", body: `{"items":[]}`, want: protocol.CodeBadRequest},
		{name: "items of another type", body: `{"items":{}}`, want: protocol.CodeBadRequest},
		{name: "unknown field (B77)", body: `{"items":[{"channel":"a","data":1}],"atomic":true}`, want: protocol.CodeUnknownField},
		{name: "an array (B77)", body: `[{"channel":"a","data":1}]`, want: protocol.CodeBadRequest},
		{name: "no JSON (B42)", body: `{"items":[}`, want: protocol.CodeBadJSON},
		{name: "not UTF-8", body: "{\"items\":[{\"channel\":\"a\",\"data\":\"\xff\"}]}", want: protocol.CodeBadUTF8},
		{name: "too long (B73)", body: `{"items":[{"channel":"a","data":1}` + strings.Repeat(" ", protocol.MaxAPIBodyBytes) + `]}`, want: protocol.CodeTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := w.in(t)
			w.refusedWith(w.do(request{path: "/api/batch", body: tt.body}), tt.want)
		})
	}
	w.refusedWith(w.do(request{path: "/api/batch", body: `{"items":[{"channel":"a","data":1}]}`, noKey: true}), protocol.CodeUnauthorized)
	w.refusedWith(w.do(request{path: "/api/batch", body: `{"items":[]}`, header: http.Header{"Content-Type": {"text/plain"}}}), protocol.CodeUnsupportedMediaType)
	w.ok(w.get("/api/history?channel=b"), &struct{}{})
}

// A broker that does not answer costs a batch one wait, not a thousand.
func TestBatchGivesUpWithItsBroker(t *testing.T) {
	w := start(t)
	w.broker.down = &protocol.Error{Code: protocol.CodeBrokerUnavailable, Reason: "the broker does not answer", Hint: "Try again later."}
	for i, r := range w.batch(`{"items":[{"channel":"a","data":1},{"channel":"a","data":2}]}`).Results {
		if r.Error == nil || r.Error.Code != protocol.CodeBrokerUnavailable {
			t.Errorf("result %d: %+v", i, r)
		}
	}
}

func BenchmarkBatch(b *testing.B) {
	item := []byte(`{"channel":"a","data":{"n":1},"event":"e"}`)
	body := []byte(`{"items":[` + strings.Repeat(string(item)+",", protocol.MaxBatchItems-1) + string(item) + `]}`)
	b.ReportAllocs()
	for b.Loop() {
		items, err := readBatch(body)
		if err != nil || len(items) != protocol.MaxBatchItems {
			b.Fatal(err)
		}
		for _, item := range items {
			var p publishRequest
			if err := p.read(item, itemFields); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/protocol.MaxBatchItems, "ns/item")
}
