package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tidings/access"
	"tidings/internal/config"
)

func connectionIDCommand() *cobra.Command {
	var file, page, session string
	cmd := &cobra.Command{
		Use:   "connection-id --session-key KEY",
		Short: "Make a signed connection id, as an application does for a page",
		Long: "Make a signed connection id with the first secret of connection_ids, as an application's backend does for each page that it renders. It is for trying things out:\n" +
			"others on this machine can read a flag.",
		Example: "  tidings connection-id --session-key 7f3d0c…",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := config.Load(config.Sources{File: file, Environ: os.Environ(), Flags: cmd.Flags()})
			if err != nil {
				return fmt.Errorf("faults:\n%w", err)
			}
			ids, err := connectionIDs(s)
			if err != nil {
				return err
			}
			if s.ConnectionIDSecret == "" {
				return errors.New("there is nothing to sign with: set connection_ids.secret or connection_ids.secret_file")
			}
			id, err := ids.Sign(or(page, rand.Text()), session)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), id)
			return err
		},
	}
	settingFlags(cmd, &file)
	cmd.Flags().StringVar(&session, "session-key", "", "the key of the application's session, as POST /api/subscribe names it")
	cmd.Flags().StringVar(&page, "page", "", "the page's own id; a random one where it is empty")
	cmd.MarkFlagRequired("session-key")
	return cmd
}

// connectionIDs knows the ids that are signed with the settings' secrets.
func connectionIDs(s config.Settings) (access.ConnectionIDs, error) {
	var secrets [][]byte
	for text := range strings.Lines(s.ConnectionIDSecret) {
		secrets = append(secrets, []byte(strings.TrimSuffix(text, "\n")))
	}
	ids, err := access.NewConnectionIDs(secrets...)
	if err != nil {
		return ids, fmt.Errorf("connection_ids: %w", err)
	}
	return ids, nil
}
