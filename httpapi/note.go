package httpapi

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/protocol"
)

// note is the writer of a request, and what is to be remembered of the request until it has its line in the log. gin's
// own place for such things makes a map for each request.
type note struct {
	gin.ResponseWriter
	backend  access.Backend  // that was admitted; one that may do nothing if none was
	refused  *protocol.Error // why it was; nil if it was not
	about    string          // the channel, user or connection that a write is about, or ""
	visiting bool            // a person makes it, whose key a cookie stands in for
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

// about remembers what a write of a person is about, for the log: names, each after its kind, of which those that are
// "" are left out.
func about(c *gin.Context, pairs ...string) {
	if n := noteOf(c); n.visiting {
		var words []string
		for pair := range slices.Chunk(pairs, 2) {
			if len(pair) == 2 && pair[1] != "" {
				words = append(words, pair[0]+" "+pair[1])
			}
		}
		n.about = strings.Join(words, ", ")
	}
}
