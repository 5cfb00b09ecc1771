// Command nemesis runs the built server with hundreds of real clients for minutes of chaos, and judges what they heard:
// nobody is closed, nothing is lost, twice or out of order, and every gap is explained by what was done at that time.
// docs/PROOF.md has the results.
//
//	make nemesis                              # ten minutes, 200 clients
//	make nemesis ARGS='-seed 7 -for 3m -v'    # the faults of seed 7, one line each as they begin
//	make nemesis ARGS='-nodes 3 -broker redis'  # three nodes that share a Redis, behind a balancer
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
	clients int
	js      int           // how many of them are JavaScript, at most every second one
	nodes   int           // more than one share a Redis, behind a balancer
	drain   time.Duration // the window of servers that are asked to end
	direct  bool          // no proxy is between clients and balancer, so no fault of the network
	only    string        // a part of the names of the faults to play; "" for all
	plant   string        // what is done wrong on purpose: "gap", "loss", "twice", with nodes "split" and "flush", or ""
	verbose bool
}

func main() {
	o := options{}
	flag.StringVar(&o.binary, "tidings", defaultBinary(), "the server's binary")
	flag.StringVar(&o.root, "root", ".", "the repository")
	flag.Uint64Var(&o.seed, "seed", 0, "seed of the faults; 0 draws one")
	flag.DurationVar(&o.length, "for", 10*time.Minute, "length of the chaos")
	flag.Float64Var(&o.pace, "pace", 1, "how long faults and the quiet between them last: 1 is 2 to 12 s and 20 s")
	flag.IntVar(&o.clients, "clients", 200, "clients in Go and JavaScript")
	flag.IntVar(&o.js, "js", -1, "how many of the clients are JavaScript, at most half of them; by default half")
	flag.IntVar(&o.nodes, "nodes", 1, "nodes; more than one share a Redis, behind HAProxy, which sends each request to the next")
	broker := flag.String("broker", "", "what nodes share: redis, which is the only one")
	flag.DurationVar(&o.drain, "drain", 2*time.Second, "the window over which a server that is asked to end sends its clients away")
	flag.BoolVar(&o.direct, "direct", false, "with nodes: clients reach the balancer without a proxy, and there are no faults of the network")
	flag.StringVar(&o.only, "fault", "", "play only faults whose name has this text")
	flag.StringVar(&o.plant, "plant", "", "do wrong what must be found: a gap, a loss or a message that comes twice in a quiet phase (gap, loss, twice); with nodes one that shares nothing with the others (split), or a Redis that is flushed in a quiet phase (flush)")
	flag.BoolVar(&o.verbose, "v", false, "print each fault as it begins")
	flag.Parse()
	if *broker == "redis" != (o.nodes > 1) || *broker != "redis" && *broker != "" || o.nodes > maxNodes {
		fmt.Fprintf(os.Stderr, "nemesis: 2 to %d nodes share a broker, as -nodes 3 -broker redis\n", maxNodes)
		os.Exit(2)
	}
	if o.js < 0 {
		o.js = o.clients / 2
	}
	if o.seed == 0 {
		o.seed = 1 + rand.Uint64N(1<<32)
	}
	fmt.Printf("nemesis: seed %d, %v, %d clients, nodes: %d\n", o.seed, o.length, o.clients, o.nodes)
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

// maxNodes is how many nodes there may be at most.
const maxNodes = 9

func defaultBinary() string {
	if binary := os.Getenv("TIDINGS_BINARY"); binary != "" {
		return binary
	}
	return "bin/tidings"
}
