// Command bench measures the real binary beside a raw server that writes the same bytes to the same number of sockets,
// in the same run, and prints medians, ranges and ratios. See docs/PERFORMANCE.md; run it with make bench.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"time"
)

const loadCore = "1"

var (
	serverCores = "0"
	pinning     bool
)

func main() {
	raw := flag.String("raw", "", "be the raw server on this address")
	kind := flag.String("raw-kind", plainHTTP, "what the raw server is made of: plain (net/http) or gin")
	binary := flag.String("tidings", "./bin/tidings", "the binary under measurement")
	rounds := flag.Int("rounds", 5, "rounds of each scenario")
	only := flag.String("only", "", "a regular expression: scenarios to run")
	out := flag.String("json", "", "a file for the figures as JSON")
	limit := flag.Duration("limit", 40*time.Minute, "after this time no further round begins")
	flag.IntVar(&payloadBytes, "payload", payloadBytes, "bytes of data in each message, 64 to 32768")
	flag.StringVar(&serverCores, "server-cores", serverCores, "the cores of the servers, as taskset has them; the load has core 1")
	list := flag.Bool("list", false, "list the scenarios")
	flag.Parse()
	var err error
	switch {
	case payloadBytes < 64 || payloadBytes > maxPayload:
		err = fmt.Errorf("-payload is %d, and must be 64 to %d", payloadBytes, maxPayload)
	case *raw != "":
		err = runRaw(*raw, *kind)
	case *list:
		for _, s := range scenarios {
			fmt.Println(s.name)
		}
	default:
		err = bench(*binary, *rounds, *only, *out, *limit)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(binary string, rounds int, only, out string, limit time.Duration) error {
	filter, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	pin()
	end := time.Now().Add(limit)
	var all []*figures
	var chosen []scenario
	for _, sc := range scenarios {
		if filter.MatchString(sc.name) {
			all, chosen = append(all, newFigures(sc.name)), append(chosen, sc)
		}
	}
	for round := range rounds {
		if time.Now().After(end) {
			fmt.Fprintf(os.Stderr, "bench: the time is over after %d rounds of %d\n", round, rounds)
			break
		}
		for i, sc := range chosen {
			if round > 0 && only == "" && !hasAim(sc.name) {
				continue
			}
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, rounds, sc.name)
			if err := all[i].round(sc, binary); err != nil {
				return fmt.Errorf("%s: %w", sc.name, err)
			}
		}
	}
	for _, f := range all {
		f.print(os.Stdout)
	}
	if len(all) == 0 {
		return fmt.Errorf("no scenario matches %q", only)
	}
	missed := verdict(os.Stdout, all)
	if out != "" {
		b, err := json.MarshalIndent(all, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(out, append(b, '\n'), 0o644); err != nil {
			return err
		}
	}
	if missed > 0 {
		return fmt.Errorf("%d aims are missed", missed)
	}
	return nil
}

// pin puts the load on a core of its own, if there are two and taskset works; servers get the other.
func pin() {
	if runtime.NumCPU() < 2 {
		return
	}
	pinning = exec.Command("taskset", "-a", "-p", "-c", loadCore, strconv.Itoa(os.Getpid())).Run() == nil
	if !pinning {
		fmt.Fprintln(os.Stderr, "bench: taskset does not work here; server and load share all cores")
	}
}
