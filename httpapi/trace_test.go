package httpapi

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"tidings/protocol"
)

const traced = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func traceparent(values ...string) http.Header { return http.Header{"Traceparent": values} }

// A publish's trace is with its message wherever that is seen, and in the log.
func TestTraceGoesOnWithTheMessage(t *testing.T) {
	w := start(t)
	tail, err := w.bus.Tail(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tail.Close()
	connection, session := w.connect("a")
	w.ok(w.do(request{path: "/api/publish", body: `{"channel":"a","data":1}`, header: traceparent(traced)}), &published{})
	if got := w.poll(session, 1); !strings.Contains(got, `"trace":"`+traced+`"`) {
		t.Errorf("the subscriber got %s", got)
	}
	if got := <-tail.C; got.Trace != traced || !strings.Contains(string(appendSeen(nil, got)), `"trace":"`+traced+`"`) {
		t.Errorf("the tail got %+v", got)
	}
	if got := w.get("/api/history?channel=a").Body.String(); !strings.Contains(got, `"trace":"`+traced+`"`) {
		t.Errorf("history has %s", got)
	}
	var why whyAnswer
	if w.ok(w.get("/api/why?channel=a&offset=1&connection="+connection), &why); why.Trace != traced {
		t.Errorf("why says %+v", why)
	}
	if log := w.log.String(); !strings.Contains(log, `"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"`) {
		t.Errorf("the log says %s", log)
	}
	w.do(request{path: "/api/batch", body: `{"items":[{"channel":"b","data":1},{"channel":"b","data":2}]}`, header: traceparent(traced)})
	if got := w.get("/api/history?channel=b").Body.String(); strings.Count(got, traced) != 2 {
		t.Errorf("a batch: history has %s", got)
	}
}

// What is no trace context counts as none; the publish is as good without it.
func TestTraceThatIsNone(t *testing.T) {
	w := start(t)
	for _, header := range []http.Header{nil, traceparent(""), traceparent("00-x"), traceparent(strings.ToUpper(traced)), traceparent(traced, traced), traceparent(traced + `","x":"`), traceparent(strings.Repeat("0", 1<<12))} {
		w.ok(w.do(request{path: "/api/publish", body: `{"channel":"a","data":1}`, header: header}), &published{})
	}
	if got := w.get("/api/history?channel=a").Body.String(); strings.Contains(got, "trace") {
		t.Errorf("history has %s", got)
	}
}

// A repetition has another span; it is the same publish still.
func TestTraceIsNoPartOfTheContent(t *testing.T) {
	w := start(t)
	body := `{"channel":"a","data":1,"idempotencyKey":"k"}`
	var first, again published
	w.ok(w.do(request{path: "/api/publish", body: body, header: traceparent(traced)}), &first)
	w.ok(w.do(request{path: "/api/publish", body: body, header: traceparent(strings.Replace(traced, "00f0", "11f1", 1))}), &again)
	if !again.Duplicate || again.Offset != first.Offset {
		t.Errorf("got %+v, then %+v", first, again)
	}
}

// spans is a tracer that remembers.
type spans struct {
	mu    sync.Mutex // guards ended
	ended []string
}

func (s *spans) Publish(parent, channel string) (string, func(string, uint64, int, error)) {
	return strings.Replace(traced, "00f0", "22f2", 1), func(id string, offset uint64, receivers int, err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		outcome := "ok"
		if err != nil {
			outcome = err.Error()
		}
		s.ended = append(s.ended, channel+" below "+protocol.TraceID(parent)+": "+outcome)
	}
}

func (s *spans) Stats() (sent, lost uint64) { return 7, 3 }

func TestSpansOfPublishes(t *testing.T) {
	tracer := &spans{}
	w := start(t, func(c *Config) { c.Tracer = tracer })
	w.ok(w.do(request{path: "/api/publish", body: `{"channels":["a","b"],"data":1}`, header: traceparent(traced)}), &struct{}{})
	w.broker.down = &protocol.Error{Code: protocol.CodeBrokerUnavailable, Reason: "down", Hint: "wait"}
	w.do(request{path: "/api/publish", body: `{"channel":"c","data":1}`})
	w.broker.down = nil
	id := protocol.TraceID(traced)
	if len(tracer.ended) != 3 || tracer.ended[0] != "a below "+id+": ok" || tracer.ended[1] != "b below "+id+": ok" || !strings.HasPrefix(tracer.ended[2], "c below : broker_unavailable") {
		t.Errorf("got %q", tracer.ended)
	}
	if got := w.get("/api/history?channel=a").Body.String(); !strings.Contains(got, "22f2") {
		t.Errorf("the message must have the span's own context: %s", got)
	}
	samples := w.samples()
	if samples["tidings_spans_sent_total"] != "7" || samples["tidings_spans_lost_total"] != "3" {
		t.Errorf("got %v", samples)
	}
}
