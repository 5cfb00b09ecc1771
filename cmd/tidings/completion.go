package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tidings/internal/config"
	"tidings/protocol"
)

// completeFlags makes the shell offer a flag's values, files if it takes one, and nothing if it takes neither.
func completeFlags(cmd *cobra.Command) {
	values := map[string][]string{"transport": {protocol.WebSocket, protocol.SSE, protocol.Poll}, "scope": {"all", "in", "out", "none"}}
	files := map[string]bool{"config": true, "data-file": true, "key-file": true, "private-key-file": true, "out": true}
	for _, c := range config.Choices() {
		values[c.Flag] = c.Values
	}
	for _, name := range config.FileFlags() {
		files[name] = true
	}
	for _, sub := range cmd.Commands() {
		completeFlags(sub)
		sub.Flags().VisitAll(func(f *pflag.Flag) {
			switch {
			case values[f.Name] != nil:
				sub.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(values[f.Name], cobra.ShellCompDirectiveNoFileComp))
			case !files[f.Name]:
				sub.RegisterFlagCompletionFunc(f.Name, cobra.NoFileCompletions)
			}
		})
		if sub.ValidArgsFunction == nil {
			sub.ValidArgsFunction = cobra.NoFileCompletions // channels and patterns are no files
		}
	}
}
