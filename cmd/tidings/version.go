package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"tidings/protocol"
)

// version is that of the next release; see CHANGELOG.md. The build of a release sets it (`make release`).
var version = "0.1.0-dev"

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this binary and of the protocol it speaks",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			goVersion, revision := "", ""
			if info, ok := debug.ReadBuildInfo(); ok {
				goVersion = info.GoVersion
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						revision = " " + s.Value
					}
				}
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "tidings %s%s, protocol %d, %s\n", version, revision, protocol.Version, goVersion)
			return err
		},
	}
}
