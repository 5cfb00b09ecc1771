package main

import (
	"go/ast"
	"go/types"
)

// tangle is how much the files of one or several packages use each other. A file uses another if it names something
// that the other defines: at the package's level, a method, or a field. It counts once, however often it does.
type tangle struct {
	name   string
	files  int      // without those that only hold the package's comment
	uses   int      // pairs of a file and another that it uses
	mutual []string // pairs that use each other, with a space between their names
}

func (t tangle) perFile() float64 {
	if t.files == 0 {
		return 0
	}
	return float64(t.uses) / float64(t.files)
}

// tangle counts over packages as if they were one.
func (m *module) tangle(name string, packages ...*pkg) tangle {
	t := tangle{name: name}
	ours := map[*types.Package]bool{}
	for _, p := range packages {
		ours[p.types] = true
	}
	uses := map[[2]string]bool{}
	for _, p := range packages {
		for _, file := range p.files {
			if len(file.Decls) > 0 {
				t.files++
			}
			from := m.file(file.Package)
			ast.Inspect(file, func(n ast.Node) bool {
				id, ok := n.(*ast.Ident)
				if !ok {
					return true
				}
				if object := p.info.Uses[id]; object != nil && ours[object.Pkg()] && shared(object) {
					if to := m.file(object.Pos()); to != from {
						uses[[2]string{from, to}] = true
					}
				}
				return true
			})
		}
	}
	t.uses = len(uses)
	for pair := range uses {
		if pair[0] < pair[1] && uses[[2]string{pair[1], pair[0]}] {
			t.mutual = append(t.mutual, pair[0]+" "+pair[1])
		}
	}
	sortBy(t.mutual, func(s string) string { return s })
	return t
}

// shared reports whether object can be named by other files: at the package's level, as a method, or as a field.
func shared(object types.Object) bool {
	switch o := object.(type) {
	case *types.PkgName:
		return false
	case *types.Var:
		return o.IsField() || o.Parent() == o.Pkg().Scope()
	case *types.Func:
		return true
	}
	return object.Parent() == object.Pkg().Scope()
}
