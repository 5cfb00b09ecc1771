// Package clientjs carries the built JavaScript client, so that one binary serves it, and hands out its npm package.
package clientjs

import "embed"

// Dist holds the files of dist/ that pages without a bundler load. clientjs/build.mjs makes them, and CI compares them
// with a fresh build.
//
//go:embed dist/*.js
var Dist embed.FS

// Readme is the page of the npm package, in Markdown.
//
//go:embed README.md
var Readme string

// files are those of the npm package.
//
//go:embed package.json README.md LICENSE dist
var files embed.FS
