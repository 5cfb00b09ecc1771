// Command nemesis runs the built server with hundreds of real clients for minutes of chaos, and judges what they heard:
// nobody is closed, nothing is lost, twice or out of order, and every gap is explained by what was done at that time.
// docs/PROOF.md has the results.
//
//	make nemesis                              # ten minutes, 200 clients
//	make nemesis ARGS='-seed 7 -for 3m -v'    # the faults of seed 7, one line each as they begin
//
// It ends with a table and a TAP line for each law; the exit code is 0 if all of them held.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"
)

// options are what a run is asked for.
type options struct {
	binary  string        // of the server
	root    string        // of the repository, for the JavaScript clients
	seed    uint64        // of all that is drawn
	length  time.Duration // of the chaos; the beginning and the end take some seconds more
	pace    float64       // of faults and of the quiet between: 1 is 2 to 12 s and 20 s
	clients int           // half of them in Go, half in JavaScript
	only    string        // a part of the names of the faults to play; "" for all
	plant   string        // what is done wrong on purpose: "gap", "loss", "twice" or ""
	verbose bool
}

func main() {
	o := options{}
	flag.StringVar(&o.binary, "tidings", defaultBinary(), "the server's binary")
	flag.StringVar(&o.root, "root", ".", "the repository")
	flag.Uint64Var(&o.seed, "seed", 0, "seed of the faults; 0 draws one")
	flag.DurationVar(&o.length, "for", 10*time.Minute, "length of the chaos")
	flag.Float64Var(&o.pace, "pace", 1, "how long faults and the quiet between them last: 1 is 2 to 12 s and 20 s")
	flag.IntVar(&o.clients, "clients", 200, "clients, half of them in Go, half in JavaScript")
	flag.StringVar(&o.only, "fault", "", "play only faults whose name has this text")
	flag.StringVar(&o.plant, "plant", "", "plant a gap, a loss or a message that comes twice in a quiet phase, which must be found: gap, loss, twice")
	flag.BoolVar(&o.verbose, "v", false, "print each fault as it begins")
	flag.Parse()
	if o.seed == 0 {
		o.seed = 1 + rand.Uint64N(1<<32)
	}
	fmt.Printf("nemesis: seed %d, %v, %d clients\n", o.seed, o.length, o.clients)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r, err := play(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "nemesis:", err)
		os.Exit(2)
	}
	fmt.Print(r.table())
	laws := r.laws()
	fmt.Print(tap(laws))
	for _, l := range laws {
		if len(l.broken) > 0 {
			fmt.Printf("nemesis: again with -seed %d\n", o.seed)
			stop()
			os.Exit(1)
		}
	}
}

func defaultBinary() string {
	if binary := os.Getenv("TIDINGS_BINARY"); binary != "" {
		return binary
	}
	return "bin/tidings"
}
