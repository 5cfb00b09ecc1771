package config

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

const secret = "0123456789abcdef0123456789abcdef"

// load writes a file, sets an environment and parses flags.
func load(t *testing.T, file string, environ []string, args ...string) (Settings, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "tidings.yaml")
	if err := os.WriteFile(name, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	AddFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	s, err := Load(Sources{File: name, Environ: environ, Flags: flags})
	if err != nil {
		err = fmt.Errorf("%s", strings.ReplaceAll(err.Error(), name, "tidings.yaml"))
	}
	return s, err
}

func TestLayers(t *testing.T) {
	file := `
api_keys: [` + secret + `]
rules:
  subscribe: anyone
history: {messages: 50, age: 1h, bytes: 64KiB}
origins:
  - https://app.example.com
park: 10s
`
	s, err := load(t, file, []string{"TIDINGS_HISTORY_MESSAGES=60", "TIDINGS_PARK=20s", "TIDINGS_ORIGINS=https://a.example, https://b.example", "HOME=/root"}, "--park", "40s")
	if err != nil {
		t.Fatal(err)
	}
	if s.HistoryMessages != 60 || s.HistoryAge != time.Hour || s.HistoryBytes != 64<<10 {
		t.Errorf("history is %d, %v, %v; want 60 of the environment, 1h and 64KiB of the file", s.HistoryMessages, s.HistoryAge, s.HistoryBytes)
	}
	if s.Park != 40*time.Second {
		t.Errorf("park is %v, want the flag's 40s", s.Park)
	}
	if s.Heartbeat != 25*time.Second || s.Addr != ":8080" || s.Publish != "nobody" || s.LogFormat != "json" {
		t.Errorf("defaults: heartbeat %v, addr %q, publish %q, format %q", s.Heartbeat, s.Addr, s.Publish, s.LogFormat)
	}
	if want := []string{"https://a.example", "https://b.example"}; !slices.Equal(s.Origins, want) {
		t.Errorf("origins %q, want %q", s.Origins, want)
	}
}

func TestKeysFromEverywhere(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, []byte("# rotated in May\nthird"+secret+"\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := load(t, "api_keys: [first"+secret+"]\nrules: {subscribe: nobody}\n", []string{"TIDINGS_API_KEY=second" + secret}, "--api-key-file", keys)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"first" + secret, "second" + secret, "third" + secret}; !slices.Equal(s.APIKeys, want) || s.APIKey != "" {
		t.Errorf("got %q and %q, want %q", s.APIKeys, s.APIKey, want)
	}
}

func TestProductionIsClosed(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		want       []string
	}{
		{name: "nothing set", want: []string{"TIDINGS_API_KEY", "rules.subscribe is not set"}},
		{name: "no key", file: "rules: {subscribe: anyone}", want: []string{"no API key"}},
		{name: "no rule", file: "api_key: " + secret, want: []string{`"rules: {subscribe: anyone}"`}},
		{name: "both", file: "api_key: " + secret + "\nrules: {subscribe: nobody}"},
		{name: "publish by anyone, said so", file: "api_key: " + secret + "\nrules: {subscribe: nobody, publish: anyone}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, tt.file, nil)
			if (err == nil) != (tt.want == nil) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, which lacks %q", err, want)
				}
			}
		})
	}
}

func TestDevelopmentIsOpen(t *testing.T) {
	s, err := load(t, "", nil, "--dev")
	if err != nil {
		t.Fatal(err)
	}
	if s.Addr != "127.0.0.1:8080" || s.Subscribe != "anyone" || s.Publish != "anyone" || len(s.APIKeys) != 0 {
		t.Errorf("got %+v", s)
	}
	if s, err = load(t, "rules: {publish: nobody}\naddr: 127.0.0.1:9000", nil, "--dev"); err != nil || s.Publish != "nobody" || s.Addr != "127.0.0.1:9000" {
		t.Errorf("what is written down counts in development, too: got %+v, %v", s, err)
	}
}

