package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// clusterAsker is what the flags of `tidings cluster` say.
type clusterAsker struct {
	url, keyFile string
	json         bool
	out          io.Writer
}

func clusterCommand() *cobra.Command {
	t := &clusterAsker{}
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Print the nodes that share a broker, and how they stand",
		Long: "Print the nodes that share a broker, and how they stand, as the node sees it that answers: a table, or with --json what GET /api/cluster\n" +
			"answers. It needs an API key with the scope \"admin\" for all channels.",
		Example: "  tidings cluster --url https://bus.example.com",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t.out = cmd.OutOrStdout()
			return t.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&t.url, "url", environ("TIDINGS_URL", defaultURL), "the server, with its base path (environment: TIDINGS_URL)")
	flags.StringVar(&t.keyFile, "key-file", "", "a file with the API key; else the environment's TIDINGS_API_KEY")
	flags.BoolVar(&t.json, "json", false, "print JSON")
	return cmd
}

func (t *clusterAsker) run(ctx context.Context) error {
	key, err := readKey(t.keyFile)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(t.url, "/")+"/api/cluster", nil)
	if err != nil {
		return err
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return stopped(ctx, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	switch {
	case err != nil:
		return stopped(ctx, err)
	case response.StatusCode != http.StatusOK:
		return refusal(response, answer)
	case t.json:
		_, err := fmt.Fprintln(t.out, string(answer))
		return err
	}
	return printCluster(t.out, answer, time.Now())
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
