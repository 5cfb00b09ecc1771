package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func clusterCommand() *cobra.Command {
	a := newAsker()
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Print the nodes that share a broker, and how they stand",
		Long: "Print the nodes that share a broker, and how they stand, as the node sees it that answers: a table, or with --json what GET /api/cluster\n" +
			"answers. It needs an API key with the scope \"admin\" for all channels.",
		Example: "  tidings cluster --url https://bus.example.com",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			answer, err := a.get(cmd.Context(), "/api/cluster", nil)
			if err != nil {
				return err
			}
			if a.json {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", answer)
				return err
			}
			return printCluster(cmd.OutOrStdout(), answer, time.Now())
		},
	}
	a.flags(cmd)
	return cmd
}

// cluster is what is printed of the answer of GET /api/cluster.
type cluster struct {
	Node   string
	Broker struct {
		OK        bool
		RoundTrip float64
	}
	Nodes []struct {
		ID, URL, Version string
		Since            int64
		Draining         bool
		Connections      struct{ WebSocket, SSE, Poll int }
		Parked, Channels int
		Lag              int
		Reachable        bool
	}
	Differing []string
}

func printCluster(out io.Writer, answer []byte, now time.Time) error {
	var c cluster
	if err := json.Unmarshal(answer, &c); err != nil {
		return fmt.Errorf("the answer is no table of nodes: %w", err)
	}
	broker := "does not answer"
	if c.Broker.OK {
		broker = fmt.Sprintf("answers in %.1f ms", c.Broker.RoundTrip)
	}
	if c.Node == "" {
		_, err := fmt.Fprintf(out, "one node, whose broker %s\n", broker)
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NODE\tURL\tVERSION\tUP\tWEBSOCKET\tSSE\tPOLL\tPARKED\tCHANNELS\tLAG\tSTATE")
	for _, n := range c.Nodes {
		up := now.Sub(time.UnixMilli(n.Since)).Truncate(time.Second)
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d ms\t%s\n", n.ID, n.URL, n.Version, up, n.Connections.WebSocket, n.Connections.SSE,
			n.Connections.Poll, n.Parked, n.Channels, n.Lag, stateOf(n.ID == c.Node, n.Draining, n.Reachable))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "the broker %s\n", broker)
	if len(c.Differing) > 0 {
		fmt.Fprintf(out, "not the same on all nodes: %s\n", strings.Join(c.Differing, ", "))
	}
	return nil
}

func stateOf(answers, draining, reachable bool) string {
	words := []string{"up"}
	if draining {
		words[0] = "draining"
	}
	if answers {
		words = append(words, "answers")
	}
	if !reachable {
		words = append(words, "not reachable from here")
	}
	return strings.Join(words, ", ")
}
