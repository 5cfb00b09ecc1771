package main

import (
	"strings"
	"testing"
)

// What is mistyped is answered with what was probably meant, and with where the rest stands, by every command.
func TestMistypedFlagsAndArguments(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"serve", "--listen", "x"}, "unknown flag: --listen; did you mean --addr? See tidings serve --help"},
		{[]string{"serve", "--adr", "x"}, "unknown flag: --adr; did you mean --addr? See tidings serve --help"},
		{[]string{"serve", "--log-formt=json"}, "unknown flag: --log-formt; did you mean --log-format? See tidings serve --help"},
		{[]string{"publish", "a", "--key", "x"}, "unknown flag: --key; did you mean --key-file? See tidings publish --help"},
		{[]string{"documents", "list", "a/b", "--limt", "3"}, "unknown flag: --limt; did you mean --limit? See tidings documents list --help"},
		{[]string{"version", "--pigeon"}, "unknown flag: --pigeon; see tidings version --help"},
		{[]string{"tail", "--count", "many"}, `invalid argument "many" for "--count" flag: strconv.ParseInt: parsing "many": invalid syntax; see tidings tail --help`},
		{[]string{"explain", "--tokens-isuer", "me"}, "unknown flag: --tokens-isuer; did you mean --tokens-issuer? See tidings explain --help"},
		{[]string{"tail", "-x"}, "unknown shorthand flag: 'x' in -x; see tidings tail --help"},
		{[]string{"history", "a", "b"}, "accepts 1 arg(s), received 2; usage: tidings history CHANNEL [flags]; see tidings history --help"},
		{[]string{"documents", "get", "a/b"}, "requires at least 2 arg(s), only received 1; usage: tidings documents get COLLECTION ID… [flags]; see tidings documents get --help"},
		{[]string{"cluster", "now"}, `unknown command "now" for "tidings cluster"; usage: tidings cluster [flags]; see tidings cluster --help`},
	} {
		cmd := root()
		cmd.SetArgs(tt.args)
		if err := cmd.ExecuteContext(t.Context()); err == nil || err.Error() != tt.want {
			t.Errorf("%q:\ngot  %v\nwant %s", tt.args, err, tt.want)
		}
	}
}

// The help of serve lists the settings. That of commands that only read them names their own flags, and where the rest
// stands.
func TestHelpNamesOwnFlags(t *testing.T) {
	const elsewhere = "Each setting is a flag of this command, too: `tidings serve --help` lists them."
	for _, name := range []string{"explain", "token make", "token check", "connection-id", "check-config", "serve"} {
		out, _ := inProcess(t, append(strings.Fields(name), "--help")...)
		all := name == "serve"
		for _, text := range []string{"--config string", "--dev "} {
			if !strings.Contains(out, text) {
				t.Errorf("%s: no %q in the help:\n%s", name, text, out)
			}
		}
		if strings.Contains(out, "--broker") != all || strings.Contains(out, elsewhere) == all {
			t.Errorf("%s: the help lists the settings: %v, want %v; or says wrongly where they stand:\n%s", name, !all, all, out)
		}
	}
}
