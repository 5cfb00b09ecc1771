// Command sim runs the simulator. See docs/PROOF.md.
package main

import (
	"os"

	"tidings/sim"
)

func main() { os.Exit(sim.Main(os.Args[1:], os.Stdout)) }
