package main

import (
	"fmt"
	"maps"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tidings/internal/config"
)

// alike are flags that other programs call by another name.
var alike = map[string][]string{
	"listen": {"addr"}, "address": {"addr"}, "host": {"addr", "url"}, "port": {"addr"}, "bind": {"addr"},
	"server": {"url"}, "key": {"key-file"}, "api-key": {"key-file", "api-key-file"}, "file": {"data-file", "config"}, "message": {"data"}, "body": {"data"},
}

// explainUsage makes a command, and those below it, say what to write in the place of a flag or of arguments that it
// does not take.
func explainUsage(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		explainUsage(sub)
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if name, ok := strings.CutPrefix(err.Error(), "unknown flag: --"); ok {
			if meant := flagMeant(cmd, name); meant != "" {
				return fmt.Errorf("%w; did you mean --%s? See %s --help", err, meant, cmd.CommandPath())
			}
		}
		return fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())
	})
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return fmt.Errorf("%w; usage: %s; see %s --help", err, cmd.UseLine(), cmd.CommandPath())
			}
			return nil
		}
	}
}

// flagMeant returns the command's flag that was probably meant by a name that none has, or "".
func flagMeant(cmd *cobra.Command, wrong string) string {
	names := map[string]bool{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names[f.Name] = true })
	for _, name := range alike[wrong] {
		if names[name] {
			return name
		}
	}
	return config.Nearest(wrong, maps.Keys(names))
}
