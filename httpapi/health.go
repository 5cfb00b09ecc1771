package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// readyTimeout bounds the broker's answer to a readiness check.
const readyTimeout = 2 * time.Second

// onHealth serves GET /healthz: the process answers.
func (a *API) onHealth(c *gin.Context) { writeJSON(c.Writer, http.StatusOK, []byte(`{"status":"ok"}`)) }

// onReady serves GET /readyz: new clients may be sent here. A broker that nodes share is away for all of them at once,
// so once a node was ready it stays so: to take every node out of the balancer helps nobody. With ?strict=1 it does
// not.
func (a *API) onReady(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), readyTimeout)
	defer cancel()
	r := readiness{Status: "ready", Notes: a.documentNotes()}
	switch err := a.bus.Ready(ctx); {
	case err == nil:
		a.wasReady.Store(true)
	case a.bus.Serving() == nil && a.bus.Shared() && a.wasReady.Load() && c.Query("strict") == "":
		r.Degraded = true
		r.Notes = append(r.Notes, "the broker does not answer: clients keep their connections, and publishes are refused")
	default:
		a.refuse(c, err)
		return
	}
	answer(c, r)
}

// readiness is the answer of a node that new clients may be sent to.
type readiness struct {
	Status   string   `json:"status"`
	Degraded bool     `json:"degraded,omitempty"` // the broker that nodes share does not answer
	Notes    []string `json:"notes,omitempty"`    // what is wrong, and no reason to send clients elsewhere
}

// lateChange is how old a change may be that waits to be published before /readyz says so.
const lateChange = 5 * time.Second

// documentNotes returns what is wrong with the documents.
func (a *API) documentNotes() (notes []string) {
	d := a.store
	if d.Store == nil {
		return nil
	}
	stats := d.Store.Stats()
	if stats.ReadOnly {
		notes = append(notes, "the disk of the documents failed, and nothing is written until the server is restarted")
	}
	if d.Lag == nil {
		return notes
	}
	if lag := d.Lag().Truncate(time.Second); lag >= lateChange {
		notes = append(notes, fmt.Sprintf("a change of a document waits for %v to be published, of %d", lag, stats.Waiting))
	}
	return notes
}
