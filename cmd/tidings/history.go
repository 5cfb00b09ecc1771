package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tidings/protocol"
)

// historian is what the flags of `tidings history` say.
type historian struct {
	asker
	channel, since string
	limit          int // 0 is as many as an answer has, or with since all
}

func historyCommand() *cobra.Command {
	h := &historian{asker: newAsker()}
	cmd := &cobra.Command{
		Use:   "history CHANNEL",
		Short: "Print the messages that are kept of a channel",
		Long: "Print the newest messages that are kept of a channel, at most 256 and 256 KiB, the oldest first; or with --since all that came after a\n" +
			"position. It is a table, or with --json a message in each line, as GET /api/history has it. It needs an API key with the scope \"read\" for the\n" +
			"channel. `tidings subscribe` goes on with what is published from now on.",
		Example: "  tidings history orders/new --limit 10\n  tidings history orders/new --since \"$position\" --json | jq .data",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			h.channel = args[0]
			return h.run(cmd)
		},
	}
	h.flags(cmd)
	cmd.Flags().IntVar(&h.limit, "limit", 0, "print no more than so many")
	cmd.Flags().StringVar(&h.since, "since", "", "those after this position (epoch:offset:tag), such as one that the table shows")
	return cmd
}

// kept is a message, as far as it is printed.
type kept struct {
	Epoch, Tag, Event string
	Offset            uint64
	Time              int64
	Data              json.RawMessage
}

func (k *kept) position() string {
	return protocol.Position{Epoch: k.Epoch, Offset: k.Offset, Tag: k.Tag}.String()
}

func (h *historian) run(cmd *cobra.Command) error {
	head := "POSITION\tTIME\tEVENT\tDATA"
	if h.json {
		head = ""
	}
	return printPages(cmd, head, h.page)
}

// page asks for a page and prints it. It reports whether there is another one to print.
func (h *historian) page(cmd *cobra.Command, table *tabwriter.Writer, printed *int) (more bool, err error) {
	query := url.Values{"channel": {h.channel}}
	if h.since != "" {
		query.Set("since", h.since)
	}
	if h.limit > 0 {
		query.Set("limit", strconv.Itoa(min(protocol.MaxHistoryLimit, h.limit-*printed)))
	}
	raw, err := h.get(cmd.Context(), "/api/history", query)
	if err != nil {
		return false, err
	}
	var answer struct {
		Messages []json.RawMessage
		Offset   uint64
		Complete bool
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return false, fmt.Errorf("the answer is no history: %w", err)
	}
	if !answer.Complete {
		fmt.Fprintf(cmd.ErrOrStderr(), "tidings: messages after %s are missing: so far back nothing is kept, or the channel has begun anew\n", shown(h.since))
	}
	var last kept
	for _, message := range answer.Messages {
		last = kept{}
		if err := json.Unmarshal(message, &last); err != nil {
			return false, err
		}
		if h.json {
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", message)
		} else {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", last.position(), atMS(last.Time), or(shown(last.Event), "-"), shortened(string(last.Data)))
		}
		if err != nil {
			return false, err
		}
	}
	*printed += len(answer.Messages)
	end := h.since == "" || len(answer.Messages) == 0 || last.Offset >= answer.Offset || h.limit > 0 && *printed >= h.limit
	h.since = last.position()
	return !end, nil
}

// shortened returns the start of a text that has many letters, so that it fits in a table.
func shortened(text string) string {
	const most = 80
	letters := []rune(text)
	if len(letters) > most {
		text = string(letters[:most-1]) + "…"
	}
	return shown(text)
}
