// Command cluster runs three nodes of Tidings on one Redis, behind HAProxy that sends each request to the next of them,
// and a page that shows which node carries whom and lets you kill a node. Everything is on this machine, on ports that
// were free, and ends with the command: on Ctrl-C, and whatever else ends it.
//
//	main.go                       the command
//	process.go, process_linux.go, process_other.go   a program that runs
//	stage.go, node.go             Redis, HAProxy and the nodes
//	audience.go, ledger.go        who publishes, who listens, and what each heard
//	control.go                    what the page shows and asks for
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	binary := flag.String("tidings", "bin/tidings", "the server's `program`")
	port := flag.Int("port", 8090, "the `port` of the page; 0 is any that is free")
	listeners := flag.Int("listeners", 27, "clients that listen, a third over each transport")
	rate := flag.Int("rate", 5, "messages that are published in a second")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, options{binary: *binary, port: *port, listeners: *listeners, rate: *rate}); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

// options are those of the command.
type options struct {
	binary                string
	port, listeners, rate int
}

// run runs everything until ctx is over.
func run(ctx context.Context, o options) error {
	s, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer s.close()
	a, err := s.invite(o)
	if err != nil {
		return err
	}
	defer a.leave()
	fmt.Printf("\n  Three nodes, one bus: http://127.0.0.1:%d/cluster/\n\n  Open it, and kill a node. Ctrl-C ends everything.\n\n", s.port)
	a.publish(ctx)
	return nil
}
