package httpapi

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"tidings/transports"
)

// mountGateways adds the URLs of gateways. g is what lies below the base path, and root is all.
func (a *API) mountGateways(list []Gateway, root *gin.Engine, g *gin.RouterGroup) {
	at := map[string][]mounted{}
	var paths []string
	for _, gateway := range list {
		if at[gateway.Path] == nil {
			paths = append(paths, gateway.Path)
		}
		at[gateway.Path] = append(at[gateway.Path], mounted{gateway.Query, a.handler.Speak(gateway.Language)})
	}
	var atRoot gin.HandlerFunc
	for _, path := range paths {
		serve := a.onGateway(at[path])
		if path == "/" {
			atRoot = serve
			continue
		}
		g.Any(path, serve)
		g.Any(path+"/*rest", serve)
	}
	if atRoot != nil || a.start != nil {
		root.GET("/", a.onRoot(atRoot))
		root.HEAD("/", a.onRoot(nil))
	}
	own := map[string]bool{} // below the first part of a route of ours there is nothing else
	for _, r := range root.Routes() {
		own[firstPart(r.Path)] = true
	}
	for _, gateway := range list {
		if l, ok := gateway.Language.(transports.Errands); ok {
			serve, last := a.handler.Errands(l, a.errandBackend), a.onErrand
			a.onErrand = func(c *gin.Context) bool {
				if own[firstPart(c.Request.URL.Path)] || !l.Serves(c.Request) {
					return last != nil && last(c)
				}
				serve(c.Writer, c.Request)
				return true
			}
		}
	}
}

func firstPart(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first
}

// onRoot serves "/": handshakes go to a gateway, if there is one, and all else is for the start page.
func (a *API) onRoot(gateway gin.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		switch {
		case gateway != nil && isHandshake(c.Request):
			gateway(c)
		case a.base == "" && !isHandshake(c.Request):
			a.onStart(c)
		default:
			a.onNoRoute(c)
		}
	}
}

// mounted is a gateway at its path.
type mounted struct {
	query string
	speak http.HandlerFunc
}

func (a *API) onGateway(here []mounted) gin.HandlerFunc {
	return func(c *gin.Context) {
		for _, m := range here {
			if m.query == "" || c.Request.URL.Query().Has(m.query) {
				m.speak(c.Writer, c.Request)
				return
			}
		}
		a.onNoRoute(c)
	}
}
