package tracing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// exporter speaks OTLP over HTTP in its JSON form, which every collector takes on its port for HTTP (4318).
// OpenTelemetry's own exporter speaks it in protobuf, and brings gRPC and 14 MB of binary with it.
type exporter struct {
	counted
	url    string
	header http.Header
	client *http.Client
	scope  otlpScope
	log    *slog.Logger

	mu     sync.Mutex // guards warned
	warned time.Time
}

const (
	exportTimeout = 10 * time.Second
	warnPeriod    = time.Minute // of a collector that fails
)

// newExporter returns nil if nothing is configured.
func newExporter(getenv func(string) string, version string, log *slog.Logger) (*exporter, error) {
	address, name := getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	if address == "" {
		if address, name = getenv("OTEL_EXPORTER_OTLP_ENDPOINT"), "OTEL_EXPORTER_OTLP_ENDPOINT"; address != "" {
			address = strings.TrimSuffix(address, "/") + "/v1/traces"
		}
	}
	if address == "" || strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") || getenv("OTEL_TRACES_EXPORTER") == "none" {
		return nil, nil
	}
	if u, err := url.Parse(address); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s must be a URL such as http://collector:4318", name)
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if getenv(name) == "grpc" {
			return nil, fmt.Errorf("%s is grpc, and spans are sent over HTTP only: name the collector's port for HTTP (4318) and leave %s out", name, name)
		}
	}
	e := &exporter{url: address, header: http.Header{}, client: &http.Client{Timeout: exportTimeout}, scope: otlpScope{"tidings", version}, log: log}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"} {
		for pair := range strings.SplitSeq(getenv(name), ",") {
			if strings.TrimSpace(pair) == "" {
				continue
			}
			key, value, ok := strings.Cut(pair, "=")
			value, err := url.PathUnescape(strings.TrimSpace(value))
			if !ok || err != nil {
				return nil, fmt.Errorf("%s must be a list such as name=value,name=value", name) // the value may be a secret
			}
			e.header.Set(strings.TrimSpace(key), value)
		}
	}
	e.header.Set("Content-Type", "application/json")
	return e, nil
}

// ExportSpans sends a batch, and counts it as lost if no collector takes it: a trace is not worth a queue of its own.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.post(ctx, spans)
	if err == nil {
		e.sent.Add(uint64(len(spans)))
		return nil
	}
	e.lost.Add(uint64(len(spans)))
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := time.Now(); now.Sub(e.warned) >= warnPeriod {
		e.warned = now
		e.log.Warn("spans were lost", "error", err.Error(), "lost", e.lost.Load())
	}
	return nil
}

func (e *exporter) post(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	body, err := json.Marshal(otlpOf(e.scope, spans))
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header = e.header.Clone()
	answer, err := e.client.Do(r)
	if err != nil {
		var of *url.Error
		if errors.As(err, &of) {
			return of.Err // without the URL, which may hold a secret
		}
		return err
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answered %s", answer.Status)
	}
	return nil
}

// Shutdown has nothing to end.
func (e *exporter) Shutdown(context.Context) error { return nil }

// What follows is the part of OTLP's JSON form (opentelemetry-proto, ExportTraceServiceRequest) that there is to say.
type otlpRequest struct {
	ResourceSpans []otlpResource `json:"resourceSpans"`
}

type otlpResource struct {
	Resource struct {
		Attributes []otlpAttribute `json:"attributes"`
	} `json:"resource"`
	ScopeSpans []otlpScopeSpans `json:"scopeSpans"`
}

type otlpScopeSpans struct {
	Scope otlpScope  `json:"scope"`
	Spans []otlpSpan `json:"spans"`
}

type otlpScope struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type otlpSpan struct {
	TraceID    string          `json:"traceId"`
	SpanID     string          `json:"spanId"`
	ParentID   string          `json:"parentSpanId,omitempty"`
	Name       string          `json:"name"`
	Kind       int             `json:"kind"`
	Start      string          `json:"startTimeUnixNano"` // 64-bit integers are texts in JSON
	End        string          `json:"endTimeUnixNano"`
	Attributes []otlpAttribute `json:"attributes"`
	Status     otlpStatus      `json:"status"`
}

type otlpStatus struct {
	Code    int    `json:"code,omitempty"` // 2 is an error
	Message string `json:"message,omitempty"`
}

type otlpAttribute struct {
	Key   string         `json:"key"`
	Value map[string]any `json:"value"`
}

func otlpOf(scope otlpScope, spans []sdktrace.ReadOnlySpan) otlpRequest {
	in := otlpScopeSpans{Scope: scope}
	for _, s := range spans {
		out := otlpSpan{
			TraceID: s.SpanContext().TraceID().String(), SpanID: s.SpanContext().SpanID().String(), Name: s.Name(), Kind: int(s.SpanKind()),
			Start: strconv.FormatInt(s.StartTime().UnixNano(), 10), End: strconv.FormatInt(s.EndTime().UnixNano(), 10), Attributes: attributes(s.Attributes()),
		}
		if s.Parent().SpanID().IsValid() {
			out.ParentID = s.Parent().SpanID().String()
		}
		if text := s.Status().Description; text != "" {
			out.Status = otlpStatus{Code: 2, Message: text}
		}
		in.Spans = append(in.Spans, out)
	}
	var r otlpResource
	if len(spans) > 0 { // all of one provider, and so of one resource
		r.Resource.Attributes = attributes(spans[0].Resource().Attributes())
	}
	r.ScopeSpans = []otlpScopeSpans{in}
	return otlpRequest{ResourceSpans: []otlpResource{r}}
}

func attributes(list []attribute.KeyValue) []otlpAttribute {
	out := make([]otlpAttribute, 0, len(list))
	for _, a := range list {
		value := map[string]any{"stringValue": a.Value.String()}
		if a.Value.Type() == attribute.INT64 {
			value = map[string]any{"intValue": a.Value.String()}
		}
		out = append(out, otlpAttribute{Key: string(a.Key), Value: value})
	}
	return out
}
