package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// readyTimeout bounds the broker's answer to a readiness check.
const readyTimeout = 2 * time.Second

// onHealth serves GET /healthz: the process answers.
func (a *API) onHealth(c *gin.Context) { writeJSON(c.Writer, http.StatusOK, []byte(`{"status":"ok"}`)) }

// onReady serves GET /readyz: new clients may be sent here.
func (a *API) onReady(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), readyTimeout)
	defer cancel()
	if err := a.bus.Ready(ctx); err != nil {
		a.refuse(c, err)
		return
	}
	writeJSON(c.Writer, http.StatusOK, []byte(`{"status":"ready"}`))
}
