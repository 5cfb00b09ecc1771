package httpapi

import (
	"net/http"
	"path"
	"sync"

	"github.com/gin-gonic/gin"
)

// gin's mode is one for the process; its debug mode prints every route.
var releaseMode = sync.OnceFunc(func() { gin.SetMode(gin.ReleaseMode) })

// routes is the table of URLs. "/" and "/primus" are the gateways'.
func (a *API) routes(base string) *gin.Engine {
	releaseMode()
	e := gin.New()
	// What gin does by itself and hurts: redirects of a POST, path repair, forwarded addresses of anyone.
	e.RedirectTrailingSlash = false
	e.RedirectFixedPath = false
	e.UseRawPath = true
	e.ForwardedByClientIP = false
	e.SetTrustedProxies(nil)
	e.HandleMethodNotAllowed = true
	e.NoMethod(a.onNoMethod)
	e.NoRoute(a.onNoRoute)
	e.Use(noted, a.logged, a.recovered, a.bounded)

	g := e.Group(base)
	// The transports answer methods, CORS and errors themselves.
	g.Any("/bus", gin.WrapF(a.handler.Negotiate))
	g.Any("/bus/ws", gin.WrapF(a.handler.WebSocket))
	g.Any("/bus/sse", gin.WrapF(a.handler.SSE))
	g.Any("/bus/poll", gin.WrapF(a.handler.Poll))
	g.Any("/bus/send", gin.WrapF(a.handler.Send))
	g.Any("/bus/ticket", gin.WrapF(a.handler.Ticket))

	g.POST("/api/publish", a.onPublish)
	g.POST("/api/batch", a.onBatch)
	g.POST("/api/reply", a.onReply)
	g.GET("/api/history", a.onHistory)
	g.GET("/api/channels", a.onChannels)
	g.GET("/api/connections", a.onConnections)
	g.GET("/api/presence", a.onPresence)
	g.POST("/api/subscribe", a.onSubscribe)
	g.POST("/api/unsubscribe", a.onUnsubscribe)
	g.POST("/api/send", a.onSend)
	g.POST("/api/disconnect", a.onDisconnect)
	g.POST("/api/revoke", a.onRevoke)
	g.GET("/api/why", a.onWhy)
	g.GET("/api/cluster", a.onCluster)
	g.GET("/api/stats", a.onStats)
	g.GET("/api/refusals", a.onRefusals)
	g.GET("/api/settings", a.onSettings)
	g.POST("/api/explain", a.onExplain)
	g.GET("/api/session", a.onVisit)
	g.POST("/api/session", a.onVisitBegin)
	g.DELETE("/api/session", a.onVisitEnd)
	g.GET("/api/documents", a.onCollections)
	g.POST("/api/documents/:index/:collection", a.onDocumentCreate)
	g.PUT("/api/documents/:index/:collection", a.onCollectionMake)
	g.DELETE("/api/documents/:index/:collection", a.onCollectionDrop)
	g.GET("/api/documents/:index/:collection/:id", a.onDocument)
	g.PUT("/api/documents/:index/:collection/:id", a.onDocumentPut)
	g.PATCH("/api/documents/:index/:collection/:id", a.onDocumentPatch)
	g.DELETE("/api/documents/:index/:collection/:id", a.onDocumentRemove)
	g.POST("/api/documents/:index/:collection/_search", a.onDocumentSearch)
	g.POST("/api/documents/:index/:collection/_get", a.onDocumentGetMany)
	g.POST("/api/documents/:index/:collection/_bulk", a.onDocumentBulk)
	g.POST("/api/documents/:index/:collection/_by_query", a.onDocumentByQuery)
	g.POST("/api/documents/:index/:collection/_import", a.onDocumentImport)
	g.POST("/api/documents/:index/:collection/_truncate", a.onCollectionTruncate)
	g.GET("/api/tail", a.onTail)
	g.POST("/api/filter/explain", a.onExplainFilter)
	g.GET("/api/openapi.yaml", a.onDescription)

	read := []string{http.MethodGet, http.MethodHead}
	g.Match(read, "/healthz", a.onHealth)
	g.Match(read, "/readyz", a.onReady)
	g.GET("/metrics", a.onMetrics)

	g.Match(read, "/client/*file", a.onClientFile)
	g.GET("/doctor", toFolder("doctor/"))
	g.Match(read, "/doctor/*file", a.onDoctorFile)
	g.GET("/admin", toFolder("admin/"))
	g.Match(read, "/admin/*file", a.ifAdmin(a.onAdminFile))
	if a.demo != nil {
		g.GET("/demo", toFolder("demo/"))
		g.Match(read, "/demo/*file", a.onDemoFile)
		if a.demoBackend != nil {
			g.POST("/demo/*file", a.onDemoBackend)
		}
	}
	if a.docs != nil {
		g.GET("/docs", toFolder("docs/"))
		g.Match(read, "/docs/*file", a.onDocsFile)
	}
	if a.start != nil {
		g.Match(read, "/start/*file", a.onStartFile)
		if base != "" {
			g.Match(read, "/", a.onStart)
			g.GET("", toFolder(path.Base(base)+"/"))
		}
	}
	a.mountGateways(a.gateways, e, g)
	return e
}
