package main

import (
	"fmt"
	"go/ast"
	"io"
	"strings"
	"unicode/utf8"
)

// docs is what the module's doc comments look like.
type docs struct {
	exported     int      // exported names: constants, variables, types, functions, and methods of exported types
	undocumented []string // those without a comment of their own or of their group
	verbs        map[string]int
	wide         []string // lines of comments that go beyond maxColumns
	odd          []string // where a first verb is one of ours that Go has a standard word for
}

// standard are the first verbs that Go's own comments use, and ours the ones that stood for them here.
var (
	standard = []string{"returns", "reports"}
	ours     = []string{"gives", "tells", "answers", "says", "lets"}
)

func (m *module) docs() docs {
	d := docs{verbs: map[string]int{}}
	for _, p := range m.packages {
		for _, file := range p.files {
			d.columns(m, file)
			for _, decl := range file.Decls {
				switch decl := decl.(type) {
				case *ast.FuncDecl:
					d.verb(m, decl.Doc)
					if decl.Name.IsExported() && receiverExported(decl) {
						d.name(m, decl.Name, decl.Doc)
					}
				case *ast.GenDecl:
					d.group(m, decl)
				}
			}
		}
	}
	return d
}

func (d *docs) group(m *module, decl *ast.GenDecl) {
	d.verb(m, decl.Doc)
	for _, spec := range decl.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			d.verb(m, s.Doc)
			if s.Name.IsExported() {
				d.name(m, s.Name, s.Doc, decl.Doc, s.Comment)
			}
			ast.Inspect(s.Type, func(n ast.Node) bool {
				if field, ok := n.(*ast.Field); ok {
					d.verb(m, field.Doc)
				}
				return true
			})
		case *ast.ValueSpec:
			d.verb(m, s.Doc)
			for _, name := range s.Names {
				if name.IsExported() {
					d.name(m, name, s.Doc, decl.Doc, s.Comment)
				}
			}
		}
	}
}

// maxColumns is where comments wrap; a tab counts four.
const maxColumns = 120

// columns looks for lines that hold nothing but a comment and are too long. Notes at the end of a line of code are as
// long as gofmt aligns them.
func (d *docs) columns(m *module, file *ast.File) {
	for _, group := range file.Comments {
		for _, c := range group.List {
			at := m.fset.Position(c.Pos())
			tabs := at.Column - 1
			if m.source(at.Filename, at.Offset-tabs, at.Offset) == strings.Repeat("\t", tabs) && !strings.HasPrefix(c.Text, "//go:") && !strings.HasPrefix(c.Text, "//\t") &&
				4*tabs+utf8.RuneCountInString(c.Text) > maxColumns {
				d.wide = append(d.wide, fmt.Sprintf("%s:%d", m.file(c.Pos()), at.Line))
			}
		}
	}
}

// name counts an exported name, and whether one of comments is about it.
func (d *docs) name(m *module, name *ast.Ident, comments ...*ast.CommentGroup) {
	d.exported++
	for _, c := range comments {
		if c != nil {
			return
		}
	}
	d.undocumented = append(d.undocumented, m.file(name.Pos())+" "+name.Name)
}

// verb counts the word after the name with which a comment begins.
func (d *docs) verb(m *module, comment *ast.CommentGroup) {
	words := strings.Fields(comment.Text())
	if len(words) < 2 {
		return
	}
	for _, verb := range append(standard, ours...) {
		if words[1] == verb {
			d.verbs[verb]++
		}
	}
	for _, verb := range ours {
		if words[1] == verb {
			at := m.fset.Position(comment.Pos())
			d.odd = append(d.odd, fmt.Sprintf("%s:%d %s %s", m.file(comment.Pos()), at.Line, words[0], verb))
		}
	}
}

// documented returns the share of exported names with a comment, in percent.
func (d docs) documented() float64 {
	return 100 * (1 - float64(len(d.undocumented))/float64(max(d.exported, 1)))
}

func (d docs) count(verbs []string) int {
	n := 0
	for _, verb := range verbs {
		n += d.verbs[verb]
	}
	return n
}

func (d docs) print(w io.Writer) {
	fmt.Fprintf(w, "exported names documented: %.1f %% of %d\n", d.documented(), d.exported)
	fmt.Fprintf(w, "first verbs of doc comments: %s %d, %s %d\n", strings.Join(ours, "/"), d.count(ours), strings.Join(standard, "/"), d.count(standard))
	fmt.Fprintf(w, "comment lines of more than %d columns: %d\n", maxColumns, len(d.wide))
}

// receiverExported reports whether d is a function, or a method of an exported type.
func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	exported := true
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			exported = id.IsExported()
			return false
		}
		return true
	})
	return exported
}
