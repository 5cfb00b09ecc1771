package httpapi

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tidings/protocol"
)

// docs/METRICS.md lists exactly what /metrics has, in the same order.
func TestDocumentListsEveryMetric(t *testing.T) {
	page, err := os.ReadFile("../docs/METRICS.md")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "| `") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	for _, m := range allMetrics {
		kind := "counter"
		if m.kind == prometheus.GaugeValue {
			kind = "gauge"
		}
		if m.timed != nil {
			kind = "histogram"
		}
		labels := ""
		if len(m.labels) > 0 {
			labels = "`" + strings.Join(m.labels, "`, `") + "`"
		}
		want = append(want, fmt.Sprintf("| `%s` | %s | %s | %s |", m.name, kind, labels, m.help))
	}
	if !slices.Equal(got, want) {
		t.Errorf("docs/METRICS.md must list:\n%s", strings.Join(want, "\n"))
	}
}

// Prometheus shows a help text alone, without the line that stands before it in our table.
func TestEveryHelpTextStandsAlone(t *testing.T) {
	leaning := regexp.MustCompile(`(?i)^of (them|those|these)\b|\b(of|at|for|by) (these|them|it)\b`)
	for _, m := range allMetrics {
		if !strings.HasSuffix(m.help, ".") || strings.Count(m.help, " ") < 2 || leaning.MatchString(m.help) {
			t.Errorf("%s: %q needs another line to be understood, or is no sentence", m.name, m.help)
		}
	}
	for _, bad := range []string{"Of them, messages.", "Attempts at it that got a new session.", "Bytes of these."} {
		if !leaning.MatchString(bad) {
			t.Errorf("%q passes", bad)
		}
	}
}

var sample = regexp.MustCompile(`(?m)^(tidings_[a-z_]+)(\{[^}]*\})? (\S+)$`)

func (w *world) samples() map[string]string {
	w.Helper()
	r := w.get("/metrics")
	if r.Code != 200 {
		w.Fatalf("got %d %s", r.Code, r.Body)
	}
	found := map[string]string{}
	for _, m := range sample.FindAllStringSubmatch(r.Body.String(), -1) {
		found[m[1]+m[2]] = m[3]
	}
	return found
}

// troubled makes happen what is counted when it first happens: a connect that fell back, a request that is refused, a
// goodbye, and a plain client that leaves.
func (w *world) troubled() {
	w.Helper()
	w.ok(w.publish(`{"channel":"a","data":1}`), &published{})
	w.ok(w.publish(`{"channel":"a","data":2}`), &published{})
	if r := w.get("/bus/poll?channel=a&cursor=" + w.history("a")[0]); r.Code != 200 {
		w.Fatalf("got %d %s", r.Code, r.Body)
	}
	r := w.do(request{path: "/bus/poll", noKey: true, body: `[{"type":"connect","fallback":"unproven"},{"type":"unsubscribe","id":1,"channel":"a"}]`})
	session := sessionID.FindStringSubmatch(r.Body.String())
	if session == nil {
		w.Fatalf("got %d %s", r.Code, r.Body)
	}
	if !strings.Contains(r.Body.String(), "not_subscribed") {
		w.poll(session[1], 0)
	}
	w.do(request{path: "/bus/send", noKey: true, body: `{"session":"` + session[1] + `","seq":1,"frames":[{"type":"disconnect"}]}`})
	late := time.After(time.Minute)
	for w.samples()[`tidings_connections_ended_total{code="goodbye",transport="poll"}`] != "2" {
		select {
		case <-late:
			w.Fatalf("got %v", w.samples())
		default:
			runtime.Gosched()
		}
	}
}

