package httpapi

import (
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"

	"tidings/access"
)

// note is the writer of a request, and what is to be remembered of the request until it has its line in the log. gin's
// own place for such things makes a map for each request.
type note struct {
	gin.ResponseWriter
	backend      access.Backend // that was admitted; one that may do nothing if none was
	code, reason string         // with which it was refused, or ""
}

var notes = sync.Pool{New: func() any { return &note{} }}

// noted puts a note into a request, and takes it away when nobody looks at the request any more.
func noted(c *gin.Context) {
	n := notes.Get().(*note)
	n.ResponseWriter, c.Writer = c.Writer, n
	c.Next()
	c.Writer = n.ResponseWriter
	*n = note{}
	notes.Put(n)
}

// noteOf returns the note of a request.
func noteOf(c *gin.Context) *note { return c.Writer.(*note) }

// Unwrap returns the writer below, for http.ResponseController.
func (n *note) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// backendOf returns the backend that was admitted; one that may do nothing if none was.
func backendOf(c *gin.Context) access.Backend { return noteOf(c).backend }
