package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// maxListPage is how many entries a request for a list asks for, as many as an answer has.
const maxListPage = 256

// lister prints a list of the API, page by page.
type lister struct {
	asker
	path, head string
	row        func(entry []byte) (string, error) // of the table
	query      url.Values
	after      string
	limit      int // 0 is none
}

// listPageOf is a page of a list, whatever it is a list of.
type listPageOf struct {
	Connections, Channels []json.RawMessage
	After                 string
	Nodes                 int
	Unanswered            []string
}

func (l *lister) flags(cmd *cobra.Command) {
	l.asker.flags(cmd)
	cmd.Flags().IntVar(&l.limit, "limit", 0, "print no more than so many (default all)")
	cmd.Flags().StringVar(&l.after, "after", "", "go on after this one, where a list with --limit ended")
}

// filter adds a flag that is a parameter of the request, too.
func (l *lister) filter(cmd *cobra.Command, name, usage string) {
	cmd.Flags().Func(name, usage, func(value string) error {
		l.query.Set(name, value)
		return nil
	})
}

func (l *lister) run(cmd *cobra.Command, _ []string) error {
	head := l.head
	if l.json {
		head = ""
	}
	return printPages(cmd, head, l.page)
}

// printPages prints a table with a head, unless that is "", and page after page until one reports that there is no other.
// A page counts in printed what it has printed.
func printPages(cmd *cobra.Command, head string, page func(cmd *cobra.Command, table *tabwriter.Writer, printed *int) (more bool, err error)) error {
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	if head != "" {
		fmt.Fprintln(table, head)
	}
	printed, err := 0, error(nil)
	for more := true; more && err == nil; {
		more, err = page(cmd, table, &printed)
	}
	if failed := table.Flush(); err == nil {
		err = failed
	}
	return err
}

// page asks for a page and prints it. It reports whether there is another one to print.
func (l *lister) page(cmd *cobra.Command, table *tabwriter.Writer, printed *int) (more bool, err error) {
	size := maxListPage
	if l.limit > 0 {
		size = min(size, l.limit-*printed)
	}
	l.query.Set("limit", strconv.Itoa(size))
	if l.after != "" {
		l.query.Set("after", l.after)
	}
	raw, err := l.get(cmd.Context(), l.path, l.query)
	if err != nil {
		return false, err
	}
	var p listPageOf
	if err := json.Unmarshal(raw, &p); err != nil {
		return false, fmt.Errorf("the answer is no list: %w", err)
	}
	entries := append(p.Connections, p.Channels...)
	for _, entry := range entries {
		if l.json {
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", entry)
		} else {
			var row string
			if row, err = l.row(entry); err == nil {
				fmt.Fprintln(table, row)
			}
		}
		if err != nil {
			return false, err
		}
	}
	if len(p.Unanswered) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "tidings: of %d nodes these did not answer, and nothing of them is in the list: %s\n", p.Nodes, strings.Join(p.Unanswered, ", "))
	}
	*printed += len(entries)
	l.after = p.After
	if l.limit > 0 && *printed >= l.limit && p.After != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "tidings: there are more: go on with --after %s\n", shown(p.After))
		return false, nil
	}
	return p.After != "", nil
}

func connectionsCommand() *cobra.Command {
	l := &lister{asker: newAsker(), path: "/api/connections", query: url.Values{}, head: "CONNECTION\tUSER\tTRANSPORT\tFALLBACK\tGATEWAY\tSTATE\tSINCE\tSUBSCRIPTIONS", row: connectionRow}
	cmd := &cobra.Command{
		Use:   "connections",
		Short: "Print who is connected",
		Long: "Print the connections of all nodes, by id: a table, or with --json an object in each line, as GET /api/connections has it. The state is\n" +
			"linked, or parked if the transport was lost and may come back; the fallback is why the transport is not the client's first. It needs an API key with the scope \"admin\": for all channels, or for that of --channel.",
		Example: "  tidings connections\n  tidings connections --channel orders/new --limit 20\n  tidings connections --user u42 --json | jq -r .connection",
		Args:    cobra.NoArgs,
		RunE:    l.run,
	}
	l.flags(cmd)
	l.filter(cmd, "channel", "those that are subscribed to this channel")
	l.filter(cmd, "user", "those of this user")
	return cmd
}

func connectionRow(entry []byte) (string, error) {
	var c struct {
		Connection, User, Transport, Fallback, Gateway, State string
		Since                                                 int64
		Subscriptions                                         int
	}
	err := json.Unmarshal(entry, &c)
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d", shown(c.Connection), or(shown(c.User), "-"), c.Transport, or(c.Fallback, "-"), or(c.Gateway, "-"), c.State, atMS(c.Since), c.Subscriptions), err
}

func channelsCommand() *cobra.Command {
	l := &lister{asker: newAsker(), path: "/api/channels", query: url.Values{}, head: "CHANNEL\tSUBSCRIBERS\tPOSITION", row: channelRow}
	cmd := &cobra.Command{
		Use:   "channels",
		Short: "Print the channels that somebody hears, or heard a minute ago",
		Long: "Print the channels that somebody hears, or heard a minute ago, on all nodes, by name: a table, or with --json an object in each line, as\n" +
			"GET /api/channels has it. The position is that of the newest message. It needs an API key with the scope \"read\", and shows what that covers.",
		Example: "  tidings channels\n  tidings channels --prefix orders/ --json",
		Args:    cobra.NoArgs,
		RunE:    l.run,
	}
	l.flags(cmd)
	l.filter(cmd, "prefix", "those whose names start so")
	return cmd
}

func channelRow(entry []byte) (string, error) {
	var c struct {
		Channel, Epoch, Tag string
		Subscribers         int
		Offset              uint64
	}
	err := json.Unmarshal(entry, &c)
	return fmt.Sprintf("%s\t%d\t%s:%d:%s", shown(c.Channel), c.Subscribers, c.Epoch, c.Offset, c.Tag), err
}
