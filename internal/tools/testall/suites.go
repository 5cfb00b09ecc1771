package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// suite is one command whose tests are counted.
type suite struct {
	name    string
	command []string
	must    []string // folders that must have run tests, for Go
	run     func(suite) []row
}

// allSuites lists every suite of the project in the order they run: fast ones first.
func allSuites(short bool) []suite {
	test := []string{"go", "test", "-json", "-tags", "nomsgpack"}
	folders := []string{"access", "actors", "broker", "client", "cmd", "core", "docs", "examples", "filter", "gateways", "hooks", "httpapi", "internal", "protocol", "sim", "store", "transports"}
	if short {
		return []suite{
			{name: "go", command: append(test, "-short", "./..."), must: folders, run: runGo},
			{name: "javascript", command: []string{"npm", "run", "--silent", "test"}, run: runNode},
		}
	}
	return []suite{
		{name: "go", command: append(test, "-race", "-timeout", "20m", "./..."), must: folders, run: runGo},
		{name: "javascript", command: []string{"npm", "run", "--silent", "test"}, run: runNode},
		{name: "packages", command: []string{"npm", "run", "--silent", "test:packages"}, run: runNode},
		{name: "browser", command: []string{"npm", "run", "--silent", "test:e2e"}, run: runNode},
		{name: "gateways", command: []string{"npm", "run", "--silent", "test:gateways"}, run: runNode},
		{name: "engines", command: []string{"npm", "run", "--silent", "test:engines"}, run: runNode},
		{name: "nemesis", command: []string{"go", "run", "-tags", "nomsgpack", "./sim/nemesis", "-seed", "530", "-for", "32s", "-pace", "0.25", "-clients", "60", "-v"}, run: runNode},
		{name: "nodes", command: []string{"go", "run", "-tags", "nomsgpack", "./sim/nemesis", "-nodes", "3", "-broker", "redis", "-seed", "19", "-for", "12s", "-pace", "0.2", "-clients", "40", "-v"}, run: runNode},
		{name: "demo", command: []string{"npm", "run", "--silent", "test:demo"}, run: runNode},
	}
}

// run runs a suite's command and hands what it prints to read.
func run(s suite, read func(io.Reader) error) error {
	cmd := exec.Command(s.command[0], s.command[1:]...)
	cmd.Stderr = os.Stderr
	fmt.Println("\n" + strings.Join(s.command, " "))
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	return errors.Join(read(pipe), cmd.Wait())
}
