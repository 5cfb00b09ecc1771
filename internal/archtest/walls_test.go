package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "tidings"

func TestImports(t *testing.T) {
	for _, fault := range faults(t, os.DirFS("../..")) {
		t.Error(fault)
	}
}

// TestRows holds that the table has no row for what is not there.
func TestRows(t *testing.T) {
	for dir := range folders {
		if found, _ := filepath.Glob("../../" + dir + "/*"); len(found) == 0 {
			t.Errorf("the import table has a row for %q, which is no folder: take it out", dir)
		}
	}
}

func TestPlantedArrows(t *testing.T) {
	for _, tt := range []struct{ name, file, source, want string }{
		{"an arrow between the halves", "actors/bus.go", `package actors; import _ "tidings/transports"`, "actors may not import tidings/transports"},
		{"an arrow upwards", "protocol/frames.go", `package protocol; import _ "tidings/core"`, "protocol may not import tidings/core"},
		{"a foreign package in a pure folder", "core/feed.go", `package core; import _ "golang.org/x/sync/errgroup"`, "core may not import golang.org/x/sync/errgroup"},
		{"a foreign package in the wrong folder", "transports/ws.go", `package transports; import _ "github.com/gin-gonic/gin"`, "transports may not import github.com/gin-gonic/gin"},
		{"a module whose path only starts alike", "httpapi/api.go", `package httpapi; import _ "github.com/gin-gonic/ginx"`, "httpapi may not import github.com/gin-gonic/ginx"},
		{"templates", "docs/site/page.go", `package site; import _ "html/template"`, "docs/site may not import html/template"},
		{"a folder in its neighbour's house", "broker/brokertest/world.go", `package brokertest; import _ "tidings/broker/memory"`, "broker may not import tidings/broker/memory"},
		{"a folder that the table does not know", "misc/misc.go", `package misc`, `"misc" has no row`},
		{"a folder that is within another", "hooks/ask.go", `package hooks; import _ "tidings/actors/ground"`, "hooks may not import tidings/actors/ground"},
		{"a foreign type in an exported signature", "actors/bus.go", `package actors; import "github.com/asynkron/protoactor-go/actor"; func PID() *actor.PID { return nil }`, "exports actor.PID"},
		{"a foreign type in an exported field", "httpapi/api.go", `package httpapi; import g "github.com/gin-gonic/gin"; type API struct { Engine *g.Engine }`, "exports g.Engine"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := faults(t, plant(t, tt.file, tt.source))
			if len(got) != 1 || !strings.Contains(got[0], tt.want) {
				t.Errorf("%s: got %q, want one fault with %q", tt.source, got, tt.want)
			}
		})
	}
}

func TestAllowedArrows(t *testing.T) {
	for _, tt := range []struct{ name, file, source string }{
		{"downwards", "actors/bus.go", `package actors; import (_ "tidings/core"; _ "tidings/broker"; _ "github.com/asynkron/protoactor-go/actor")`},
		{"inside one folder", "broker/memory/memory.go", `package memory; import _ "tidings/broker"`},
		{"a test of anything", "core/feed_test.go", `package core; import _ "tidings/httpapi"`},
		{"a foreign type that is shown to the one folder that may see it", "actors/ground/system.go", `package ground; import "github.com/asynkron/protoactor-go/actor"; func PID() *actor.PID { return nil }`},
		{"a foreign type that stays inside", "actors/bus.go", `package actors; import "github.com/asynkron/protoactor-go/actor"; type Bus struct { root *actor.PID }; func (b *Bus) pid() *actor.PID { return b.root }; type hidden struct { PID *actor.PID }; func (h hidden) Receive(c actor.Context) {}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := faults(t, plant(t, tt.file, tt.source)); len(got) != 0 {
				t.Errorf("%s: got %q, want none", tt.source, got)
			}
		})
	}
}

func plant(t *testing.T, file, source string) fs.FS {
	dir := t.TempDir()
	name := filepath.Join(dir, file)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	return os.DirFS(dir)
}

// faults reads every production Go file of a module and returns what breaks the table.
func faults(t *testing.T, root fs.FS) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() && name != "." && (strings.HasPrefix(base, ".") || base == "node_modules" || base == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go") {
			return nil
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		found = append(found, faultsOf(name, file)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func faultsOf(name string, file *ast.File) []string {
	home, ok := rowOf(path.Dir(name))
	if !ok {
		return []string{fmt.Sprintf("%s: the folder %q has no row in the import table", name, path.Dir(name))}
	}
	var found []string
	foreign := map[string]bool{} // local names of foreign packages
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		if !allowed(home, imported) {
			found = append(found, fmt.Sprintf("%s: %s may not import %s", name, home, imported))
		}
		if isForeign(imported) {
			foreign[localName(spec, imported)] = true
		}
	}
	if strings.HasPrefix(home, "internal/") || folders[home].within != "" {
		return found // nobody outside of this module, or of the folder that it is within, sees its signatures
	}
	for _, leak := range exported(file, foreign) {
		found = append(found, fmt.Sprintf("%s: %s exports %s, a foreign type", name, home, leak))
	}
	return found
}

// rowOf returns the row of a folder: the one with the longest name that it lies in.
func rowOf(dir string) (string, bool) {
	for ; dir != "."; dir = path.Dir(dir) {
		if _, ok := folders[dir]; ok {
			return dir, true
		}
	}
	return "", false
}

func allowed(home, imported string) bool {
	if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
		target, known := rowOf(ours)
		if within := folders[target].within; within != "" && within != home && target != home {
			return false
		}
		return known && (target == home || slices.Contains(folders[home].ours, target))
	}
	if !isForeign(imported) {
		// They call methods by name, so that a program with one of them keeps every method of every type: 24 MB more.
		template := imported == "text/template" || imported == "html/template"
		return !template || strings.HasPrefix(home, "examples")
	}
	return slices.ContainsFunc(folders[home].foreign, func(m string) bool {
		return imported == m || strings.HasPrefix(imported, m+"/")
	})
}

func isForeign(imported string) bool {
	if imported == module || strings.HasPrefix(imported, module+"/") {
		return false // also under a path with a host (make rename-module)
	}
	first, _, _ := strings.Cut(imported, "/")
	return strings.Contains(first, ".")
}

func localName(spec *ast.ImportSpec, imported string) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	base := path.Base(imported)
	if len(base) > 1 && base[0] == 'v' && base[1] >= '0' && base[1] <= '9' {
		base = path.Base(path.Dir(imported))
	}
	return strings.TrimPrefix(base, "go-")
}
