// Package docs carries the pages of this folder, so that one binary shows and writes them; docs/site renders them.
package docs

import "embed"

// Files holds the pages, their pictures, and the files for operators.
//
//go:embed *.md *.svg history/*.md ops/Caddyfile ops/*.cfg ops/*.conf ops/*.json ops/*.service ops/*.yaml ops/*.yml ops/kubernetes/*.yaml
var Files embed.FS
