// Package clientjs carries the built JavaScript client, so that one binary serves it.
package clientjs

import "embed"

// Dist holds the files of dist/ that pages without a bundler load. clientjs/build.mjs makes them, and CI compares them
// with a fresh build. The folders of dist/ are for the npm package alone.
//
//go:embed dist/*.js
var Dist embed.FS

// Readme is the page of the npm package, in Markdown.
//
//go:embed README.md
var Readme string
