package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

var (
	testFile = regexp.MustCompile(`(_test\.go|\.test\.(ts|tsx|mjs)|testdata/[a-z]+\.json)$`)
	suite    = regexp.MustCompile(`(transporttest|brokertest)/[a-z_]+\.go$`) // a suite that others run is a test as well
	row1     = `[FB][0-9]{1,3}`
	// A name begins with its rows, "B55, B56 no alg", or ends with them, "no alg (B55)".
	inFront = regexp.MustCompile(`^(` + row1 + `(?:(?:,| and|) ` + row1 + `)*)(?:[^0-9A-Za-z]|$)`)
	behind  = regexp.MustCompile(`\((` + row1 + `(?:(?:,| and|) ` + row1 + `)*)\)$`)
	// The name of a function has them as parts: TestB29_B30_Flood.
	inFunc   = regexp.MustCompile(`(?:^Test|_)((?:` + row1 + `_?)+)`)
	single   = regexp.MustCompile(row1)
	scripted = regexp.MustCompile("(?m)^[^/*\n]*?[\"'`](" + row1 + "[^\"'`\n]*)")
	jsonName = regexp.MustCompile(`"name":\s*"([^"]*)"`)
)

// findTests fills in which files below root have a test or subtest that names a row.
func findTests(rows []*row, root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "rows") {
			return filepath.SkipDir
		}
		slashed := filepath.ToSlash(path)
		if !testFile.MatchString(slashed) && !suite.MatchString(slashed) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found, err := covered(slashed, text)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if found[r.id] {
				r.tests = append(r.tests, slashed)
			}
		}
		return nil
	})
}

// covered returns the rows that the names of a file's tests and subtests contain. Comments, inputs and messages of
// failures do not count.
func covered(file string, text []byte) (map[string]bool, error) {
	found := map[string]bool{}
	name := func(text string) {
		for _, pattern := range []*regexp.Regexp{inFront, behind} {
			if m := pattern.FindStringSubmatch(text); m != nil {
				for _, id := range single.FindAllString(m[1], -1) {
					found[id] = true
				}
			}
		}
	}
	switch filepath.Ext(file) {
	case ".go":
		return found, goNames(file, text, found, name)
	case ".json":
		for _, m := range jsonName.FindAllSubmatch(text, -1) {
			name(string(m[1]))
		}
	default:
		for _, m := range scripted.FindAllSubmatch(text, -1) {
			name(string(m[1]))
		}
	}
	return found, nil
}

// goNames looks at the names of functions, and calls name for each text that is not the message of a failure.
func goNames(file string, text []byte, found map[string]bool, name func(string)) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	messages := []string{"Error", "Errorf", "Fatal", "Fatalf", "Log", "Logf", "Skip", "Skipf"}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if strings.HasPrefix(n.Name.Name, "Test") {
				for _, m := range inFunc.FindAllStringSubmatch(n.Name.Name, -1) {
					for _, id := range single.FindAllString(m[1], -1) {
						found[id] = true
					}
				}
			}
		case *ast.CallExpr:
			if called, ok := n.Fun.(*ast.SelectorExpr); ok {
				for _, message := range messages {
					if called.Sel.Name == message {
						return false
					}
				}
			}
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				if text, err := strconv.Unquote(n.Value); err == nil {
					name(text)
				}
			}
		}
		return true
	})
	return nil
}
