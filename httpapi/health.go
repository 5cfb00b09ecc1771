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

// onReady serves GET /readyz: new clients may be sent here.
func (a *API) onReady(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), readyTimeout)
	defer cancel()
	if err := a.bus.Ready(ctx); err != nil {
		a.refuse(c, err)
		return
	}
	answer(c, readiness{Status: "ready", Notes: a.documentNotes()})
}

// readiness is the answer of a node that new clients may be sent to.
type readiness struct {
	Status string   `json:"status"`
	Notes  []string `json:"notes,omitempty"` // what is wrong, and no reason to send clients elsewhere
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
