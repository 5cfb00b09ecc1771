// Package tracing makes spans with the OpenTelemetry SDK and sends them to a collector by OTLP over HTTP, if the
// standard environment names one.
package tracing

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"tidings/protocol"
)

// Tracer makes spans. It is safe for many goroutines.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	exporter *exporter
}

// Start returns a tracer as the environment configures it, as OpenTelemetry specifies: OTEL_EXPORTER_OTLP_ENDPOINT (or
// …_TRACES_ENDPOINT) names the collector, OTEL_EXPORTER_OTLP_HEADERS what it wants to see, OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER and OTEL_BSP_… do what the SDK documents. It returns nil if no
// collector is named or OTEL_SDK_DISABLED is true, and fails if what is named cannot work.
func Start(ctx context.Context, getenv func(string) string, version string, log *slog.Logger) (*Tracer, error) {
	e, err := newExporter(getenv, version, log)
	if e == nil || err != nil {
		return nil, err
	}
	described, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "tidings"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(e), sdktrace.WithResource(described))
	return &Tracer{provider: provider, tracer: provider.Tracer("tidings"), exporter: e}, nil
}

// Stop sends what is left, as long as ctx lasts.
func (t *Tracer) Stop(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// Publish starts the span of a publish to a channel, below a W3C trace context, "" for none. It returns the span's own
// context for the message, "" if it is not sampled and had nothing above it, and what ends the span.
func (t *Tracer) Publish(parent, channel string) (own string, end func(id string, offset uint64, receivers int, err error)) {
	ctx := context.Background()
	if above, ok := parse(parent); ok {
		ctx = trace.ContextWithRemoteSpanContext(ctx, above)
	}
	_, span := t.tracer.Start(ctx, "publish", trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		attribute.String("messaging.system", "tidings"), attribute.String("messaging.operation.name", "publish"),
		attribute.String("messaging.operation.type", "send"), attribute.String("messaging.destination.name", channel)))
	if is := span.SpanContext(); is.IsSampled() || parent != "" {
		own = format(is)
	}
	return own, func(id string, offset uint64, receivers int, err error) {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		} else {
			span.SetAttributes(attribute.String("messaging.message.id", id),
				attribute.String("tidings.offset", strconv.FormatUint(offset, 10)), attribute.Int("tidings.receivers", receivers))
		}
		span.End()
	}
}

// Stats counts the spans that a collector took, and those that none did.
func (t *Tracer) Stats() (sent, lost uint64) { return t.exporter.sent.Load(), t.exporter.lost.Load() }

func parse(text string) (trace.SpanContext, bool) {
	if !protocol.ValidTrace(text) {
		return trace.SpanContext{}, false
	}
	var c trace.SpanContextConfig
	var flags [1]byte
	hex.Decode(c.TraceID[:], []byte(text[3:35]))
	hex.Decode(c.SpanID[:], []byte(text[36:52]))
	hex.Decode(flags[:], []byte(text[53:]))
	c.TraceFlags, c.Remote = trace.TraceFlags(flags[0])&trace.FlagsSampled, true
	return trace.NewSpanContext(c), true
}

func format(is trace.SpanContext) string {
	return "00-" + is.TraceID().String() + "-" + is.SpanID().String() + "-" + is.TraceFlags().String()
}

// counted is what became of spans.
type counted struct{ sent, lost atomic.Uint64 }
