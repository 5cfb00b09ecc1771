package main

import (
	"io/fs"

	"tidings/examples/dashboard"
)

// demo is the page at /demo/.
func demo() fs.FS { return dashboard.Dist }
