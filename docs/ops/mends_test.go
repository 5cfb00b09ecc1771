package ops_test

import (
	"encoding/json"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/internal/doctor"
	"tidings/internal/teststack"
)

// inHTTP is the line of a recommendation that goes into nginx's http block, where the file of this folder has the like.
const inHTTP = "map $http_upgrade $tidings_connection { default upgrade; '' ''; }   # in http { }\n"

const (
	apachePass    = "    ProxyPass / http://127.0.0.1:8080/ upgrade=websocket flushpackets=on\n"
	nginxUpgrade  = "        proxy_http_version 1.1;                               # 1.0, the default, has no WebSocket\n"
	nginxHeaders  = "        proxy_set_header Upgrade $http_upgrade;\n        proxy_set_header Connection $tidings_connection;\n"
	nginxTimeouts = "        proxy_read_timeout 75s;                               # longer than the longest silence: heartbeat (25 s) and poll_hold (25 s)\n        proxy_send_timeout 75s;\n"
	haTimeouts    = "    timeout client 75s      # longer than the longest silence: heartbeat (25 s) and poll_hold (25 s)\n    timeout server 75s\n    timeout tunnel 75s      # a WebSocket is never silent for longer than a heartbeat\n"
)

// The settings that the doctor recommends. Each is put where the fault was, by the words of its verdict, into the file
// of this folder.
var mends = []struct {
	kind  kind
	code  string // the verdict: with fault it is given, with its mend not
	place string // lines of the file, where fault or mend stands
	fault string
	also  [2]string // a further change, with both
}{
	{kind: nginx, code: "websocket_refused", place: nginxHeaders, fault: "", also: [2]string{nginxUpgrade, ""}},
	{kind: nginx, code: "sse_buffered", place: "        proxy_buffering off;\n", fault: "proxy_ignore_headers X-Accel-Buffering;"},
	{kind: nginx, code: "idle_cut", place: nginxTimeouts, fault: "proxy_read_timeout 2s;"},
	{kind: nginx, code: "upload_limited", place: "client_max_body_size 1m; ", fault: "client_max_body_size 8k;"},
	{kind: nginx, code: "poll_failed", place: nginxTimeouts, fault: "if ($request_uri ~ ^/bus/poll) { return 405; }"},
	{kind: nginx, code: "six_connections", place: "listen 443 ssl http2;", fault: "listen 443 ssl;", also: [2]string{nginxHeaders, ""}},
	{kind: haproxy, code: "idle_cut", place: haTimeouts, fault: "timeout client 2s\ntimeout server 2s"},
	{kind: haproxy, code: "six_connections", place: "bind :443 ssl crt /etc/ssl/bus.example.com.pem alpn h2,http/1.1", fault: "bind :443 ssl crt /etc/ssl/bus.example.com.pem", also: [2]string{"    default_backend", "    http-request del-header Upgrade\n    default_backend"}},
	{kind: apache, code: "server_foreign", place: apachePass, fault: "ProxyPass /elsewhere http://127.0.0.1:8080/"},
	{kind: apache, code: "websocket_refused", place: apachePass, fault: "ProxyPass / http://127.0.0.1:8080/"},
	{kind: apache, code: "idle_cut", place: "    ProxyTimeout 75\n", fault: "ProxyTimeout 2"},
	{kind: apache, code: "poll_failed", place: "    ProxyTimeout 75\n", fault: "<Location /bus/poll>\n<LimitExcept GET>\nRequire all denied\n</LimitExcept>\n</Location>"},
	{kind: apache, code: "six_connections", place: "    Protocols http/1.1\n", fault: "Protocols http/1.1", also: [2]string{" upgrade=websocket", ""}},
}

func TestMendsMend(t *testing.T) {
	raw, err := fs.ReadFile(doctor.Page, "verdicts.json")
	if err != nil {
		t.Fatal(err)
	}
	var table doctor.Table
	if err := json.Unmarshal(raw, &table); err != nil {
		t.Fatal(err)
	}
	stack := teststack.Start(t, behind)
	for _, tt := range mends {
		t.Run(tt.kind.name+" "+tt.code, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(table.Verdicts, func(v doctor.Verdict) bool { return v.Code == tt.code })
			mend := table.Verdicts[i].Mend[tt.kind.name]
			if mend == "" {
				t.Fatalf("nothing is recommended for %s", tt.kind.name)
			}
			with := func(lines string) *doctor.Report {
				lines = strings.ReplaceAll(strings.ReplaceAll(lines, "127.0.0.1:8080", stack.Addr), inHTTP, "")
				p := startProxy(t, tt.kind, stack.Addr, func(config string) string {
					config = replace(t, config, strings.ReplaceAll(tt.place, "127.0.0.1:8080", stack.Addr), lines+"\n")
					if tt.also[0] != "" {
						config = replace(t, config, tt.also[0], tt.also[1])
					}
					return config
				})
				idle := time.Duration(-1)
				if tt.code == "idle_cut" {
					idle = 3 * time.Second
				}
				return examine(t, p.base(), p.web(tt.code == "six_connections"), idle)
			}
			if r := with(tt.fault); !slices.Contains(r.Verdicts, tt.code) {
				t.Errorf("with the fault: %s %q %v", r.Summary, r.Verdicts, r.Facts)
			}
			if r := with(mend); slices.Contains(r.Verdicts, tt.code) {
				t.Errorf("with what is recommended: %s %q %v", r.Summary, r.Verdicts, r.Facts)
			}
		})
	}
}