func TestMetricsTellWhyByTransport(t *testing.T) {
	w := start(t)
	w.troubled()
	w.get("/bus/poll?channel=$a")
	w.do(request{method: "POST", path: "/bus/send", body: "{}", noKey: true})
	samples := w.samples()
	for name, want := range map[string]string{
		`tidings_connections_lost_total{code="cut",transport="poll"}`:            "1",
		`tidings_fallbacks_total{reason="unproven",transport="poll"}`:            "1",
		`tidings_requests_refused_total{code="not_subscribed",transport="poll"}`: "1",
		`tidings_recoveries_total{transport="poll"}`:                             "1",
		`tidings_recoveries_total{transport="websocket"}`:                        "0",
		`tidings_resumes_total{transport="sse"}`:                                 "0",
		`tidings_transport_refused_total{code="forbidden",transport="poll"}`:     "1",
		`tidings_transport_refused_total{code="bad_request",transport="send"}`:   "1",
		`tidings_history_channels`:                                               "1",
		`tidings_history_messages`:                                               "2",
		`tidings_idempotency_keys_forgotten_total`:                               "0",
	} {
		if samples[name] != want {
			t.Errorf("%s is %q, want %s", name, samples[name], want)
		}
	}
	if t.Failed() {
		t.Log(samples)
	}
}

// Everything that is exported is described, and everything that is described is exported.
func TestEveryMetricIsExported(t *testing.T) {
	w := start(t, func(c *Config) { c.Gateways = []Gateway{{Path: "/primus", Language: mute{}}} })
	w.publish(`{}`)
	w.get("/bus/poll?channel=$a")
	w.troubled()
	names := map[string]bool{}
	for name := range w.samples() {
		name, _, _ = strings.Cut(name, "{")
		names[name] = true
	}
	for _, m := range allMetrics {
		if m.timed == nil && !names[m.name] { // a broker in this process is not timed: the test of readiness in cmd/tidings has another
			t.Errorf("%s is described and has no value", m.name)
		}
		delete(names, m.name)
	}
	if len(names) > 0 {
		t.Errorf("%v are exported and not described", names)
	}
	problems := prometheus.NewPedanticRegistry()
	if err := problems.Register(collector{w.api}); err != nil {
		t.Fatal(err)
	}
	if _, err := problems.Gather(); err != nil {
		t.Error(err)
	}
}

func TestMetricsTellWhichTransportCarriedAMessage(t *testing.T) {
	w := start(t)
	w.ok(w.publish(`{"channel":"a","data":1}`), &published{})
	w.ok(w.publish(`{"channel":"a","data":1,"idempotencyKey":"k"}`), &published{})
	w.ok(w.publish(`{"channel":"a","data":1,"idempotencyKey":"k"}`), &published{})
	before := w.samples()
	for name, want := range map[string]string{
		"tidings_messages_published_total":                   "2",
		"tidings_messages_deduplicated_total":                "1",
		`tidings_transport_messages_total{transport="poll"}`: "0",
		`tidings_transport_messages_total{transport="sse"}`:  "0",
		`tidings_connections{transport="websocket"}`:         "0",
		`tidings_gaps_total{reason="history_expired"}`:       "0",
		`tidings_resumes_failed_total{reason="unknown"}`:     "0",
		"tidings_actor_failures_total":                       "0",
	} {
		if before[name] != want {
			t.Errorf("%s is %q, want %s", name, before[name], want)
		}
	}
	first := w.history("a")[0]
	if r := w.get("/bus/poll?channel=a&cursor=" + first); r.Code != 200 || !strings.Contains(r.Body.String(), `"offset":2`) {
		t.Fatalf("got %d %s", r.Code, r.Body)
	}
	after := w.samples()
	if after[`tidings_transport_messages_total{transport="poll"}`] != "1" || after["tidings_messages_replayed_total"] != "1" || after["tidings_messages_delivered_total"] != "1" {
		t.Errorf("one message went out by poll, from history; got %v", after)
	}
	w.refusedWith(w.publish(`{}`), protocol.CodeBadRequest)
	if got := w.samples()[`tidings_http_refused_total{code="bad_request"}`]; got != "1" {
		t.Errorf("refused: got %q, want 1", got)
	}
}

// history returns the positions of a channel's messages.
func (w *world) history(channel string) []string {
	w.Helper()
	var got historyAnswer
	w.ok(w.get("/api/history?channel="+channel), &got)
	var positions []string
	for _, m := range got.Messages {
		positions = append(positions, protocol.Position{Epoch: m.Epoch, Offset: m.Offset, Tag: m.Tag}.String())
	}
	return positions
}
