package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tidings/client"
	"tidings/protocol"
)

// subscriber is what the flags of `tidings subscribe` say, and where the run is. All but run is called by the client's
// callbacks, one at a time.
type subscriber struct {
	url, since string
	filter     string
	scope      string
	transports []string
	json       bool
	progress   bool
	shown      *progress
	count      int

	out, notes io.Writer
	seen       int
	open       int             // subscriptions that have not ended
	live       map[string]bool // by channel: it was heard, and has not ended since
	end        chan error      // takes one: why the run is over
}

func subscribeCommand() *cobra.Command {
	s := &subscriber{end: make(chan error, 1), live: map[string]bool{}}
	cmd := &cobra.Command{
		Use:   "subscribe channel…",
		Short: "Print the messages of one or several channels as they come",
		Long: "Print the messages of one or several channels as they come: channel and data, or with --json everything of a message, and each gap, one per line.\n" +
			"What happens to the connection goes to standard error. A cut is resumed; where messages were lost, that is said.\n\n" +
			"With --filter the server sends only the messages that match it. A filter is a JSON object with one condition, such as\n" +
			`{"equals": {"city": "Bonn"}}, {"range": {"age": {"gte": 18}}}, {"exists": "price"}, or {"and": [{…}, {…}]}.` + "\n" +
			"--scope says which messages of a document's changes those are: in (it matches now), out (it was removed, or no longer matches),\n" +
			"all (both; the default) or none (only where the channel is).",
		Example: `  tidings subscribe orders/new
  tidings subscribe orders/new --transport poll --json
  tidings subscribe orders/new --since "$position"
  tidings subscribe orders/new --filter '{"equals": {"city": "Bonn"}}' --scope in`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, channels []string) error {
			s.out, s.notes = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return s.run(cmd.Context(), channels)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&s.url, "url", environ("TIDINGS_URL", defaultURL), "the server, with its base path (environment: TIDINGS_URL)")
	flags.StringSliceVar(&s.transports, "transport", nil, "transports to try, in order: websocket, sse, poll (default all)")
	flags.StringVar(&s.since, "since", "", "start after this position of the channel (epoch:offset:tag), with what was published since")
	flags.StringVar(&s.filter, "filter", "", "only messages that match this filter, a JSON object")
	flags.StringVar(&s.scope, "scope", "all", "of a document's changes: in, out, all or none")
	flags.BoolVar(&s.json, "json", false, "print each message whole, as JSON")
	flags.BoolVar(&s.progress, "progress", false, "say on standard error each second how many messages there were")
	flags.IntVar(&s.count, "count", 0, "end after so many messages")
	return cmd
}

