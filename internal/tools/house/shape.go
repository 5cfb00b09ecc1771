package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"io"
	"slices"
)

// shape is how long the files and functions of one language are, in lines.
type shape struct {
	files, functions lengths
}

// length is the lines of one file or function.
type length struct {
	name  string
	lines int
}

type lengths []length

func (m *module) shape() shape {
	var s shape
	for _, p := range m.packages {
		for _, file := range p.files {
			s.files = append(s.files, length{m.file(file.Package), m.fset.File(file.Package).LineCount()})
			for _, decl := range file.Decls {
				if f, ok := decl.(*ast.FuncDecl); ok && f.Body != nil {
					lines := m.fset.Position(f.End()).Line - m.fset.Position(f.Pos()).Line + 1
					s.functions = append(s.functions, length{m.file(f.Pos()) + " " + f.Name.Name, lines})
				}
			}
		}
	}
	return s
}

func (s shape) print(w io.Writer, language string) {
	for _, of := range []struct {
		what string
		of   lengths
	}{{"files", s.files}, {"functions", s.functions}} {
		longest := of.of.longest()
		fmt.Fprintf(w, "%-10s %-9s %5d: p50 %d, p95 %d, longest %d (%s)\n", language, of.what, len(of.of), of.of.share(50), of.of.share(95),
			longest.lines, longest.name)
	}
}

// share returns the length that percent of all do not exceed.
func (l lengths) share(percent int) int {
	if len(l) == 0 {
		return 0
	}
	sorted := slices.SortedFunc(slices.Values(l), func(a, b length) int { return cmp.Compare(a.lines, b.lines) })
	return sorted[(len(sorted)-1)*percent/100].lines
}

func (l lengths) longest() length {
	if len(l) == 0 {
		return length{}
	}
	return slices.MaxFunc(l, func(a, b length) int { return cmp.Compare(a.lines, b.lines) })
}

// above returns the ones of more than lines.
func (l lengths) above(lines int) []string {
	var found []string
	for _, one := range l {
		if one.lines > lines {
			found = append(found, fmt.Sprintf("%s: %d lines", one.name, one.lines))
		}
	}
	return found
}

func sortBy[T any, K cmp.Ordered](list []T, key func(T) K) {
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
}
