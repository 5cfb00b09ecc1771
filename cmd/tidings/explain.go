package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tidings/access"
	"tidings/internal/config"
	"tidings/protocol"
)

// explainer is what the flags of `tidings explain` say.
type explainer struct {
	file, channel, token string
	event, data          string
	json                 bool
	server, keyFile      string // whose rules decide; "": those of the settings
}

func explainCommand() *cobra.Command {
	e := &explainer{}
	cmd := &cobra.Command{
		Use:   "explain --channel CHANNEL | --event EVENT --data JSON",
		Short: "Say which rule decides what a client may do in a channel, or which route where a message goes, and why",
		Long: "Say which rule decides what a client may do in a channel, and why, from the settings that serve would read: rules, and joins, which let a client in, too. No server is asked,\n" +
			"so that what backends have granted by POST /api/subscribe is not known here. The status is 0 where the client may subscribe, else 1. A token that does not count is a fault. Others on this machine can read a flag: TIDINGS_TOKEN is for real tokens.\n" +
			"With --server a running server is asked, whose rules are those in effect; it needs an API key with the scope \"admin\".\n" +
			"With --event it is about a message that a backend publishes without a channel: the status is 0 where a route decides, else 1.",
		Example: "  tidings explain --channel orders/7 --token \"$(tidings token make --user u42 --role desk)\"\n" +
			"  tidings explain --event 'messages created' --data '{\"userId\": 7}'",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if e.server != "" {
				return e.ask(cmd)
			}
			s, err := config.Load(config.Sources{File: e.file, Environ: os.Environ(), Flags: cmd.Flags()})
			if err != nil {
				return fmt.Errorf("faults:\n%w", err)
			}
			if cmd.Flags().Changed("event") {
				return e.route(cmd, s)
			}
			return e.run(cmd, s)
		},
	}
	settingFlags(cmd, &e.file)
	cmd.Flags().StringVar(&e.channel, "channel", "", "the channel")
	cmd.Flags().StringVar(&e.token, "token", "", "the client's token; else the environment's TIDINGS_TOKEN; without one it is anonymous")
	cmd.Flags().BoolVar(&e.json, "json", false, "print a JSON object")
	cmd.Flags().StringVar(&e.event, "event", "", "the event of a message without a channel")
	cmd.Flags().StringVar(&e.data, "data", "null", "the message's data, as JSON")
	cmd.Flags().StringVar(&e.server, "server", "", "ask this server instead, such as https://bus.example.com")
	cmd.Flags().StringVar(&e.keyFile, "key-file", "", "a file with the API key for --server; else the environment's TIDINGS_API_KEY")
	cmd.MarkFlagsMutuallyExclusive("event", "server")
	cmd.MarkFlagsOneRequired("channel", "event")
	cmd.MarkFlagsMutuallyExclusive("channel", "event")
	cmd.MarkFlagsMutuallyExclusive("channel", "data")
	cmd.MarkFlagsMutuallyExclusive("event", "token")
	return cmd
}

func (e *explainer) run(cmd *cobra.Command, s config.Settings) error {
	ch, err := protocol.ParseChannel(e.channel)
	if err != nil {
		return err
	}
	admitted, err := newAdmission(s)
	if err != nil {
		return fmt.Errorf("faults:\n%w", err)
	}
	id, err := admitted.verify(cmd, or(e.token, os.Getenv("TIDINGS_TOKEN")))
	if err != nil {
		return err
	}
	return e.answer(cmd, admitted.policy.Explain(id, ch))
}

// ask has a running server decide.
func (e *explainer) ask(cmd *cobra.Command) error {
	a := asker{remote: newRemote()}
	a.url, a.keyFile = withScheme(e.server), e.keyFile
	question := map[string]string{"channel": e.channel}
	if token := or(e.token, os.Getenv("TIDINGS_TOKEN")); token != "" {
		question["token"] = token
	}
	raw, err := a.post(cmd.Context(), "/api/explain", question)
	if err != nil {
		return err
	}
	var d access.Decision
	if err := json.Unmarshal(raw, &d); err != nil {
		return fmt.Errorf("the answer is no decision: %w", err)
	}
	return e.answer(cmd, d)
}

