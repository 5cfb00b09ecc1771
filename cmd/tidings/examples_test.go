package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// B129: every example of every help text is run as it stands, by a shell, against a server: what is found in a help
// text is typed. An example that is new needs a row here.
func TestB129_ExamplesOfHelpTexts(t *testing.T) {
	settings := filepath.Join(t.TempDir(), "tidings.yaml")
	if err := os.WriteFile(settings, []byte(`
dev: true
connection_ids: {secret: "0123456789abcdef0123456789abcdef0123456789abcdef"}
tokens: {issuer: me, audience: bus, secret: "0123456789abcdef0123456789abcdef"}
routing: [{event: "messages created", to: ["chat/{userId}"]}]
`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, url := startServer(t, nil, "--config", settings)
	folder := t.TempDir()
	for name, text := range map[string]string{
		"messages.ndjson": "1\n2\n",
		"taxis.jsonl":     `{"_id": "t17", "free": true, "seats": 4}` + "\n" + `{"_id": "t2", "free": true}` + "\n\n" + `{"_id": "t3", "free": false}` + "\n",
		"jq":              "#!/bin/sh\ncat >/dev/null\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	settingsText, _ := os.ReadFile(settings)
	for name, do := range map[string]error{
		"tidings":      os.Symlink(binary, filepath.Join(folder, "tidings")),
		"tidings.yaml": os.WriteFile(filepath.Join(folder, "tidings.yaml"), settingsText, 0o600),
	} {
		if do != nil {
			t.Fatal(name, do)
		}
	}
	rows := map[string]struct {
		prints  string // in what it prints
		channel string // whose last message is then
		last    string
		endless bool
		status  int // with which it ends
	}{
		`tidings publish orders/new --data '{"id": 17}'`:                                  {channel: "orders/new", last: `{"id":17}`},
		`echo '"hello"' | tidings publish greetings`:                                      {channel: "greetings", last: `"hello"`},
		`tidings publish a b c --text 'to three channels'`:                                {channel: "c", last: `"to three channels"`},
		`date | tidings publish clock --text -`:                                           {prints: `"offset":1`},
		`tidings publish --pattern 'chat:*' --event closing --data null`:                  {prints: `"results":[]`},
		`tidings publish --event 'messages created' --data '{"userId": 7}'`:               {channel: "chat/7", last: `{"userId":7}`},
		`tidings publish logs --lines --progress < messages.ndjson`:                       {channel: "logs", last: "2"},
		`tidings subscribe orders/new`:                                                    {prints: "listening from", endless: true},
		`tidings subscribe orders/new --transport poll --json`:                            {prints: "listening from", endless: true},
		`tidings subscribe orders/new --since "$position"`:                                {prints: "listening from", endless: true},
		`tidings subscribe orders/new --filter '{"equals": {"city": "Bonn"}}' --scope in`: {prints: "orders/new: ", endless: true},
		`tidings tail 'orders/**' | jq .data`:                                             {endless: true},
		`tidings cluster --url https://bus.example.com`:                                   {prints: "one node, whose broker answers"},
		`tidings connections`:                                                             {prints: "CONNECTION"},
		`tidings connections --channel orders/new --limit 20`:                             {prints: "CONNECTION"},
		`tidings connections --user u42 --json | jq -r .connection`:                       {},
		`tidings channels`:                                                                                          {prints: "CHANNEL"},
		`tidings channels --prefix orders/ --json`:                                                                  {},
		`tidings history orders/new --limit 10`:                                                                     {prints: "POSITION"},
		`tidings history orders/new --since "$position" --json | jq .data`:                                          {},
		`tidings why vK2LmQ0pX7aR orders/new 17`:                                                                    {prints: "not_found", status: 1},
		`tidings disconnect vK2LmQ0pX7aR --retry`:                                                                   {prints: "not_found", status: 1},
		`tidings disconnect --user u42`:                                                                             {prints: "connections that end: 0"},
		`tidings revoke --user u42`:                                                                                 {prints: "remembered until"},
		`tidings revoke --token 8f14e45f`:                                                                           {prints: "the token 8f14e45f counts no more"},
		`tidings doctor https://bus.example.com`:                                                                    {prints: "WebSocket     ok"},
		`tidings doctor https://bus.example.com --idle 33s --json`:                                                  {prints: `"websocket"`},
		`tidings connection-id --session-key 7f3d0c…`:                                                               {},
		`tidings token make --user u42 --role admin --claim tenant=t1 --lifetime 10m`:                               {prints: "eyJ"},
		`head -c 18 /dev/urandom | base64 | tee password | tidings users add ann --file users --role desk`:          {},
		`tidings explain --event 'messages created' --data '{"userId": 7}'`:                                         {prints: "chat/7"},
		`tidings explain --channel orders/7 --token "$(tidings token make --user u42 --role desk)"`:                 {prints: "orders/7"},
		`tidings documents collections`:                                                                             {},
		`tidings documents list city/taxis`:                                                                         {},
		`tidings documents search city/taxis --filter '{"equals": {"free": true}}' --sort -seats,driver --limit 10`: {},
		`tidings documents list city/taxis --count`:                                                                 {},
		`tidings documents get city/taxis t17`:                                                                      {prints: "not_found", status: 1},
		`tidings documents make city/taxis`:                                                                         {prints: `{"collection":"city/taxis"}`},
		`tidings documents create city/taxis --data '{"driver": "Ann", "free": true}'`:                              {prints: `"event":"created"`},
		`tidings documents put city/taxis t17 --data '{"driver": "Ann", "free": true}'`:                             {prints: `"driver":"Ann"`},
		`echo '{"free": false}' | tidings documents patch city/taxis t17`:                                           {prints: `"free":false`},
		`tidings documents remove city/taxis t17`:                                                                   {prints: `"event":"removed"`},
		`tidings documents import city/taxis taxis.jsonl`:                                                           {prints: `{"imported":3,"refused":0}`},
		`tidings documents list city/taxis | tidings documents import city/archive -`:                               {prints: `"refused":0}`},
		`tidings documents truncate city/taxis --yes`:                                                               {prints: `"change":`},
		`tidings documents drop city/taxis --yes`:                                                                   {prints: `"change":`},
		`tidings docs --out tidings-docs`:                                                                           {prints: "Open tidings-docs/index.html"},
		`tidings init react my-app`:                                                                                 {prints: "cd my-app && npm install && npm run dev"},
		`tidings init html page --url http://127.0.0.1:8090`:                                                        {prints: "No server answers at http://127.0.0.1:8090 yet"},
		`tidings health`: {prints: `"ok"`},
		`tidings health --ready http://127.0.0.1:8080`: {prints: `"ready"`},
		// Without a database, which the tests of store/postgres have, the examples say where to name one.
		`tidings pg watch orders --columns id,status,total --dry-run`: {prints: "set TIDINGS_POSTGRES_URL", status: 1},
		`tidings pg watch sales.orders --as shop/orders`:              {prints: "set TIDINGS_POSTGRES_URL", status: 1},
	}
	shortened := strings.NewReplacer("https://bus.example.com", url, "--idle 33s", "--idle 1s", "7f3d0c…", "7f3d0c", "http://127.0.0.1:8080", url)
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
		for example := range strings.Lines(cmd.Example) {
			example = strings.TrimSpace(example)
			row, ok := rows[example]
			if !ok {
				t.Errorf("%s: the example %s has no row in this test", cmd.CommandPath(), example)
				continue
			}
			t.Run(example, func(t *testing.T) {
				command := exec.Command("sh", "-c", shortened.Replace(example))
				command.Dir = folder
				p := start(t, command, []string{"TIDINGS_URL=" + url, "PATH=" + folder + ":" + os.Getenv("PATH")})
				if row.endless {
					if row.prints != "" {
						p.errors.wait(t, row.prints)
					}
					return
				}
				if code := p.exit(); code != row.status || !strings.Contains(p.out.String()+p.errors.String(), row.prints) {
					t.Errorf("ended with %d and printed %s%s, want %d and %q in it", code, p.out, p.errors, row.status, row.prints)
				}
				if row.channel != "" {
					if got := lastMessage(t, url, row.channel); got != row.last {
						t.Errorf("the last message of %s is %s, want %s", row.channel, got, row.last)
					}
				}
			})
		}
	}
	walk(root())
}
