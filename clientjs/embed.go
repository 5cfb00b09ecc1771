// Package clientjs carries the built JavaScript client, so that one binary serves it.
package clientjs

import "embed"

// Dist holds the files of dist/, which clientjs/build.mjs makes and CI compares with a fresh build.
//
//go:embed dist
var Dist embed.FS
