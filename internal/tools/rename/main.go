// Command rename gives the Go module another path: in go.mod, in every import, in the tools that name it, and in the
// npm package's link to the repository. It is run in the repository's folder, by make rename-module.
package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// named are the files that hold the module's path as a constant, beside the imports.
var named = []string{"internal/archtest/walls_test.go", "internal/tools/testall/golang.go"}

// pathForm is what a module's path may be, from a host on.
var pathForm = regexp.MustCompile(`^[a-z0-9.-]+\.[a-z]{2,}(/[A-Za-z0-9._~-]+)+$`)

func main() {
	if len(os.Args) != 2 || !pathForm.MatchString(os.Args[1]) {
		fmt.Fprintln(os.Stderr, "rename: name the new path: make rename-module MODULE=example.org/you/tidings")
		os.Exit(2)
	}
	if err := rename(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "rename:", err)
		os.Exit(1)
	}
}

func rename(to string) error {
	out, err := exec.Command("go", "list", "-m").Output()
	if err != nil {
		return err
	}
	from := strings.TrimSpace(string(out))
	list, err := exec.Command("git", "ls-files", "*.go").Output()
	if err != nil {
		return err
	}
	for name := range strings.FieldsSeq(string(list)) {
		if err := edit(name, func(text string) (string, error) { return imports(text, from, to) }); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, name := range named {
		if err := edit(name, func(text string) (string, error) { return constant(text, from, to) }); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := edit("clientjs/package.json", func(text string) (string, error) { return repository(text, to), nil }); err != nil {
		return err
	}
	return exec.Command("go", "mod", "edit", "-module", to).Run()
}

func edit(name string, change func(string) (string, error)) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	changed, err := change(string(text))
	if err != nil || changed == string(text) {
		return err
	}
	return os.WriteFile(name, []byte(changed), 0o644)
}

// imports returns a Go file in which what is imported from one module is imported from another. Other texts that look
// alike stay as they are.
func imports(text, from, to string) (string, error) {
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, "", text, parser.ImportsOnly)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	done := 0
	for _, spec := range f.Imports {
		if path, ok := moved(spec, from, to); ok {
			at := files.Position(spec.Path.Pos()).Offset
			b.WriteString(text[done:at])
			b.WriteString(strconv.Quote(path))
			done = at + len(spec.Path.Value)
		}
	}
	return b.String() + text[done:], nil
}

func moved(spec *ast.ImportSpec, from, to string) (string, bool) {
	path, err := strconv.Unquote(spec.Path.Value)
	rest, ok := strings.CutPrefix(path, from)
	return to + rest, err == nil && ok && (rest == "" || rest[0] == '/')
}

// constant returns a Go file whose constant `module` has another value.
func constant(text, from, to string) (string, error) {
	old := "const module = " + strconv.Quote(from)
	if !strings.Contains(text, old) {
		return "", errors.New("it has no " + old)
	}
	return strings.Replace(text, old, "const module = "+strconv.Quote(to), 1), nil
}

// repository returns package.json with links to where the module lives.
func repository(text, to string) string {
	return regexp.MustCompile(`https://[^"#]+?(\.git"|#readme"|/issues")`).ReplaceAllString(text, "https://"+to+"$1")
}
