package tracing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tidings/protocol"
)

const above = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func environ(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// collector answers as an OpenTelemetry collector does and keeps what it was sent.
type collector struct {
	*httptest.Server
	got    chan otlpRequest
	header chan http.Header
}

func startCollector(t *testing.T, status int) *collector {
	c := &collector{got: make(chan otlpRequest, 8), header: make(chan http.Header, 8)}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q otlpRequest
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &q); err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v: %s", r.URL, err, body)
		}
		c.got <- q
		c.header <- r.Header
		w.WriteHeader(status)
	}))
	t.Cleanup(c.Close)
	return c
}

func TestSpansReachTheCollector(t *testing.T) {
	c := startCollector(t, 200)
	tracer, err := Start(t.Context(), environ("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL+"/", "OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20secret, x-other=1"), "1.2.3", slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	own, end := tracer.Publish(above, "orders/new")
	if !protocol.ValidTrace(own) || protocol.TraceID(own) != protocol.TraceID(above) || own == above {
		t.Errorf("the message gets %q below %q", own, above)
	}
	end("id1", 7, 3, nil)
	root, end := tracer.Publish("", "orders/new")
	if !protocol.ValidTrace(root) || protocol.TraceID(root) == protocol.TraceID(above) {
		t.Errorf("a trace of its own is %q", root)
	}
	end("", 0, 0, errors.New("broker_unavailable: down"))
	if err := tracer.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	q, header := <-c.got, <-c.header
	if header.Get("X-Key") != "a secret" || header.Get("X-Other") != "1" {
		t.Errorf("headers: %v", header)
	}
	spans := q.ResourceSpans[0].ScopeSpans[0].Spans
	if len(spans) != 2 {
		t.Fatalf("got %d spans", len(spans))
	}
	s := spans[0]
	if s.TraceID != above[3:35] || s.ParentID != above[36:52] || s.SpanID != own[36:52] || s.Name != "publish" || s.Kind != 4 || s.Start > s.End || s.Status.Code != 0 {
		t.Errorf("got %+v", s)
	}
	text, _ := json.Marshal(q)
	for _, want := range []string{
		`{"key":"messaging.destination.name","value":{"stringValue":"orders/new"}}`, `{"key":"tidings.receivers","value":{"intValue":"3"}}`,
		`{"key":"service.name","value":{"stringValue":"tidings"}}`, `{"key":"service.version","value":{"stringValue":"1.2.3"}}`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	if s := spans[1]; s.ParentID != "" || s.Status.Code != 2 || !strings.Contains(s.Status.Message, "broker_unavailable") {
		t.Errorf("the failed one: %+v", s)
	}
	if sent, lost := tracer.Stats(); sent != 2 || lost != 0 {
		t.Errorf("%d sent, %d lost", sent, lost)
	}
}

// What is not sampled is not sent, and a message without a trace stays without.
func TestSampling(t *testing.T) {
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off") // the SDK reads it by itself
	c := startCollector(t, 200)
	tracer, err := Start(t.Context(), environ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", c.URL+"/v1/traces"), "1", slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	own, end := tracer.Publish("", "a")
	end("id", 1, 0, nil)
	if own != "" {
		t.Errorf("the message gets %q", own)
	}
	unsampled := above[:53] + "00"
	if own, end = tracer.Publish(unsampled, "a"); protocol.TraceID(own) != above[3:35] || !strings.HasSuffix(own, "-00") {
		t.Errorf("below one that is not sampled: %q", own)
	}
	end("id", 1, 0, nil)
	tracer.Stop(context.Background())
	if len(c.got) != 0 {
		t.Error("something was sent")
	}
}

func TestACollectorThatFails(t *testing.T) {
	c := startCollector(t, 503)
	var log bytes.Buffer
	tracer, err := Start(t.Context(), environ("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL, "OTEL_EXPORTER_OTLP_HEADERS", "k=topsecret"), "1", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, end := tracer.Publish("", "a")
		end("id", 1, 0, nil)
		tracer.provider.ForceFlush(context.Background())
	}
	tracer.Stop(context.Background())
	if sent, lost := tracer.Stats(); sent != 0 || lost != 3 {
		t.Errorf("%d sent, %d lost", sent, lost)
	}
	if n := strings.Count(log.String(), "spans were lost"); n != 1 || strings.Contains(log.String(), "topsecret") {
		t.Errorf("the log has %d warnings: %s", n, &log)
	}
}

func TestNoCollectorOrABadOne(t *testing.T) {
	for _, tt := range []struct {
		environ []string
		want    string // of the error; "" means no tracer
	}{
		{nil, ""},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318", "OTEL_SDK_DISABLED", "true"}, ""},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318", "OTEL_TRACES_EXPORTER", "none"}, ""},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT must be a URL"},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}, "over HTTP only"},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318", "OTEL_EXPORTER_OTLP_HEADERS", "secret"}, "must be a list such as"},
	} {
		tracer, err := Start(t.Context(), environ(tt.environ...), "1", slog.Default())
		if tt.want == "" && (err != nil || tracer != nil) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%v: got %v, %v", tt.environ, tracer, err)
		}
	}
}
