package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tidings/access"
	"tidings/internal/config"
)

func tokenCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "Make, inspect and check the tokens that clients sign in with"}
	cmd.AddCommand(tokenMakeCommand(), tokenInspectCommand(), tokenCheckCommand())
	return cmd
}

// maker is what the flags of `tidings token make` say.
type maker struct {
	file, user, id, keyFile, keyID string
	roles, permissions, claims     []string
	lifetime                       time.Duration
}

func tokenMakeCommand() *cobra.Command {
	m := &maker{}
	cmd := &cobra.Command{
		Use:   "make --user USER",
		Short: "Make a token, as an application's backend would",
		Long: "Make a token for issuer, audience and claims of the settings, signed with tokens.secret, or with a private key. It is for trying things out and for scripts: who\n" +
			"can run it can be anybody.",
		Example: "  tidings token make --user u42 --role admin --claim tenant=t1 --lifetime 10m",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := config.Load(config.Sources{File: m.file, Environ: os.Environ(), Flags: cmd.Flags()})
			if err != nil {
				return fmt.Errorf("faults:\n%w", err)
			}
			token, err := m.make(s)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
			return err
		},
	}
	settingFlags(cmd, &m.file)
	flags := cmd.Flags()
	flags.StringVar(&m.user, "user", "", "the subject (sub)")
	flags.StringVar(&m.id, "id", "", "the token's id (jti), by which it can be revoked; a random one where it is empty")
	flags.StringSliceVar(&m.roles, "role", nil, "a role; may be repeated")
	flags.StringSliceVar(&m.permissions, "permission", nil, "a permission; may be repeated")
	flags.StringSliceVar(&m.claims, "claim", nil, "another claim, as NAME=TEXT; may be repeated")
	flags.DurationVar(&m.lifetime, "lifetime", time.Hour, "how long it is valid")
	flags.StringVar(&m.keyFile, "private-key-file", "", "a file with the private key to sign with, PEM, in place of tokens.secret")
	flags.StringVar(&m.keyID, "key-id", "", "the id (kid) of that key")
	cmd.MarkFlagRequired("user")
	return cmd
}

func (m *maker) make(s config.Settings) (string, error) {
	signer, err := m.signer(s)
	if err != nil {
		return "", err
	}
	claims := map[string]any{}
	for _, c := range m.claims {
		name, text, ok := strings.Cut(c, "=")
		if !ok || name == "" {
			return "", fmt.Errorf("--claim %q is not of the form NAME=TEXT", c)
		}
		claims[name] = text
	}
	for _, f := range []struct {
		claim string
		list  []string
	}{{s.TokenRoles, m.roles}, {s.TokenPermissions, m.permissions}} {
		if len(f.list) > 0 {
			put(claims, f.claim, f.list)
		}
	}
	return signer.Sign(access.TokenClaims{
		Issuer: s.TokenIssuer, Audience: s.TokenAudience, User: m.user, ID: m.id, Lifetime: m.lifetime, Claims: claims,
	})
}

// put sets a claim by its name with dots, as rules name it.
func put(claims map[string]any, name string, value any) {
	outer, inner, ok := strings.Cut(name, ".")
	if !ok {
		claims[name] = value
		return
	}
	object, _ := claims[outer].(map[string]any)
	if object == nil {
		object = map[string]any{}
		claims[outer] = object
	}
	put(object, inner, value)
}

func (m *maker) signer(s config.Settings) (*access.Signer, error) {
	switch {
	case s.TokenIssuer == "" || s.TokenAudience == "":
		return nil, errors.New("set tokens.issuer and tokens.audience: a token names both")
	case m.keyFile != "":
		text, err := config.ReadText(m.keyFile)
		if err != nil {
			return nil, err
		}
		return access.NewPEMSigner(text, m.keyID)
	case s.TokenSecret == "":
		return nil, errors.New("there is nothing to sign with: set tokens.secret, or give --private-key-file")
	}
	return access.NewSigner([]byte(s.TokenSecret))
}

func tokenInspectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect [TOKEN]",
		Short: "Print what a token says, without checking whether it is true",
		Long:  "Print the header and the claims of a token, as JSON, without checking anything. The token is the argument, or TIDINGS_TOKEN, or, for -, what standard input has.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			token, err := readToken(cmd, args)
			if err != nil {
				return err
			}
			return inspect(cmd.OutOrStdout(), token)
		},
	}
}

func inspect(out io.Writer, token string) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return errors.New("not a JWT: it has not three parts with dots between")
	}
	said := map[string]json.RawMessage{}
	for i, name := range []string{"header", "claims"} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || !json.Valid(raw) {
			return fmt.Errorf("not a JWT: its %s is no JSON", name)
		}
		said[name] = raw
	}
	print := json.NewEncoder(out)
	print.SetIndent("", "  ")
	return print.Encode(said)
}

func tokenCheckCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "check [TOKEN]",
		Short: "Check a token as the server would, and print who it is of",
		Long: "Check a token as a server of these settings would, and print who it is of, as JSON; the status is 1 where it does not count. The token is the argument, or\n" +
			"TIDINGS_TOKEN, or, for -, what standard input has.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := config.Load(config.Sources{File: file, Environ: os.Environ(), Flags: cmd.Flags()})
			if err != nil {
				return fmt.Errorf("faults:\n%w", err)
			}
			token, err := readToken(cmd, args)
			if err != nil {
				return err
			}
			admitted, err := newAdmission(s)
			if err != nil {
				return fmt.Errorf("faults:\n%w", err)
			}
			id, err := admitted.verify(cmd, token)
			if err != nil {
				return err
			}
			if !id.FitsChannels() {
				fmt.Fprintf(cmd.ErrOrStderr(), "note: the user %q cannot be part of a channel's name, so that no channel with {user} is this one's; POST /api/send reaches it\n", id.User)
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(struct {
				User        string    `json:"user"`
				Roles       []string  `json:"roles"`
				Permissions []string  `json:"permissions"`
				ID          string    `json:"id,omitempty"`
				Expires     time.Time `json:"expires"`
			}{id.User, append([]string{}, id.Roles()...), append([]string{}, id.Permissions()...), id.TokenID(), id.Expires().UTC()})
		},
	}
	settingFlags(cmd, &file)
	return cmd
}

// readToken takes the argument, standard input for "-", or the environment.
func readToken(cmd *cobra.Command, args []string) (string, error) {
	token := strings.Join(append(args, ""), "")
	if len(args) == 0 {
		token = os.Getenv("TIDINGS_TOKEN")
	}
	if token == "-" {
		raw, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), 1<<20))
		if err != nil {
			return "", err
		}
		token = string(raw)
	}
	if token = strings.TrimSpace(token); token == "" {
		return "", errors.New("there is no token: give it as the argument, in TIDINGS_TOKEN, or as - on standard input")
	}
	return token, nil
}
