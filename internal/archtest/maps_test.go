package archtest

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestMaps holds that a package comment that lists files lists all of its package, and none that is not there.
func TestMaps(t *testing.T) {
	for _, fault := range badMaps(t, os.DirFS("../..")) {
		t.Error(fault)
	}
}

func TestPlantedMaps(t *testing.T) {
	for _, tt := range []struct{ name, comment, want string }{
		{"all are named", "// Package core keeps.\n//\n//\tfeed.go, out*.go   what comes and goes\n//\tid.go names", ""},
		{"a comment without a map", "// Package core keeps what feed.go takes.", ""},
		{"an ending in braces", "// Package core keeps.\n//\n//\t{feed,id}.go out.go", ""},
		{"one is missing", "// Package core keeps.\n//\n//\tfeed.go   what comes\n//\tid.go", "core: the map does not name out.go"},
		{"one is gone", "// Package core keeps.\n//\n//\tfeed.go, out.go, id.go, hole.go", "core: the map names hole.go, which is not there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := badMaps(t, fstest.MapFS{
				"core/feed.go":     {Data: []byte(tt.comment + "\npackage core\n")},
				"core/out.go":      {Data: []byte("package core\n")},
				"core/id.go":       {Data: []byte("package core\n")},
				"core/id_test.go":  {Data: []byte("package core\n")},
				"core/deep/all.go": {Data: []byte("package deep\n")},
			})
			if strings.Join(got, "; ") != tt.want {
				t.Errorf("%s\ngot %q, want %q", tt.comment, got, tt.want)
			}
		})
	}
}

var (
	mapLine = regexp.MustCompile(`(?m)^\t.*$`)
	mapped  = regexp.MustCompile(`[\w*{},/.-]*[\w*}]\.go\b`)
)

// badMaps returns what is wrong with the maps of the packages below root.
func badMaps(t *testing.T, root fs.FS) []string {
	t.Helper()
	files, maps := map[string][]string{}, map[string][]string{} // by folder
	texts, names := prose(t, root)
	for _, name := range names {
		if !strings.HasSuffix(name, ".go") || strings.Contains(name, "/testdata/") || texts[name] == "" && strings.HasPrefix(name, "internal/archtest/") {
			continue
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		dir := path.Dir(name)
		if !strings.HasSuffix(name, "_test.go") {
			files[dir] = append(files[dir], path.Base(name))
		}
		for _, line := range mapLine.FindAllString(file.Doc.Text(), -1) {
			for _, one := range mapped.FindAllString(line, -1) {
				if !strings.Contains(one, "/") {
					maps[dir] = append(maps[dir], alternatives(strings.Trim(one, ","))...)
				}
			}
		}
		if len(maps[dir]) > 0 && file.Doc != nil {
			maps[dir] = append(maps[dir], path.Base(name)) // where the map itself is
		}
	}
	var found []string
	for dir, patterns := range maps {
		matches := func(pattern, name string) bool {
			ok, _ := path.Match(pattern, name)
			return ok
		}
		for _, name := range files[dir] {
			if !slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) }) {
				found = append(found, fmt.Sprintf("%s: the map does not name %s", dir, name))
			}
		}
		for _, pattern := range patterns {
			if !slices.ContainsFunc(names, func(name string) bool { return path.Dir(name) == dir && matches(pattern, path.Base(name)) }) {
				found = append(found, fmt.Sprintf("%s: the map names %s, which is not there", dir, pattern))
			}
		}
	}
	slices.Sort(found)
	return found
}
