package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func whyCommand() *cobra.Command {
	a := newAsker()
	cmd := &cobra.Command{
		Use:   "why CONNECTION CHANNEL [OFFSET]",
		Short: "Say what became of a message for a connection: delivered, filtered, a gap, never subscribed",
		Long: "Say what became of a message of a channel for a connection, and what happened to the connection lately. The connection is named by its public\n" +
			"id, which `tidings connections` prints. The offset is the one that the publish was answered with; without it, the channel's newest message is meant.\n" +
			"It needs an API key with the scope \"admin\" for the channel. --json prints what GET /api/why answers.",
		Example: "  tidings why vK2LmQ0pX7aR orders/new 17",
		Args:    cobra.RangeArgs(2, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			query := url.Values{"connection": {args[0]}, "channel": {args[1]}}
			if len(args) == 3 {
				query.Set("offset", args[2])
			} else if err := a.newest(cmd, query); err != nil {
				return err
			}
			raw, err := a.get(cmd.Context(), "/api/why", query)
			if err != nil {
				return err
			}
			if a.json {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", raw)
				return err
			}
			return printWhy(cmd.OutOrStdout(), raw)
		},
	}
	a.flags(cmd)
	return cmd
}

// newest sets the offset of the channel's newest message, or 1 if there is none, of which the answer is then.
func (a *asker) newest(cmd *cobra.Command, query url.Values) error {
	query.Set("offset", "1")
	raw, err := a.get(cmd.Context(), "/api/why", query)
	if err != nil {
		return err
	}
	var found explanation
	if err := json.Unmarshal(raw, &found); err != nil {
		return fmt.Errorf("the answer explains nothing: %w", err)
	}
	query.Set("offset", strconv.FormatUint(max(1, found.Top), 10))
	return nil
}

// explanation is what is printed of the answer of GET /api/why.
type explanation struct {
	Connection, Channel, State, Gateway, Answer, Message, Trace string
	Offset, Top                                                 uint64
	Records                                                     []struct {
		Time           int64
		What, Code     string
		Channel        string
		Last, From, To uint64
	}
}

func printWhy(out io.Writer, answer []byte) error {
	var e explanation
	if err := json.Unmarshal(answer, &e); err != nil {
		return fmt.Errorf("the answer explains nothing: %w", err)
	}
	state := or(e.State, "ended")
	if e.Gateway != "" {
		state += " through the gateway " + e.Gateway
	}
	fmt.Fprintf(out, "connection  %s, %s\nmessage     %d of %s, whose newest is %d\nanswer      %s: %s\n", shown(e.Connection), state, e.Offset, shown(e.Channel), e.Top, e.Answer, e.Message)
	if e.Trace != "" {
		fmt.Fprintf(out, "trace       %s\n", shown(e.Trace))
	}
	if len(e.Records) == 0 {
		return nil
	}
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TIME\tWHAT\tCHANNEL\tCODE\tOFFSETS")
	for _, r := range e.Records {
		offsets := "-"
		switch {
		case r.From != 0 || r.To != 0:
			offsets = fmt.Sprintf("%d to %d", r.From, r.To)
		case r.Last != 0:
			offsets = fmt.Sprintf("up to %d", r.Last)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", atMS(r.Time), r.What, or(shown(r.Channel), "-"), or(r.Code, "-"), offsets)
	}
	return table.Flush()
}
