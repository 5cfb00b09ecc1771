package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tidings/access"
	"tidings/actors"
	"tidings/hooks"
	"tidings/internal/config"
)

// signingIn adds the call by which clients sign in with credentials, if the settings say who checks those.
func signingIn(s config.Settings, application *hooks.Client, h *actors.Hooks) error {
	asks := slices.Contains(s.HooksAsk, hooks.SignIn)
	if s.UsersFile == "" && !asks {
		return nil
	}
	in, err := newSignIn(s)
	if err != nil {
		return err
	}
	if in.Users == nil {
		in.Ask = application.SignIn
	} else if asks {
		return errors.New("users_file and sign_in of hooks.ask exclude each other: one of them knows the users")
	}
	calls := map[string]actors.CallFunc{access.SignInMethod: func(ctx context.Context, by actors.Caller, call actors.Call) ([]byte, error) {
		return in.Do(ctx, by.Address, call.Data)
	}}
	maps.Copy(calls, h.Calls)
	h.Calls = calls
	return nil
}

// newSignIn returns what signs tokens, with the users of the file if there is one.
func newSignIn(s config.Settings) (*access.SignIn, error) {
	if s.TokenSecret == "" {
		return nil, errors.New("users_file and sign_in of hooks.ask need tokens.secret: the server signs the tokens of those who sign in")
	}
	signer, err := access.NewSigner([]byte(s.TokenSecret))
	if err != nil {
		return nil, err
	}
	in := &access.SignIn{
		Signer: signer, Issuer: s.TokenIssuer, Audience: s.TokenAudience, Lifetime: s.TokenMaxLifetime,
		RolesClaim: s.TokenRoles, PermissionsClaim: s.TokenPermissions,
	}
	if s.UsersFile != "" {
		text, err := config.ReadText(s.UsersFile)
		if err == nil {
			in.Users, err = access.ReadUsers(text)
		}
		if err != nil {
			return nil, fmt.Errorf("users_file: %w", err)
		}
	}
	return in, nil
}

func usersCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "users", Short: "Keep the users of a file, for servers without an application that knows them"}
	cmd.AddCommand(usersAddCommand())
	return cmd
}

func usersAddCommand() *cobra.Command {
	var file string
	var roles []string
	cmd := &cobra.Command{
		Use:     "add NAME",
		Short:   "Add a user to a file, or give one another password, which is read from the standard input",
		Long:    "Add a user to a users file, or give one another password and other roles. The password is the first line of the standard input. A server takes the file at its next start.",
		Example: "  head -c 18 /dev/urandom | base64 | tee password | tidings users add ann --file users --role desk",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			lines := bufio.NewScanner(cmd.InOrStdin())
			if !lines.Scan() || lines.Text() == "" || len(lines.Text()) > access.MaxPasswordBytes {
				return fmt.Errorf("there is no password on the standard input, or one of more than %d bytes", access.MaxPasswordBytes)
			}
			return addUser(file, args[0], lines.Text(), roles)
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "the users file; it is made if it is not there")
	cmd.Flags().StringSliceVar(&roles, "role", nil, "a role of the user; may be repeated")
	cmd.MarkFlagRequired("file")
	return cmd
}

// addUser writes the file anew, with the user's line in the place of an older one, or at the end.
func addUser(file, name, password string, roles []string) error {
	if err := access.CheckUserName(name); err != nil {
		return err
	}
	for _, role := range roles {
		if role == "" || strings.ContainsAny(role, ", \t\r\n") {
			return fmt.Errorf("the role %q is empty, or has a comma or white space in it", role)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	line := strings.TrimSpace(name + " " + access.HashPassword(password) + " " + strings.Join(roles, ","))
	var out strings.Builder
	there := false
	for old := range strings.Lines(string(text)) {
		if fields := strings.Fields(old); len(fields) > 0 && fields[0] == name {
			there, old = true, line
		}
		out.WriteString(strings.TrimRight(old, "\r\n") + "\n")
	}
	if !there {
		out.WriteString(line + "\n")
	}
	if _, err := access.ReadUsers([]byte(out.String())); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	fresh := file + ".new"
	if err := os.WriteFile(fresh, []byte(out.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, file)
}
