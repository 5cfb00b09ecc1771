package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// module is a Go module, parsed with its comments and type-checked, without its tests.
type module struct {
	root     string
	fset     *token.FileSet
	packages []*pkg // in the order of their paths
	texts    map[string][]byte
}

type pkg struct {
	path  string
	dir   string // relative to the module, with slashes
	files []*ast.File
	types *types.Package
	info  *types.Info
}

// listed is what go list prints of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	Standard                bool
	Module                  *struct {
		Main bool
	}
}

// load type-checks every package of the module in dir from its source. Other modules and the standard library are read
// from the compiler's export data.
func load(dir string) (*module, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	all, err := list(root)
	if err != nil {
		return nil, err
	}
	m := &module{root: root, fset: token.NewFileSet(), texts: map[string][]byte{}}
	imports := &imports{checked: map[string]*types.Package{}}
	exports := map[string]string{}
	imports.compiled = importer.ForCompiler(m.fset, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})
	for _, l := range all { // each after what it imports
		exports[l.ImportPath] = l.Export
		if l.Module == nil || !l.Module.Main {
			continue
		}
		p, err := m.check(l, imports)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.ImportPath, err)
		}
		imports.checked[l.ImportPath] = p.types
		m.packages = append(m.packages, p)
	}
	sortBy(m.packages, func(p *pkg) string { return p.dir })
	return m, nil
}

func list(root string) ([]listed, error) {
	cmd := exec.Command("go", "list", "-deps", "-export", "-tags", "nomsgpack", "-json=ImportPath,Dir,Export,GoFiles,Standard,Module", "./...")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var l listed
		switch err := d.Decode(&l); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("go list: %w", err)
		}
		all = append(all, l)
	}
}

func (m *module) check(l listed, imports types.Importer) (*pkg, error) {
	dir, err := filepath.Rel(m.root, l.Dir)
	if err != nil {
		return nil, err
	}
	p := &pkg{path: l.ImportPath, dir: filepath.ToSlash(dir), info: &types.Info{
		Uses: map[*ast.Ident]types.Object{},
		Defs: map[*ast.Ident]types.Object{},
	}}
	for _, name := range l.GoFiles {
		file, err := parser.ParseFile(m.fset, filepath.Join(l.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.files = append(p.files, file)
	}
	p.types, err = (&types.Config{Importer: imports}).Check(p.path, m.fset, p.files, p.info)
	return p, err
}

// imports resolves an import: a package of the module to the one that was checked, so that its names are the same
// objects.
type imports struct {
	checked  map[string]*types.Package
	compiled types.Importer
}

func (i *imports) Import(path string) (*types.Package, error) {
	if p := i.checked[path]; p != nil {
		return p, nil
	}
	return i.compiled.Import(path)
}

// source returns a part of a file of the module, "" if it cannot be read.
func (m *module) source(name string, from, to int) string {
	text, ok := m.texts[name]
	if !ok {
		text, _ = os.ReadFile(name)
		m.texts[name] = text
	}
	if from < 0 || to > len(text) {
		return ""
	}
	return string(text[from:to])
}

// file returns the name of the file at pos, relative to the module.
func (m *module) file(pos token.Pos) string {
	name, err := filepath.Rel(m.root, m.fset.Position(pos).Filename)
	if err != nil {
		return m.fset.Position(pos).Filename
	}
	return filepath.ToSlash(name)
}

// below returns the packages in dir and in the folders below it.
func (m *module) below(dir string) []*pkg {
	var found []*pkg
	for _, p := range m.packages {
		if p.dir == dir || strings.HasPrefix(p.dir, dir+"/") {
			found = append(found, p)
		}
	}
	return found
}
