package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	// Node's reporters end with lines such as "# pass 12" (tap) or "ℹ pass 12" (spec).
	nodeSum = regexp.MustCompile(`^(?:#|ℹ) (pass|fail|cancelled|skipped|todo) (\d+)$`)
	// A skipped test is "ok 3 - title # SKIP reason" (tap) or "﹣ title (0.1ms) # reason" (spec).
	nodeSkip = regexp.MustCompile(`^\s*(?:ok \d+ - (.*?) # SKIP|﹣ (.*?)(?: \([\d.]+ms\))?(?: #.*)?$)`)
)

// readNode copies what Node's test runners print and adds up their sums; one command may run several.
func readNode(r io.Reader, out io.Writer) row {
	var total row
	skipped := 0
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		line := scanner.Text()
		fmt.Fprintln(out, line)
		if m := nodeSkip.FindStringSubmatch(line); m != nil {
			total.skipped = append(total.skipped, strings.TrimSpace(m[1]+m[2]))
		}
		m := nodeSum.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		n, _ := strconv.Atoi(m[2])
		switch m[1] {
		case "pass":
			total.passed += n
		case "fail", "cancelled":
			total.failed += n
		default:
			skipped += n
		}
	}
	for len(total.skipped) < skipped {
		total.skipped = append(total.skipped, "a test without a name")
	}
	return total
}

func runNode(s suite) []row {
	var r row
	start := time.Now()
	err := run(s, func(out io.Reader) error {
		r = readNode(out, os.Stdout)
		return nil
	})
	r.suite, r.seconds = s.name, time.Since(start).Seconds()
	if err != nil && r.failed == 0 {
		r.broken = err.Error()
	}
	return []row{r}
}
