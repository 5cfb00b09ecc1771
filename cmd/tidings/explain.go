package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"tidings/access"
	"tidings/internal/config"
	"tidings/protocol"
)

// explainer is what the flags of `tidings explain` say.
type explainer struct {
	file, channel, token string
	json                 bool
}

func explainCommand() *cobra.Command {
	e := &explainer{}
	cmd := &cobra.Command{
		Use:   "explain --channel CHANNEL",
		Short: "Say which rule decides what a client may do in a channel, and why",
		Long: "Say which rule decides what a client may do in a channel, and why, from the settings that serve would read. No server is asked. The status is 0 where\n" +
			"the client may subscribe, else 1. A token that does not count is a fault. Others on this machine can read a flag: TIDINGS_TOKEN is for real tokens.",
		Example: "  tidings explain --channel orders/7 --token \"$(tidings token make --user u42 --role desk)\"",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := config.Load(config.Sources{File: e.file, Environ: os.Environ(), Flags: cmd.Flags()})
			if err != nil {
				return fmt.Errorf("faults:\n%w", err)
			}
			return e.run(cmd, s)
		},
	}
	settingFlags(cmd, &e.file)
	cmd.Flags().StringVar(&e.channel, "channel", "", "the channel")
	cmd.Flags().StringVar(&e.token, "token", "", "the client's token; else the environment's TIDINGS_TOKEN; without one it is anonymous")
	cmd.Flags().BoolVar(&e.json, "json", false, "print a JSON object")
	cmd.MarkFlagRequired("channel")
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
	d := admitted.policy.Explain(id, ch)
	if err := e.print(cmd.OutOrStdout(), d); err != nil {
		return err
	}
	if !d.Subscribe.Allowed {
		return errSilently
	}
	return nil
}

// verify tells who a token is of, as a server of these settings would.
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
		return access.Identity{}, fault
	}
	return id, nil
}

func (e *explainer) print(out io.Writer, d access.Decision) error {
	if e.json {
		return json.NewEncoder(out).Encode(d)
	}
	rule := fmt.Sprintf("%s, %q", channelRules, d.Rule)
	if d.Rule == "" {
		rule = "rules.subscribe, rules.publish and rules.presence, since no pattern matches"
	}
	fmt.Fprintf(out, "channel    %s\nrule       %s\nclient     %s\n", d.Channel, rule, or(d.User, "anonymous"))
	for _, v := range []struct {
		name string
		access.Verdict
	}{{"subscribe", d.Subscribe}, {"publish", d.Publish}, {"presence", d.Presence}} {
		word := "no "
		if v.Allowed {
			word = "yes"
		}
		fmt.Fprintf(out, "%-10s %s: %s\n", v.name, word, v.Why)
	}
	return nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
