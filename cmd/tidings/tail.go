package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

// tailer is what the flags of `tidings tail` say.
type tailer struct {
	url, keyFile  string
	count         int
	progress      bool
	out, messages io.Writer
}

func tailCommand() *cobra.Command {
	t := &tailer{}
	cmd := &cobra.Command{
		Use:   "tail [pattern]",
		Short: "Print what is published through a server, on all channels or those of a pattern",
		Long: "Print what is published through a server, one JSON object per line, on all channels or on those of a pattern: a name, in which * stands for\n" +
			"one segment, and ** at the end for all that follow. It needs an API key, and shows what the scope \"admin\" of that key covers. It is for\n" +
			"looking: it starts now, and what is not read in time is left out and counted on stderr. It ends with the server's stream.",
		Example: "  tidings tail 'orders/**' | jq .data",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			t.out, t.messages = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return t.run(cmd.Context(), strings.Join(args, ""))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&t.url, "url", environ("TIDINGS_URL", defaultURL), "the server, with its base path (environment: TIDINGS_URL)")
	flags.StringVar(&t.keyFile, "key-file", "", "a file with the API key; else the environment's TIDINGS_API_KEY")
	flags.BoolVar(&t.progress, "progress", false, "say on standard error each second how many messages there were")
	flags.IntVar(&t.count, "count", 0, "end after so many messages; 0 means never")
	return cmd
}

func (t *tailer) run(ctx context.Context, pattern string) error {
	key, err := readKey(t.keyFile)
	if err != nil {
		return err
	}
	address := strings.TrimSuffix(t.url, "/") + "/api/tail"
	if pattern != "" {
		address += "?pattern=" + url.QueryEscape(pattern)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
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
	if response.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
		return refusal(response, answer)
	}
	fmt.Fprintln(t.messages, "tailing")
	return stopped(ctx, t.print(response.Body))
}

// longestEvent holds a message of 64 KiB, twice as long where all of it has to be escaped.
const longestEvent = 1 << 20

func (t *tailer) print(stream io.Reader) error {
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, longestEvent)
	n, aside := 0, "" // what the data of another event than a message's is
	shown := startProgress(t.progress, t.messages, "messages")
	defer shown.stop()
	for lines.Scan() {
		line := lines.Text()
		data, ok := strings.CutPrefix(line, "data: ")
		switch {
		case line == "event: dropped":
			aside = "left out:"
		case line == "event: nodes":
			aside = "nodes:"
		case ok && aside != "":
			fmt.Fprintln(t.messages, aside, data)
			aside = ""
		case ok:
			if _, err := fmt.Fprintln(t.out, data); err != nil {
				return err
			}
			shown.add(1)
			if n++; n == t.count {
				return nil
			}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return errors.New("the server ended the stream")
}

// stopped is nil if the user ended it.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
