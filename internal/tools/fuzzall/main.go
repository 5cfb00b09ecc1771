// Command fuzzall runs every fuzz target of the module, several at once, with a time that they share, and ends with a
// table of what each did. A target that is new is in by itself. It fails if a target found something, or if there is no
// target.
//
//	go run ./internal/tools/fuzzall [-time 10m] [-at-once 2] [-match regexp] [-keep 20] [package …]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"time"
)

func main() {
	var o options
	flag.DurationVar(&o.time, "time", 10*time.Minute, "how long all targets run together, at least a second each")
	flag.IntVar(&o.atOnce, "at-once", runtime.NumCPU(), "targets that run at once, each on one core")
	flag.StringVar(&o.tags, "tags", "nomsgpack", "build tags")
	flag.IntVar(&o.keep, "keep", 0, "copy this many of the inputs that each target found interesting, the shortest, into its testdata/fuzz")
	match := flag.String("match", "", "only the targets whose name matches this")
	flag.Parse()
	o.packages = flag.Args()
	if len(o.packages) == 0 {
		o.packages = []string{"./..."}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, *match); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

type options struct {
	time         time.Duration // of all targets together; in run, of each
	atOnce, keep int
	tags         string
	packages     []string
}

// share returns the time of each of n targets that have total together.
func share(total time.Duration, n int) time.Duration {
	return max(time.Second, (total / time.Duration(n)).Truncate(time.Second))
}

func run(ctx context.Context, o options, match string) error {
	only, err := regexp.Compile(match)
	if err != nil {
		return err
	}
	targets, err := list(ctx, o)
	if err != nil {
		return err
	}
	targets = slices.DeleteFunc(targets, func(t target) bool { return !only.MatchString(t.name) })
	if len(targets) == 0 {
		return fmt.Errorf("there is no fuzz target in %v", o.packages)
	}
	o.time = share(o.time, len(targets))
	fmt.Printf("%d fuzz targets, %v each, %d at once\n", len(targets), o.time, o.atOnce)
	results := make([]result, len(targets))
	slots := make(chan struct{}, max(1, o.atOnce))
	var wg sync.WaitGroup
	for i, t := range targets {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			results[i] = t.fuzz(ctx, o)
			if o.keep > 0 {
				results[i].kept = t.keep(ctx, o.keep)
			}
		})
	}
	wg.Wait()
	fmt.Print(table(results))
	for _, r := range results {
		if r.fault != "" {
			return fmt.Errorf("%s found something", r.target)
		}
	}
	return nil
}
