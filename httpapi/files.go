package httpapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// files are static files, read once: a request touches no disk and no path of its own making.
type files map[string]*file

type file struct {
	data  []byte
	gzip  func() []byte // compressed, once; nil if that saves less than a tenth
	tag   string        // of the content, without quotes
	media string
}

// compress returns data as gzip, or nil if that saves less than a tenth.
func compress(data []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // fails only for a level that does not exist
	w.Write(data)
	w.Close()
	if b.Len() > len(data)*9/10 {
		return nil
	}
	return b.Bytes()
}

// takesGzip reports whether a client takes gzip, by its Accept-Encoding.
func takesGzip(r *http.Request) bool {
	for _, coding := range list(r.Header["Accept-Encoding"]) {
		name, q, weighed := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			return !weighed || strings.Trim(strings.TrimSpace(q), "q=0.") != ""
		}
	}
	return false
}

// mediaTypes of what we serve; http's own table depends on the machine.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".mjs":  "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".json": "application/json",
	".map":  "application/json",
	".svg":  "image/svg+xml",
	".png":  "image/png",
	".ico":  "image/x-icon",
	".ts":   "text/plain; charset=utf-8",
	".txt":  "text/plain; charset=utf-8",
	".md":   "text/markdown; charset=utf-8",
	".yaml": "application/yaml",
}

// readFiles reads a tree. It returns nil for a nil one.
func readFiles(tree fs.FS) (files, error) {
	if tree == nil {
		return nil, nil
	}
	found := files{}
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		media, ok := mediaTypes[path.Ext(name)]
		if !ok {
			return nil // sources and the like
		}
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		found[name] = &file{data: data, gzip: sync.OnceValue(func() []byte { return compress(data) }), tag: hex.EncodeToString(sum[:12]), media: media}
		return nil
	})
	return found, err
}

// onClientFile serves the JavaScript client. Any page may load it: a module from another origin needs CORS.
func (a *API) onClientFile(c *gin.Context) {
	header := c.Writer.Header()
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	a.serveFile(c, a.client, strings.TrimPrefix(c.Param("file"), "/"))
}

// onDemoBackend passes on what the demo page asks of its backend.
func (a *API) onDemoBackend(c *gin.Context) {
	path, ok := strings.CutPrefix(c.Param("file"), "/api/")
	if !ok {
		a.onNoRoute(c)
		return
	}
	r := c.Request.Clone(c.Request.Context())
	r.URL.Path, r.URL.RawPath = "/"+path, ""
	a.demoBackend.ServeHTTP(c.Writer, r)
}

// onStart serves the start page, if there is one.
func (a *API) onStart(c *gin.Context) { a.serveFile(c, a.start, "index.html") }

// onStartFile serves what the start page loads.
func (a *API) onStartFile(c *gin.Context) { a.servePage(c, a.start) }

// onDemoFile serves the demo page.
func (a *API) onDemoFile(c *gin.Context) { a.servePage(c, a.demo) }

// onDoctorFile serves the page that examines the network. What it asks for are the endpoints that every client uses.
func (a *API) onDoctorFile(c *gin.Context) { a.servePage(c, a.doctor) }

// onDocsFile serves the documentation.
func (a *API) onDocsFile(c *gin.Context) {
	from, err := a.docs()
	if err != nil {
		panic(err) // of what the binary carries; the recovery around it logs it
	}
	a.servePage(c, from)
}

// readLater returns what reads a tree when it is first asked for; nil for nil.
func readLater(tree func() (fs.FS, error)) func() (files, error) {
	if tree == nil {
		return nil
	}
	return sync.OnceValues(func() (files, error) {
		found, err := tree()
		if err != nil {
			return nil, err
		}
		return readFiles(found)
	})
}

// onAdminFile serves the page for operators. It holds no secret: what it shows it asks for, with a sign-in.
func (a *API) onAdminFile(c *gin.Context) { a.servePage(c, a.admin) }

// servePage serves a file of a page, of which index.html is the root.
func (a *API) servePage(c *gin.Context, from files) {
	name := strings.TrimPrefix(c.Param("file"), "/")
	if a.demoBackend != nil && strings.HasPrefix(name, "api/") {
		a.onDemoBackend(c)
		return
	}
	if name == "" || strings.HasSuffix(name, "/") {
		name += "index.html"
	} else if from[name] == nil && from[name+"/index.html"] != nil {
		toFolder(path.Base(name) + "/")(c)
		return
	}
	a.serveFile(c, from, name)
}

// pagePolicy: scripts, styles and connections of this server only, nothing inline, in no frame.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func (a *API) serveFile(c *gin.Context, from files, name string) {
	f := from[name]
	if f == nil {
		a.onNoRoute(c)
		return
	}
	header := c.Writer.Header()
	header.Set("Content-Type", f.media)
	data, tag := f.data, f.tag
	if takesGzip(c.Request) && c.Request.Header.Get("Range") == "" {
		if packed := f.gzip(); packed != nil {
			data, tag = packed, tag+"-gzip"
			header.Set("Content-Encoding", "gzip")
		}
	}
	header.Add("Vary", "Accept-Encoding")
	header.Set("ETag", `"`+tag+`"`)
	header.Set("Cache-Control", "no-cache") // kept, but asked for anew each time: the answer is then 304
	header.Set("X-Content-Type-Options", "nosniff")
	if strings.HasPrefix(f.media, "text/html") || f.media == "image/svg+xml" {
		header.Set("Content-Security-Policy", pagePolicy)
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Frame-Options", "DENY")
	}
	http.ServeContent(c.Writer, c.Request, "", time.Time{}, bytes.NewReader(data))
}

// toFolder redirects to a folder beside the URL. It is relative: a proxy may have put the URL below a path that we do
// not know, so not by http.Redirect, which makes it absolute.
func toFolder(name string) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Header("Location", name)
		c.Status(http.StatusFound)
	}
}