// B110: a fault in the configuration refuses to start and names the key and where it stands.
func TestB110_FaultsAreNamed(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		environ    []string
		args       []string
		production bool
		want       []string
	}{
		{name: "unknown key", file: "\nhistory:\n  mesages: 10\n", want: []string{`tidings.yaml:3: "history.mesages" is no setting; did you mean history.messages?`}},
		{name: "unknown key that resembles none", file: "colour: red", want: []string{`tidings.yaml:1: "colour" is no setting; see docs/CONFIG.md`}},
		{name: "unknown section", file: "\nhistry:\n  messages: 10\n", want: []string{`tidings.yaml:2: "histry" is no setting`}},
		{name: "unknown variable", environ: []string{"TIDINGS_HISTORY_MESAGES=10"}, want: []string{"environment: TIDINGS_HISTORY_MESAGES is no setting; did you mean TIDINGS_HISTORY_MESSAGES?"}},
		{name: "key in other case", file: "Addr: :80", want: []string{`"Addr" is no setting; did you mean addr?`}},
		{name: "set twice", file: "park: 10s\npark: 20s", want: []string{"tidings.yaml:2: park is set twice"}},
		{name: "not YAML", file: "park: [", want: []string{"tidings.yaml: line 1"}},
		{name: "a list instead of a mapping", file: "- a", want: []string{"tidings.yaml:1: must be a mapping"}},
		{name: "no value", file: "park:", want: []string{"tidings.yaml:1: park has no value"}},
		{name: "duration without unit", file: "park: 30", want: []string{"tidings.yaml:1: park: 30 has no unit: write 30s, 30ms or 30m"}},
		{name: "duration without unit in the environment", environ: []string{"TIDINGS_HEARTBEAT=25"}, want: []string{"environment: TIDINGS_HEARTBEAT: heartbeat: 25 has no unit"}},
		{name: "duration without unit in a flag", args: []string{"--drain", "5"}, want: []string{"--drain: drain: 5 has no unit"}},
		{name: "no duration", file: "park: soon", want: []string{"park: must be a time such as"}},
		{name: "negative size", file: "history: {bytes: -1}", want: []string{"tidings.yaml:1: history.bytes: must be from 1KiB to 1GiB"}},
		{name: "no size", file: "history: {bytes: 4 MB}", want: []string{"history.bytes: must be a size such as"}},
		{name: "overflowing size", file: "history: {bytes: 99999999999999999999GiB}", want: []string{"history.bytes: must be a size such as"}},
		{name: "history 0", file: "history: {messages: 0}", want: []string{"history.messages: must be from 1 to 1000000"}},
		{name: "fraction", file: "history: {messages: 1.5}", want: []string{"history.messages: must be a whole number"}},
		{name: "port 0", file: "addr: localhost:0", want: []string{"tidings.yaml:1: addr: the port must be from 1 to 65535"}},
		{name: "port 70000", args: []string{"--addr", ":70000"}, want: []string{"--addr: addr: the port must be from 1 to 65535"}},
		{name: "no port", file: "addr: localhost", want: []string{"addr: must be host:port"}},
		{name: "base path without slash", file: "base_path: tidings", want: []string{"base_path: must start with a slash"}},
		{name: "base path with a pattern", file: "base_path: /:x", want: []string{"base_path: may hold"}},
		{name: "unknown choice", file: "rules: {subscribe: everyone}", want: []string{`tidings.yaml:1: rules.subscribe: "everyone" is neither`}},
		{name: "proxy by name", file: "trusted_proxies: [proxy.local]", want: []string{`trusted_proxies: "proxy.local" is neither`}},
		{name: "list of numbers", file: "origins: [1]", want: []string{"origins: must be a list of texts"}},
		{name: "text where a truth value is due", environ: []string{"TIDINGS_DEV=perhaps"}, production: true, want: []string{"environment: TIDINGS_DEV: dev: must be true or false"}},
		{name: "a short signing secret", environ: []string{"TIDINGS_SIGNING_SECRET=" + strings.Repeat("s", 31)}, want: []string{"environment: TIDINGS_SIGNING_SECRET: signing_secret: must be a text of 32 to 1024 characters"}},
		{name: "fewer reply channels than none", file: "reply_channels: -1", want: []string{"reply_channels: must be from 0 to 10000000"}},
		{name: "several faults at once", file: "park: 30\nhistory: {messages: 0}", want: []string{"park: 30 has no unit", "history.messages: must be"}},
		{name: "a certificate without its key", file: "tls: {cert: a.pem}", want: []string{"tls.cert and tls.key belong together"}},
		{name: "a key without its certificate", args: []string{"--tls-key", "a.pem"}, want: []string{"tls.cert and tls.key belong together"}},
		{name: "key file that is not there", args: []string{"--api-key-file", "/nonexistent"}, want: []string{"api_key_file: "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !tt.production {
				tt.args = append(tt.args, "--dev")
			}
			_, err := load(t, tt.file, tt.environ, tt.args...)
			if err == nil {
				t.Fatalf("%q %q %q was taken", tt.file, tt.environ, tt.args)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, which lacks %q", err, want)
				}
			}
		})
	}
}

