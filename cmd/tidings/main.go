// Command tidings is the server and its companions: serve, check-config, explain, token, publish, subscribe, tail,
// connections, channels, history, why, disconnect, revoke, cluster, documents, pg, doctor, docs, init, health, version.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	_ "golang.org/x/crypto/x509roots/fallback" // where the system has no certificates of authorities, as in our image
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := root().ExecuteContext(ctx)
	stop()
	if errors.Is(err, errSilently) {
		os.Exit(1)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "tidings:", err)
		os.Exit(1)
	}
}

// errSilently ends with status 1: what there is to say was printed.
var errSilently = errors.New("no")

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "tidings",
		Short:         "A realtime message bus: WebSocket, SSE and long-poll from one binary",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if url := cmd.Flags().Lookup("url"); url != nil {
				return url.Value.Set(withScheme(url.Value.String()))
			}
			return nil
		},
	}
	cmd.AddCommand(serveCommand(), checkConfigCommand(), explainCommand(), tokenCommand(), usersCommand(), connectionIDCommand(), publishCommand(), subscribeCommand(), tailCommand(),
		connectionsCommand(), channelsCommand(), historyCommand(), whyCommand(), disconnectCommand(), revokeCommand(), clusterCommand(), documentsCommand(), pgCommand(), doctorCommand(), docsCommand(), initCommand(), healthCommand(), versionCommand())
	completeFlags(cmd)
	explainUsage(cmd)
	return cmd
}
