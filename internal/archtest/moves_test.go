package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

const moves = "docs/history/house-moves.md"

// TestMoves holds that the page of moves is true. Of what stands in its cells between backticks it checks files, as
// their paths, and Go names, as folder.Name or folder.Type.Name: those on the left are gone, those on the right are
// there. What follows a colon on the left is a part that left a file which is still there, and so is what was "in" a
// file.
func TestMoves(t *testing.T) {
	root := os.DirFS("../..")
	page, err := fs.ReadFile(root, moves)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(page), "\n| `") < 10 {
		t.Errorf("%s has hardly a row: is its table another now?", moves)
	}
	for _, fault := range badMoves(t, root, string(page)) {
		t.Error(fault)
	}
}

func TestPlantedMoves(t *testing.T) {
	root := fstest.MapFS{
		"core/feed.go":   {Data: []byte("package core\n\ntype Feed struct{ at int }\n\nfunc (f *Feed) Join() {}\n\nfunc grow[T any](t T) {}\n")},
		"src/bus.ts":     {Data: []byte("export const bus = 1;\n")},
		"core/x_test.go": {Data: []byte("package core\n")},
	}
	for _, tt := range []struct{ name, row, want string }{
		{"a file", "| `core/stream.go` | `core/feed.go` |", ""},
		{"a file, and words", "| `src/hub.ts` | `src/bus.ts`, with more |", ""},
		{"a name", "| `core.Stream.Join` | `core.Feed.Join` |", ""},
		{"a field, a function and a type", "| `core.old` | `core.Feed.at`, `core.grow`, `core.Feed` in `core/feed.go` |", ""},
		{"a part of a file", "| `core/feed.go`: `Stream` | `core.Feed` |", ""},
		{"a part in a file", "| `a thing` in `core/feed.go` | `core.Feed` |", ""},
		{"what was deleted", "| `core.Stream` | nothing: it was used once |", ""},
		{"the old file is still there", "| `src/bus.ts` | `core/feed.go` |", "src/bus.ts is still there"},
		{"the new file is not there", "| `src/hub.ts` | `src/hole.ts` |", "src/hole.ts is not there"},
		{"the old name is still there", "| `core.Feed.Join` | `core.Feed` |", "core.Feed.Join is still there"},
		{"the new name is not there", "| `core.Stream` | `core.Feed.Leave` |", "core.Feed.Leave is not there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := badMoves(t, root, "| old | new |\n|---|---|\n"+tt.row+"\n")
			if strings.Join(got, "; ") != tt.want {
				t.Errorf("%s\ngot %q, want %q", tt.row, got, tt.want)
			}
		})
	}
}

var (
	quoted  = regexp.MustCompile("`([^`]+)`")
	aFile   = regexp.MustCompile(`^[\w.-]+(/[\w.-]+)+\.(go|ts|tsx|mjs|md|html)$`)
	aGoName = regexp.MustCompile(`^([\w/]+)\.(\w+(\.\w+)?)$`)
)

func badMoves(t *testing.T, root fs.FS, page string) []string {
	t.Helper()
	names := declared(t, root)
	isThere := func(name string) (there, known bool) {
		if aFile.MatchString(name) {
			_, err := fs.Stat(root, name)
			return err == nil, true
		}
		if m := aGoName.FindStringSubmatch(name); m != nil && names[m[1]] != nil {
			return names[m[1]][m[2]], true
		}
		return false, false
	}
	var found []string
	for line := range strings.Lines(page) {
		cells := strings.Split(line, "|")
		if len(cells) != 4 {
			continue
		}
		old, _, _ := strings.Cut(cells[1], "`:")
		part := old != cells[1]
		old, _, _ = strings.Cut(old, " in `")
		for _, m := range quoted.FindAllStringSubmatch(old, -1) {
			if there, known := isThere(m[1]); known && there && !part {
				found = append(found, m[1]+" is still there")
			}
		}
		for _, m := range quoted.FindAllStringSubmatch(cells[2], -1) {
			if there, known := isThere(m[1]); known && !there {
				found = append(found, m[1]+" is not there")
			}
		}
	}
	return found
}

// declared returns the names of each folder with Go code, by the folder's path and by its last part: of types,
// functions, variables and constants, and Type.Name for methods and fields. Tests count.
func declared(t *testing.T, root fs.FS) map[string]map[string]bool {
	t.Helper()
	found := map[string]map[string]bool{}
	_, names := prose(t, root)
	for _, name := range names {
		if !strings.HasSuffix(name, ".go") || strings.Contains(name, "/testdata/") {
			continue
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{path.Dir(name), path.Base(path.Dir(name))} {
			if found[dir] == nil {
				found[dir] = map[string]bool{}
			}
			for _, decl := range file.Decls {
				declare(found[dir], decl)
			}
		}
	}
	return found
}

func declare(names map[string]bool, decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		name := d.Name.Name
		if d.Recv != nil {
			name = fmt.Sprintf("%s.%s", receiver(d), name)
		}
		names[name] = true
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range s.Names {
					names[name.Name] = true
				}
			case *ast.TypeSpec:
				names[s.Name.Name] = true
				ast.Inspect(s.Type, func(n ast.Node) bool {
					if field, ok := n.(*ast.Field); ok {
						for _, name := range field.Names {
							names[s.Name.Name+"."+name.Name] = true
						}
					}
					return true
				})
			}
		}
	}
}

func receiver(d *ast.FuncDecl) string {
	name := ""
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return true
	})
	return name
}
