package httpapi

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tidings/actors"
	"tidings/broker"
	"tidings/internal/guard"
	"tidings/protocol"
	"tidings/store"
	"tidings/transports"
)

// reading is what is read for one scrape, at one moment.
type reading struct {
	api        *API
	bus        actors.Stats
	transports transports.Stats
	documents  store.Stats
	relayLag   int // seconds
	readOnly   int // 1: it is
}

// report takes one value of a metric, with a value for each of its labels.
type report func(value float64, labels ...string)

// metric is one name on /metrics and one row of docs/METRICS.md.
type metric struct {
	name   string
	kind   prometheus.ValueType
	labels []string
	help   string // stands alone: Prometheus shows it without its neighbours
	read   func(*reading, report)
	timed  func(*reading) map[string]broker.Timing // in place of read: a histogram in seconds, by the one label
	desc   *prometheus.Desc
}

func newMetric(kind prometheus.ValueType, name, help string, labels []string, read func(*reading, report)) *metric {
	name = "tidings_" + name
	return &metric{name: name, kind: kind, labels: labels, help: help, read: read, desc: prometheus.NewDesc(name, help, labels, nil)}
}

// number is what a metric may be read from.
type number interface{ int | int64 | uint64 }

func counter[N number](name, help string, read func(*reading) N) *metric {
	return newMetric(prometheus.CounterValue, name, help, nil, single(read))
}

func gauge[N number](name, help string, read func(*reading) N) *metric {
	return newMetric(prometheus.GaugeValue, name, help, nil, single(read))
}

func single[N number](read func(*reading) N) func(*reading, report) {
	return func(r *reading, report report) { report(float64(read(r))) }
}

func readGuard(field func(guard.Stats) uint64) func(*reading) uint64 {
	return func(r *reading) uint64 { return field(r.api.guard.Stats()) }
}

// counters is a counter with labels; read reports each combination that there is.
func counters(name, help string, labels []string, read func(*reading, report)) *metric {
	return newMetric(prometheus.CounterValue, name, help, labels, read)
}

// gauges is a gauge with labels.
func gauges(name, help string, labels []string, read func(*reading, report)) *metric {
	return newMetric(prometheus.GaugeValue, name, help, labels, read)
}

// histogram is how long something took, in seconds, by one label.
func histogram(name, help, label string, timed func(*reading) map[string]broker.Timing) *metric {
	m := newMetric(prometheus.UntypedValue, name, help, []string{label}, nil)
	m.timed = timed
	return m
}

// by reads counts by one label.
func by[K ~string, N number](of func(*reading) map[K]N) func(*reading, report) {
	return func(r *reading, report report) {
		for key, n := range of(r) {
			report(float64(n), string(key))
		}
	}
}

// byCause reads counts by transport and code.
func byCause(of func(*reading) map[actors.Cause]uint64) func(*reading, report) {
	return func(r *reading, report report) {
		for of, n := range of(r) {
			report(float64(n), of.Transport, of.Code)
		}
	}
}

// perTransport reads one count of each transport.
func perTransport[N number](of func(*transports.TransportStats) N) func(*reading, report) {
	return func(r *reading, report report) {
		for _, t := range []struct {
			name  string
			stats *transports.TransportStats
		}{{protocol.WebSocket, &r.transports.WebSocket}, {protocol.SSE, &r.transports.SSE}, {protocol.Poll, &r.transports.Poll}} {
			report(float64(of(t.stats)), t.name)
		}
		for i := range r.transports.Gateways {
			g := &r.transports.Gateways[i]
			report(float64(of(&g.TransportStats)), g.Gateway.String())
		}
	}
}

// perGateway reads one count of each gateway.
func perGateway(of func(*transports.GatewayStats) uint64) func(*reading, report) {
	return func(r *reading, report report) {
		for i := range r.transports.Gateways {
			g := &r.transports.Gateways[i]
			report(float64(of(g)), g.Gateway.String())
		}
	}
}

// readUnsupported reads what the clients of gateways ask for in vain.
func readUnsupported(r *reading, report report) {
	for _, g := range r.transports.Gateways {
		for action, n := range g.Unsupported {
			report(float64(n), g.Gateway.String(), action)
		}
	}
}

// readDocuments reads what the store counts, if there is one.
func (r *reading) readDocuments() {
	d := r.api.store
	if d.Store == nil {
		return
	}
	r.documents = d.Store.Stats()
	if r.documents.ReadOnly {
		r.readOnly = 1
	}
	if d.Lag != nil {
		r.relayLag = int(d.Lag() / time.Second)
	}
}

// collector reads every metric when it is asked; nothing is counted for its sake.
type collector struct{ api *API }

// Describe names every metric.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range allMetrics {
		ch <- m.desc
	}
}

// Collect reads every value.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	r := &reading{api: c.api, bus: c.api.bus.Stats(), transports: c.api.handler.Stats()}
	r.readDocuments()
	for _, m := range allMetrics {
		if m.timed != nil {
			for label, t := range m.timed(r) {
				within := map[float64]uint64{}
				for i, bound := range broker.TimingBounds {
					within[bound.Seconds()] = t.Within[i]
				}
				ch <- prometheus.MustNewConstHistogram(m.desc, t.Count, t.Sum.Seconds(), within, label)
			}
			continue
		}
		m.read(r, func(value float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(m.desc, m.kind, value, labels...)
		})
	}
}
