package httpapi

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tidings/access"
)

// onMetrics serves GET /metrics to requests with an API key, and to those that the configuration allows without one.
func (a *API) onMetrics(c *gin.Context) {
	open := a.metrics == MetricsAnyone || a.metrics != MetricsNobody && local(c.Request)
	if !open {
		if err := a.mayReadMetrics(c); err != nil {
			a.refuse(c, err)
			return
		}
	}
	c.Writer.Header().Set("Cache-Control", "no-store")
	a.exporter.ServeHTTP(c.Writer, c.Request)
}

func (a *API) mayReadMetrics(c *gin.Context) error {
	if err := a.admit(c); err != nil {
		return err
	}
	return backendOf(c).MayEverywhere(access.ActionMetrics)
}

// newExporter makes a registry of its own: nobody else's metrics come in, and two APIs of one process do not meet.
func newExporter(a *API) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{a}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true, MaxRequestsInFlight: 4})
}
