// Package site renders the documentation: the pages of docs/, SPEC.md, the README of the npm package, and a reference
// of the HTTP API from its OpenAPI description. The same files are served below /docs/ and written by `tidings docs`:
// all links are relative, and nothing is asked of another host.
//
//	site.go       Render, which makes every file
//	frame.go      what stands around each page
//	contents.go   which pages there are, in which order
//	markdown.go   Markdown to HTML: anchors as GitHub has them, links between pages, code
//	highlight.go  colours of code
//	reference.go  the reference of the HTTP API
//	operations.go its page
//	schema.go     how its schemas read
//	search.go     the index that the search of a page loads
package site
