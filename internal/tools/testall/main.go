// Command testall runs the project's test suites one after the other and ends with a table of what each ran. It fails
// if a test failed, if a suite or a Go package with test files ran no test, or if a test was skipped that allowed.txt
// does not name.
//
//	go run ./internal/tools/testall [-short] [suite …]
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
)

//go:embed allowed.txt
var allowedText string

func main() {
	short := flag.Bool("short", false, "only the quick suites, without the race detector")
	list := flag.Bool("list", false, "print the suites' names")
	flag.Parse()
	suites := allSuites(*short)
	if *list {
		for _, s := range suites {
			fmt.Println(s.name)
		}
		return
	}
	if names := flag.Args(); len(names) > 0 {
		suites = slices.DeleteFunc(suites, func(s suite) bool { return !slices.Contains(names, s.name) })
		if len(suites) != len(names) {
			fmt.Fprintln(os.Stderr, "testall: a suite of this name does not exist; see -list")
			os.Exit(2)
		}
	}
	allowed := readAllowed(allowedText)
	var rows []row
	for _, s := range suites {
		rows = append(rows, s.run(s)...)
	}
	fmt.Print(table(rows, allowed))
	if !ok(rows, allowed) {
		os.Exit(1)
	}
}

// readAllowed reads one skipped test's name per line; "#" starts the reason.
func readAllowed(text string) map[string]bool {
	allowed := map[string]bool{}
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(line, "#")
		if name = strings.TrimSpace(name); name != "" {
			allowed[name] = true
		}
	}
	return allowed
}
