package primus

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"net/http"
	"strconv"
	"strings"
)

//go:embed library.js
var librarySource string

// library is what GET /primus/primus.js answers.
type library struct{ plain, zipped []byte }

// newLibrary returns the client of this package, set up for where the gateway is, or the file that somebody's own build
// made.
func newLibrary(cfg *Config) library {
	text := cfg.Library
	if text == nil {
		text = []byte(strings.NewReplacer(
			"PING_TIMEOUT", strconv.FormatInt(cfg.PingInterval.Milliseconds()*3/2, 10),
			"PATHNAME", string(quote(cfg.Path)),
			"VERSION", string(quote(specVersion)),
		).Replace(librarySource))
	}
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // fails only for a level that does not exist
	w.Write(text)
	w.Close()
	return library{text, b.Bytes()}
}

func (l *library) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "text/javascript; charset=utf-8")
	header.Set("Cache-Control", "no-cache")
	header.Add("Vary", "Accept-Encoding")
	body := l.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Encoding", "gzip")
		body = l.zipped
	}
	w.Write(body)
}
