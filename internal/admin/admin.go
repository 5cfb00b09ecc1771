// Package admin is the page at /admin/, for operators: what the server does, who is there, why a message did or did not
// arrive, and what a person may do about it. It asks the API alone. Its sources are in src; build.mjs makes dist, which
// is committed.
package admin

import (
	"embed"
	"io/fs"
)

//go:embed dist
var dist embed.FS

// Page holds the built page, with index.html at its root.
var Page = func() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // only for a malformed name
	}
	return sub
}()
