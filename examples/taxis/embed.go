// Package taxis is the page at /demo/taxis/: taxis drive through a pretend city, and a list beside the map follows those
// in a box that one drags. The page is plain HTML and JavaScript, without a build; the taxis are driven by a small HTTP
// backend, with --dev.
package taxis

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