func TestAlienVariablesAreLeftAlone(t *testing.T) {
	environ := []string{"TIDINGS_PORT=tcp://10.0.0.1:80", "TIDINGS_SERVICE_HOST=10.0.0.1", "TIDINGS_SERVICE_PORT_HTTP=80",
		"TIDINGS_PORT_80_TCP_ADDR=10.0.0.1", "TIDINGS_URL=http://localhost", "TIDINGS_BINARY=x", "TIDINGS_ADDR="}
	if _, err := load(t, "", environ, "--dev"); err != nil {
		t.Error(err)
	}
}

func TestMissingFile(t *testing.T) {
	if _, err := Load(Sources{File: filepath.Join(t.TempDir(), "none.yaml"), Environ: []string{"TIDINGS_DEV=true"}}); err == nil {
		t.Error("a file that was named and is not there was passed over")
	}
	t.Chdir(t.TempDir())
	if _, err := Load(Sources{Environ: []string{"TIDINGS_DEV=true"}}); err != nil {
		t.Errorf("without a file: %v", err)
	}
}

// B111: a key never appears in what is printed or logged of settings or of their faults.
func TestB111_KeysAreNotShown(t *testing.T) {
	s, err := load(t, "rules: {subscribe: anyone}", []string{"TIDINGS_API_KEY=" + secret, "TIDINGS_SIGNING_SECRET=" + secret + secret})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "settings", s)
	if strings.Contains(log.String(), secret) {
		t.Errorf("logged %s", log.String())
	}
	if s.SigningSecret != secret+secret || s.ReplyChannels != 10_000 {
		t.Errorf("the signing secret is %d bytes long, and there are %d reply channels", len(s.SigningSecret), s.ReplyChannels)
	}
	if _, err = load(t, "signing_secret: "+secret[:8], nil, "--dev"); err == nil || strings.Contains(err.Error(), secret[:8]) {
		t.Errorf("got %v", err)
	}
	if _, err = load(t, "api_keys: {a: "+secret+"}", nil); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("got %v", err)
	}
}

func TestSizeText(t *testing.T) {
	for size, want := range map[Size]string{0: "0", 1: "1", 1 << 10: "1KiB", 4 << 20: "4MiB", 1<<30 + 1: "1073741825"} {
		if got := size.String(); got != want {
			t.Errorf("%d: got %q, want %q", int(size), got, want)
		}
	}
}

// docs/CONFIG.md lists every key with its variable, flag, default and meaning.
func TestDocumentListsEveryKey(t *testing.T) {
	page, err := os.ReadFile("../../docs/CONFIG.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "| `") && strings.Contains(line, "| `TIDINGS_") { // the page has other tables
			got = append(got, strings.TrimSpace(line))
		}
	}
	var want []string
	for _, k := range keys {
		flag, def := "", ""
		if k.flag {
			flag = "`--" + FlagName(k.name) + "`"
		}
		if k.def != "" {
			def = "`" + k.def + "`"
		}
		help := k.help
		if k.choices != nil {
			help += " (`" + strings.Join(k.choices, "`, `") + "`)"
		}
		want = append(want, fmt.Sprintf("| `%s` | `%s` | %s | %s | %s |", k.name, EnvName(k.name), flag, def, help))
	}
	if !slices.Equal(got, want) {
		t.Errorf("docs/CONFIG.md must list:\n%s", strings.Join(want, "\n"))
	}
}
