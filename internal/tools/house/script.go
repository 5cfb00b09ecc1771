package main

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
)

// scripts are the TypeScript files of a module by name, without tests, and without what is built from them.
type scripts map[string]string

func readScripts(dir string) (scripts, error) {
	found, root := scripts{}, os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name != "." && (base[0] == '.' || slices.Contains([]string{"node_modules", "dist", "testdata", "test", "e2e", "study"}, base)) {
				return fs.SkipDir
			}
			return nil
		}
		if ext := path.Ext(base); (ext == ".ts" || ext == ".tsx") && !strings.Contains(base, ".test.") && !strings.Contains(base, ".d.") {
			text, err := fs.ReadFile(root, name)
			if err != nil {
				return err
			}
			found[name] = string(text)
		}
		return nil
	})
	return found, err
}

// shape measures functions in .ts alone: text between JSX tags is not tokens.
func (s scripts) shape() shape {
	var found shape
	for name, text := range s {
		found.files = append(found.files, length{name, strings.Count(text, "\n")})
		if strings.HasSuffix(name, ".ts") {
			for _, f := range functions(text) {
				found.functions = append(found.functions, length{name + ":" + f.name, f.lines})
			}
		}
	}
	sortBy(found.files, func(l length) string { return l.name })
	sortBy(found.functions, func(l length) string { return l.name })
	return found
}

var imported = regexp.MustCompile(`(?m)^(?:import|export)\b[^;"]*"(\.[^"]+)"`)

// imports returns the files that the file of this name imports, types included.
func (s scripts) imports(name string) []string {
	var found []string
	for _, m := range imported.FindAllStringSubmatch(s[name], -1) {
		base := path.Join(path.Dir(name), m[1])
		for _, to := range []string{base, base + ".ts", base + ".tsx", strings.TrimSuffix(base, ".js") + ".ts"} {
			if _, ok := s[to]; ok {
				found = append(found, to)
			}
		}
	}
	return found
}

// circles returns the sets of files of which each reaches each other by imports.
func (s scripts) circles() [][]string {
	reach := map[string]map[string]bool{}
	for name := range s {
		reach[name] = map[string]bool{}
		for rest := []string{name}; len(rest) > 0; {
			next := rest[0]
			rest = rest[1:]
			for _, to := range s.imports(next) {
				if !reach[name][to] {
					reach[name][to] = true
					rest = append(rest, to)
				}
			}
		}
	}
	var found [][]string
	seen := map[string]bool{}
	for name := range s {
		if !reach[name][name] || seen[name] {
			continue
		}
		circle := []string{}
		for other := range reach[name] {
			if reach[other][name] {
				circle, seen[other] = append(circle, other), true
			}
		}
		slices.Sort(circle)
		found = append(found, circle)
	}
	sortBy(found, func(c []string) string { return c[0] })
	return found
}
