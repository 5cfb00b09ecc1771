// Package dashboard is the demo at /demo/: a page that shows the visitors of a pretend building, kept fresh by hints
// and a slow poll, says how it is connected, and lets its visitor break that; and the small HTTP backend that the page
// asks, with --dev. The page's sources are in src; build.mjs makes dist, which is committed.
package dashboard

import (
	"embed"
	"io/fs"
)

//go:embed dist
var dist embed.FS

// Dist holds the built page, with index.html at its root.
var Dist = func() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // only for a malformed name
	}
	return sub
}()
