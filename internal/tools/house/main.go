// Command house measures how the code is cut: how much the files of a package use each other, how long files and
// functions are, how much is documented, and with which verbs. It prints the figures of a module:
//
//	go run ./internal/tools/house [DIR]
//
//	main.go     the tables
//	load.go     the module's packages, type-checked
//	uses.go     which file uses a name of which other file
//	shape.go    the lengths of files and functions
//	docs.go     exported names with and without a comment, first verbs of comments
//	script.go   TypeScript files: lengths, and circles of imports
//	signs.go    finds the functions of a TypeScript file
//
// A test of this package holds the limits that the project has set itself.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	dir := "."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	h, err := measure(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "house:", err)
		os.Exit(1)
	}
	h.print(os.Stdout)
}

// house is all that is measured of one module.
type house struct {
	packages []tangle // sorted by path; those of one file are left out
	together []tangle // a package and the ones below it, counted as if they were one
	goShape  shape
	tsShape  shape
	circles  [][]string // TypeScript files that import each other
	docs     docs
}

// measure reads the module in dir. It needs the go command, and fails if the module does not compile.
func measure(dir string) (*house, error) {
	m, err := load(dir)
	if err != nil {
		return nil, err
	}
	h := &house{goShape: m.shape(), docs: m.docs()}
	for _, p := range m.packages {
		if t := m.tangle(p.dir, p); t.files > 1 {
			h.packages = append(h.packages, t)
		}
	}
	for _, p := range m.packages {
		if below := m.below(p.dir); len(below) > 1 && !strings.Contains(p.dir, "/") {
			if t := m.tangle(p.dir+"/*", below...); t.files > 1 {
				h.together = append(h.together, t)
			}
		}
	}
	scripts, err := readScripts(dir)
	if err != nil {
		return nil, err
	}
	h.tsShape, h.circles = scripts.shape(), scripts.circles()
	return h, nil
}

func (h *house) print(w io.Writer) {
	fmt.Fprintf(w, "%-28s %5s %5s %9s %7s\n", "package", "files", "uses", "per file", "mutual")
	for _, t := range append(h.packages, h.together...) {
		fmt.Fprintf(w, "%-28s %5d %5d %9.1f %7d\n", t.name, t.files, t.uses, t.perFile(), len(t.mutual))
	}
	fmt.Fprintln(w)
	h.goShape.print(w, "Go")
	h.tsShape.print(w, "TypeScript")
	fmt.Fprintf(w, "\ncircles of TypeScript imports: %d %v\n", len(h.circles), h.circles)
	h.docs.print(w)
}
