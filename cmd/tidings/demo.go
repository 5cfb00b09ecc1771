package main

import "io/fs"

// demo is the page at /demo/.
func demo() fs.FS { return nil }