func (s *subscriber) run(ctx context.Context, channels []string) error {
	var options []client.Option
	if s.since != "" {
		if len(channels) > 1 {
			return fmt.Errorf("--since is a position of one channel")
		}
		at, err := protocol.ParsePosition(s.since)
		if err != nil {
			return err
		}
		options = append(options, client.Since(at))
	}
	concerns, err := s.concerns()
	if err != nil {
		return err
	}
	options = append(options, concerns...)
	bus, err := client.New(client.Config{
		URL: strings.TrimSuffix(s.url, "/") + "/bus", Token: os.Getenv("TIDINGS_TOKEN"), Transports: s.transports,
		OnStatus: s.onStatus, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	defer bus.Close()
	s.open = len(channels)
	s.shown = startProgress(s.progress, s.notes, "messages")
	defer s.shown.stop()
	for _, channel := range channels {
		if _, err := bus.Subscribe(channel, s.onMessage, append(options, client.OnGap(s.onGap), client.OnSubscribed(s.subscribed(channel)), client.OnEnd(s.ended(channel)))...); err != nil {
			return err
		}
	}
	select {
	case <-ctx.Done():
		return nil // asked to end
	case err := <-s.end:
		return err
	}
}

// concerns are the options that --filter and --scope stand for.
func (s *subscriber) concerns() (options []client.Option, err error) {
	if s.filter != "" {
		var object map[string]json.RawMessage
		if err := json.Unmarshal([]byte(s.filter), &object); err != nil || object == nil {
			if err == nil {
				err = errors.New("it is null")
			}
			return nil, fmt.Errorf(`--filter %s is no JSON object: %w (a shell wants it in single quotes: --filter '{"equals": {"city": "Bonn"}}')`, s.filter, err)
		}
		options = append(options, client.Filter(json.RawMessage(s.filter)))
	}
	switch s.scope {
	case "all":
	case "in":
		options = append(options, client.In)
	case "out":
		options = append(options, client.Out)
	case "none":
		options = append(options, client.None)
	default:
		return nil, fmt.Errorf("--scope %q is none of in, out, all and none", s.scope)
	}
	return options, nil
}

func (s *subscriber) finish(err error) {
	select {
	case s.end <- err:
	default:
	}
}

// line is a message with --json.
type line struct {
	Channel  string          `json:"channel"`
	Position string          `json:"position,omitempty"`
	ID       string          `json:"id"`
	Event    string          `json:"event,omitempty"`
	Time     int64           `json:"time"`
	SpreadMS int64           `json:"spread,omitempty"`
	Scope    string          `json:"scope,omitempty"`
	Trace    string          `json:"trace,omitempty"`
	Meta     json.RawMessage `json:"meta,omitempty"`
	Data     json.RawMessage `json:"data"`
}

func (s *subscriber) onMessage(m client.Message) {
	if s.count > 0 && s.seen == s.count {
		return
	}
	s.seen++
	s.shown.add(1)
	var err error
	if s.json {
		l := line{Channel: m.Channel, ID: m.ID, Event: m.Event, Time: m.Time.UnixMilli(), SpreadMS: m.Spread.Milliseconds(), Trace: m.Trace, Meta: m.Meta, Scope: m.Scope, Data: m.Data}
		if !m.Volatile {
			l.Position = m.Position.String()
		}
		err = s.print(l)
	} else {
		_, err = fmt.Fprintf(s.out, "%s\t%s\n", m.Channel, m.Data)
	}
	if err != nil {
		s.finish(err) // the reader of our output has gone
	} else if s.count > 0 && s.seen == s.count {
		s.finish(nil)
	}
}

func (s *subscriber) print(v any) error {
	encoder := json.NewEncoder(s.out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// gapLine is a gap with --json: it stands where the messages are missing.
type gapLine struct {
	Channel string `json:"channel"`
	Gap     struct {
		Reason string `json:"reason"`
		Last   string `json:"last"`
		From   string `json:"from"`
	} `json:"gap"`
}

func (s *subscriber) note(format string, args ...any) {
	fmt.Fprintf(s.notes, "tidings: "+format+"\n", args...)
}

func (s *subscriber) onGap(g client.Gap) {
	if s.json {
		l := gapLine{Channel: g.Channel}
		l.Gap.Reason, l.Gap.Last, l.Gap.From = string(g.Reason), g.Last.String(), g.From.String()
		if err := s.print(l); err != nil {
			s.finish(err)
		}
		return
	}
	s.note("%s: messages may be missing (%s), after %s and up to %s", g.Channel, g.Reason, g.Last, g.From)
}

func (s *subscriber) subscribed(channel string) func(protocol.Position, bool) {
	return func(at protocol.Position, recovered bool) {
		s.live[channel] = true
		s.note("%s: listening from %s", channel, at)
	}
}

func (s *subscriber) ended(channel string) func(error) {
	return func(err error) {
		if s.live[channel] && errors.Is(err, &protocol.Error{Code: protocol.CodeForbidden}) {
			s.note("%s: %v; it is asked for again at times", channel, err)
			return
		}
		err = fmt.Errorf("%s: %w", channel, hinted(err))
		if s.open--; s.open == 0 {
			s.finish(err)
			return
		}
		s.note("%v", err)
	}
}

// hinted returns err with what its reader can do, if the server said that.
func hinted(err error) error {
	var fault *protocol.Error
	if !errors.As(err, &fault) || fault.Hint == "" {
		return err
	}
	return fmt.Errorf("%w. %s", err, fault.Hint)
}

func (s *subscriber) onStatus(status client.Status) {
	switch {
	case status.State == client.Connected && status.Resumed:
		s.note("connected again over %s; nothing was missed", status.Transport)
	case status.State == client.Connected:
		s.note("connected over %s", status.Transport)
	case status.Err != nil:
		s.note("%s: %v", status.State, status.Err)
	}
}
