package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"tidings/internal/doctor"
)

// errNoWay ends the command with status 1, for scripts.
var errNoWay = errors.New("no way to hear messages gets through")

func doctorCommand() *cobra.Command {
	var idle time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor [url]",
		Short: "Find out what the network does to WebSockets, streams and long-polls, and how to mend it",
		Long: "Try each way to hear messages of a server, from where this command runs: WebSocket (open, and an echo), stream (an event that arrives while\n" +
			"the response is open), long-poll, a large request, silence, the HTTP version and the clocks. Say what is wrong, and which setting of nginx,\n" +
			"HAProxy, Apache or Envoy mends it. In a browser, /doctor of the server does the same. It needs no API key, and publishes nothing; the\n" +
			"environment's TIDINGS_TOKEN is sent where the server wants to know who connects. It ends with status 1 where nothing gets through.",
		Example: "  tidings doctor https://bus.example.com\n  tidings doctor https://bus.example.com --idle 33s --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o := doctor.Options{URL: environ("TIDINGS_URL", defaultURL), Token: os.Getenv("TIDINGS_TOKEN"), Idle: idle, By: "tidings doctor " + version}
			if len(args) > 0 {
				o.URL = args[0]
			}
			o.URL = withScheme(o.URL)
			if idle == 0 {
				o.Idle = -1
			}
			if !asJSON {
				o.Step = func(what string) { fmt.Fprintln(cmd.ErrOrStderr(), "examining "+what+" …") }
			}
			report, err := doctor.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			if asJSON {
				out := json.NewEncoder(cmd.OutOrStdout())
				out.SetEscapeHTML(false)
				out.SetIndent("", "  ")
				err = out.Encode(report)
			} else {
				_, err = fmt.Fprint(cmd.OutOrStdout(), report.Text())
			}
			if summary, _ := doctor.Judge(report.Facts); err == nil && summary.Severity == "broken" {
				return errNoWay
			}
			return err
		},
	}
	cmd.Flags().DurationVar(&idle, "idle", doctor.DefaultIdle, "how long the connections stay silent, at most 33s; 0 leaves that out")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a report to paste, which holds no secrets")
	return cmd
}
