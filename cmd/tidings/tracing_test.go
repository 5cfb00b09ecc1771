package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// A trace goes from the publish over each transport to the subscriber, and its span to the collector when the server
// ends.
func TestTraceFromPublishToDelivery(t *testing.T) {
	const above = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	spans := make(chan string, 8)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		spans <- string(body)
	}))
	defer collector.Close()
	s, url := startServer(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL}, "--dev")
	for _, transport := range []string{"websocket", "sse", "poll"} {
		sub := run(t, nil, "subscribe", "orders", "--url", url, "--transport", transport, "--json", "--count", "1")
		sub.errors.wait(t, "listening from")
		r, _ := http.NewRequest("POST", url+"/api/publish", strings.NewReader(`{"channel":"orders","data":1}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Traceparent", above)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if sub.exit(); !strings.Contains(sub.out.String(), `"trace":"`+above[:36]) || strings.Contains(sub.out.String(), above) {
			t.Errorf("%s: printed %s, want the span's own context in that trace", transport, sub.out)
		}
	}
	s.signal(os.Interrupt)
	if code := s.exit(); code != 0 {
		t.Errorf("ended with %d", code)
	}
	if got := <-spans; strings.Count(got, `"traceId":"4bf92f3577b34da6a3ce929d0e0e4736"`) != 3 || strings.Count(got, `"parentSpanId":"00f067aa0ba902b7"`) != 3 || !strings.Contains(got, "orders") {
		t.Errorf("the collector got %s", got)
	}
	p := run(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=collector"}, "serve", "--dev")
	if code := p.exit(); code != 1 || !strings.Contains(p.errors.String(), "OTEL_EXPORTER_OTLP_ENDPOINT must be a URL") {
		t.Errorf("a bad endpoint: ended with %d: %s", code, p.errors)
	}
}
