package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// ended is what is printed of the answers of POST /api/revoke and POST /api/disconnect.
type ended struct {
	Connections int
	Until       int64
	Code        string
	Nodes       int
	Unanswered  []string
}

func revokeCommand() *cobra.Command {
	a := newAsker()
	var user, token string
	cmd := &cobra.Command{
		Use:   "revoke --user USER | --token ID",
		Short: "Let tokens count no more although their time is not over",
		Long: "Let a token count no more, or all tokens of a user that were issued until now, and end the connections that they signed in. It is\n" +
			"remembered until every such token is over; have whoever issues tokens refuse new ones. It needs an API key with the scope \"admin\" for all channels.\n" +
			"`tidings disconnect` ends connections and leaves the tokens alone.",
		Example: "  tidings revoke --user u42\n  tidings revoke --token 8f14e45f",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			body, whose := map[string]any{"user": user}, "all tokens of "+shown(user)+" that were issued until now count no more"
			if cmd.Flags().Changed("token") {
				if strings.Count(token, ".") == 2 {
					return errors.New("--token is the token's id, its claim jti, not the token: `tidings token check` prints it")
				}
				body, whose = map[string]any{"token": token}, "the token "+shown(token)+" counts no more"
			}
			return a.end(cmd, "/api/revoke", body, whose)
		},
	}
	a.flags(cmd)
	cmd.Flags().StringVar(&user, "user", "", "all tokens of this user that were issued until now")
	cmd.Flags().StringVar(&token, "token", "", "the token with this id, its claim jti")
	cmd.MarkFlagsOneRequired("user", "token")
	cmd.MarkFlagsMutuallyExclusive("user", "token")
	return cmd
}

func disconnectCommand() *cobra.Command {
	a := newAsker()
	var user string
	var retry bool
	cmd := &cobra.Command{
		Use:   "disconnect CONNECTION | --user USER",
		Short: "End a connection, or all connections of a user",
		Long: "End a connection, named by its public id, which `tidings connections` prints, or all connections of a user, on whatever node. Its client\n" +
			"stays away, or with --retry comes back at once and recovers what it missed. It needs an API key with the scope \"admin\" for all channels. Who has a\n" +
			"token can connect anew: `tidings revoke` ends that, too.",
		Example: "  tidings disconnect vK2LmQ0pX7aR --retry\n  tidings disconnect --user u42",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			body, who := map[string]any{"retry": retry}, "all connections of "+shown(user)
			switch {
			case (len(args) == 1) == cmd.Flags().Changed("user"):
				return errors.New("name a connection (`tidings connections` prints them), or a user with --user")
			case len(args) == 1:
				body["connection"], who = args[0], "the connection "+shown(args[0])
			default:
				body["user"] = user
			}
			return a.end(cmd, "/api/disconnect", body, "asked to end: "+who)
		},
	}
	a.flags(cmd)
	cmd.Flags().StringVar(&user, "user", "", "all connections of this user")
	cmd.Flags().BoolVar(&retry, "retry", false, "its client comes back anew")
	return cmd
}

// end posts body, and prints what that does and how many connections end.
func (a *asker) end(cmd *cobra.Command, path string, body map[string]any, what string) error {
	raw, err := a.post(cmd.Context(), path, body)
	if err != nil {
		return err
	}
	if a.json {
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", raw)
		return err
	}
	var e ended
	if err := json.Unmarshal(raw, &e); err != nil {
		return fmt.Errorf("the answer is another one than expected: %w", err)
	}
	fmt.Fprintln(cmd.OutOrStdout(), what)
	fmt.Fprintf(cmd.OutOrStdout(), "connections that end: %d\n", e.Connections)
	if e.Until != 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "remembered until %s\n", atMS(e.Until))
	}
	if len(e.Unanswered) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "tidings: of %d nodes these did not answer: %s\n", e.Nodes, strings.Join(e.Unanswered, ", "))
	}
	return nil
}
