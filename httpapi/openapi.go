package httpapi

import (
	_ "embed"
	"net/http"

	"github.com/gin-gonic/gin"
)

// description is the API for machines, in OpenAPI 3.1. A test compares it with the routes, and with what they read and
// answer.
//
//go:embed openapi.yaml
var description []byte

// Description returns the API for machines, in OpenAPI 3.1 as YAML.
func Description() string { return string(description) }

// onDescription serves GET /api/openapi.yaml, without a key: it holds nothing that is not in the source.
func (a *API) onDescription(c *gin.Context) {
	header := c.Writer.Header()
	header.Set("Cache-Control", "no-cache")
	header.Set("X-Content-Type-Options", "nosniff")
	c.Data(http.StatusOK, "application/yaml", description)
}
