// Package filters is the page at /demo/filters/: one filter, one message, and the server's answer whether they match,
// while one types. It is plain HTML and JavaScript, without a build.
package filters

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