// answer prints a decision. It fails, without a word, if the client may not subscribe.
func (e *explainer) answer(cmd *cobra.Command, d access.Decision) error {
	if err := e.print(cmd.OutOrStdout(), d); err != nil {
		return err
	}
	if !d.Subscribe.Allowed {
		return errSilently
	}
	return nil
}

// verify returns whose a token is, as a server of these settings would see it.
func (a *admission) verify(cmd *cobra.Command, token string) (access.Identity, error) {
	if token != "" && !a.signsIn() {
		return access.Identity{}, fmt.Errorf("there is a token, and the settings have no tokens.…: a server would take the client for anonymous")
	}
	tokens, err := a.newTokens(slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)))
	if err != nil {
		return access.Identity{}, err
	}
	defer tokens.Close()
	id, fault := tokens.Verify(cmd.Context(), token)
	if fault != nil {
		return access.Identity{}, tokens.Diagnose(cmd.Context(), token)
	}
	return id, nil
}

func (e *explainer) print(out io.Writer, d access.Decision) error {
	if e.json {
		return json.NewEncoder(out).Encode(d)
	}
	rule := fmt.Sprintf("%s, %q", channelRules, d.Rule)
	if d.Rule == "" {
		rule = "rules.subscribe, rules.publish, rules.presence and rules.write, since no pattern matches"
	}
	fmt.Fprintf(out, "channel    %s\nrule       %s\nclient     %s\n", d.Channel, rule, or(d.User, "anonymous"))
	for _, v := range []struct {
		name string
		access.Ruling
	}{{"subscribe", d.Subscribe}, {"publish", d.Publish}, {"presence", d.Presence}, {"write", d.Write}} {
		if v.name == "write" && !strings.HasPrefix(string(d.Channel), "documents/") {
			continue
		}
		word := "no "
		if v.Allowed {
			word = "yes"
		}
		fmt.Fprintf(out, "%-10s %s: %s\n", v.name, word, v.Why)
	}
	if d.Filter != nil {
		fmt.Fprintf(out, "filter     %s: the client hears and reads only messages that match\n", d.Filter)
	}
	if !d.Subscribe.Allowed {
		fmt.Fprintln(out, "grants     not known here: a backend may have put the client in the channel (POST /api/subscribe)")
	}
	return nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// routing is what is said of a message without a channel.
type routing struct {
	Event    string             `json:"event"`
	Route    int                `json:"route,omitempty"` // that decides, counted from 1
	Channels []protocol.Channel `json:"channels"`
	Steps    []access.Step      `json:"steps"`
}

// route prints where a message without a channel goes.
func (e *explainer) route(cmd *cobra.Command, s config.Settings) error {
	data, err := protocol.CompactJSON([]byte(e.data))
	if err != nil {
		return err
	}
	admitted, err := newAdmission(s)
	if err != nil {
		return fmt.Errorf("faults:\n%w", err)
	}
	steps, routed, refused := admitted.router.Explain(e.event, data)
	said := routing{Event: e.event, Route: routed.Route, Channels: append([]protocol.Channel{}, routed.Channels...), Steps: append([]access.Step{}, steps...)}
	if err := e.printRouting(cmd.OutOrStdout(), said); err != nil {
		return err
	}
	switch {
	case refused != nil:
		return refused
	case routed.Route == 0:
		return errSilently
	}
	return nil
}

func (e *explainer) printRouting(out io.Writer, r routing) error {
	if e.json {
		return json.NewEncoder(out).Encode(r)
	}
	fmt.Fprintf(out, "event      %s\n", r.Event)
	for _, step := range r.Steps {
		word := "no "
		if step.Applies {
			word = "yes"
		}
		fmt.Fprintf(out, "route %-4d %s: %s\n", step.Route, word, step.Why)
	}
	if len(r.Channels) == 0 {
		_, err := fmt.Fprintln(out, "channels   none")
		return err
	}
	for _, ch := range r.Channels {
		if _, err := fmt.Fprintf(out, "channel    %s\n", ch); err != nil {
			return err
		}
	}
	return nil
}
