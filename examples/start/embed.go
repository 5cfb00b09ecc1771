// Package start is the page at / with --dev: what runs here, a box in which messages appear and from which they are
// published, the lines for a terminal, and where to go on. It is plain HTML and JavaScript, without a build.
package start

import (
	"embed"
	"io/fs"
)

//go:embed page
var page embed.FS

// Page holds the page, with index.html at its root.
var Page = func() fs.FS {
	sub, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // only for a malformed name
	}
	return sub
}()
