// Package projects holds what `tidings init` writes: a project for each way to make a page. Each is runnable as it
// stands, beside a server at http://127.0.0.1:8080.
package projects

import "embed"

// Files holds a folder per kind.
//
//go:embed react html express next
var Files embed.FS
