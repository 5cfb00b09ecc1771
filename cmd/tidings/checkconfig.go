package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tidings/internal/config"
)

func checkConfigCommand() *cobra.Command {
	var file string
	var connect bool
	cmd := &cobra.Command{
		Use:   "check-config",
		Short: "Check the settings as serve would, without serving",
		Long: "Check the settings as serve would, from the same sources: tidings.yaml, the environment and flags. Each fault is printed with where it stands; the status is 0 if there is\n" +
			"none, else 1. No port is opened, so that it can be run beside a server, before it is sent SIGHUP.\n" +
			"With --connect the broker is asked, too, and what its settings mean for messages is printed.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := config.Load(config.Sources{File: file, Environ: os.Environ(), Flags: cmd.Flags()})
			if err != nil {
				return fmt.Errorf("faults:\n%w", err)
			}
			srv, err := build(s, newLog(s, io.Discard), !connect)
			if err != nil {
				return fmt.Errorf("faults:\n%w", err)
			}
			defer srv.stop()
			printNotices(cmd.Context(), srv.broker, cmd.OutOrStdout())
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "no faults")
			return err
		},
	}
	cmd.Flags().BoolVar(&connect, "connect", false, "ask the broker, too")
	settingFlags(cmd, &file)
	return cmd
}

func configFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "config", "", "the file of settings (default tidings.yaml, if there is one)")
}

// settingFlags declares the flags of the commands that read the settings, beside their own. The help of serve lists
// them all; elsewhere they would hide the few that matter.
func settingFlags(cmd *cobra.Command, file *string) {
	configFlag(cmd, file)
	settings := pflag.NewFlagSet("settings", pflag.ContinueOnError)
	config.AddFlags(settings)
	settings.VisitAll(func(f *pflag.Flag) { f.Hidden = f.Name != "dev" })
	cmd.Flags().AddFlagSet(settings)
	cmd.Long += "\nEach setting is a flag of this command, too: `tidings serve --help` lists them."
}

// printConfig prints what is in effect, a line each, with its source.
func printConfig(src config.Sources, out io.Writer) error {
	rows, err := config.Show(src)
	if err != nil {
		return fmt.Errorf("faults:\n%w", err)
	}
	for _, r := range rows {
		if _, err := fmt.Fprintf(out, "%-18s %-40s # %s\n", r.Name+":", r.Value, r.Source); err != nil {
			return err
		}
	}
	return nil
}
