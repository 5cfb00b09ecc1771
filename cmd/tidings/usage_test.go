package main

import "testing"

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
