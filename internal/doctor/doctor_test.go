package doctor

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// Every row says what a help desk needs, and asks for facts and values that the checks give.
func TestTable(t *testing.T) {
	values := map[string][]string{
		"server": {"ok", "unreachable", "foreign", "refused"}, "websocket": {"ok", "refused", "eaten", "untested"},
		"sse": {"ok", "buffered", "failed", "untested"}, "poll": {"ok", "failed", "untested"}, "upload": {"ok", "limited", "untested"},
		"idle": {"ok", "cut", "untested"}, "words": {"ok", "refused", "untested"}, "network": {"loopback", "private", "unknown"}, "clock": {"ok", "off", "unknown"}, "token": {"ok", "needed"}, "http": {"", "1", "1.1", "2", "3"},
	}
	fillIns := []string{
		"url", "echoSeconds", "serverStatus", "serverCode", "serverSays", "tokenCode", "websocketStatusText", "sseStatusText", "pollStatusText",
		"idleOn", "idleCutAfter", "idleTested", "uploadLimit", "uploadFailed", "uploadStatusText", "wordsStatusText", "clockSkew",
	}
	seen := map[string]bool{}
	for i, v := range slices.Concat(table.Summaries, table.Verdicts) {
		summary := i < len(table.Summaries)
		if v.Code == "" || v.Says == "" || !slices.Contains([]string{"broken", "degraded", "note", "good"}, v.Severity) {
			t.Errorf("%q lacks a code, a sentence or a severity", v.Code)
		}
		if !summary && (seen[v.Code] || v.Title == "" || v.Do == "" || len(v.When) == 0) {
			t.Errorf("%s is there twice, or lacks a title, what to do, or when it holds", v.Code)
		}
		if !summary {
			seen[v.Code] = true
		}
		for name, wanted := range v.When {
			for _, value := range wanted {
				if !slices.Contains(values[name], value) {
					t.Errorf("%s asks for %s %q, which no check gives", v.Code, name, value)
				}
			}
		}
		for _, m := range placeholder.FindAllStringSubmatch(v.Says, -1) {
			if !slices.Contains(fillIns, m[1]) {
				t.Errorf("%s: nothing gives {%s}", v.Code, m[1])
			}
		}
		if len(v.Mend) > 0 && !slices.Equal(slices.Sorted(maps.Keys(v.Mend)), slices.Sorted(maps.Keys(Proxies))) {
			t.Errorf("%s mends %v, want each of the proxies, or none", v.Code, slices.Sorted(maps.Keys(v.Mend)))
		}
	}
	if last := table.Summaries[len(table.Summaries)-1]; len(last.When) != 0 {
		t.Error("the last summary does not always hold")
	}
}

// Go and the page judge alike, whatever was found.
func TestPageJudgesAlike(t *testing.T) {
	var all []Facts
	for _, server := range []string{"ok", "foreign"} {
		for _, ws := range []string{"ok", "refused", "eaten"} {
			for _, sse := range []string{"ok", "buffered", "failed", "untested"} {
				for _, poll := range []string{"ok", "failed"} {
					for _, rest := range []Facts{{"idle": "ok", "upload": "ok", "words": "ok", "clock": "ok", "http": "2"}, {"idle": "ok", "upload": "ok", "words": "refused", "wordsStatusText": " (status 403)", "clock": "ok", "network": "private", "url": "https://10.0.0.1/bus"}, {"idle": "cut", "idleCutAfter": "5", "upload": "limited", "clock": "off", "http": "1.1", "token": "needed"}} {
						f := maps.Clone(rest)
						f["server"], f["websocket"], f["sse"], f["poll"] = server, ws, sse, poll
						all = append(all, f)
					}
				}
			}
		}
	}
	all = append(all, Facts{}, Facts{"server": "unreachable", "url": "https://a/bus"}, Facts{"server": "refused", "serverCode": "origin_forbidden", "serverSays": "$& {url}"})
	input, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "--input-type=module", "-e", `
		import { readFileSync } from "node:fs";
		import { judge } from "./page/judge.js";
		const table = JSON.parse(readFileSync("page/verdicts.json", "utf8"));
		const all = JSON.parse(readFileSync(0, "utf8"));
		console.log(JSON.stringify(all.map((f) => { const { summary, verdicts } = judge(table, f); return [summary, ...verdicts].flatMap((v) => [v.code, v.says]); })));`)
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v", err)
	}
	var page [][]string
	if err := json.Unmarshal(out, &page); err != nil {
		t.Fatal(err)
	}
	for i, f := range all {
		summary, verdicts := Judge(f)
		var mine []string
		for _, v := range append([]Verdict{summary}, verdicts...) {
			mine = append(mine, v.Code, v.Says)
		}
		if !slices.Equal(mine, page[i]) {
			t.Errorf("%v: got %q, the page %q", f, mine, page[i])
		}
	}
}

func TestBase(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"https://bus.example.com", "https://bus.example.com/bus"},
		{"bus.example.com", "https://bus.example.com/bus"},
		{"http://127.0.0.1:8080/", "http://127.0.0.1:8080/bus"},
		{"https://example.com/rt/bus", "https://example.com/rt/bus"},
		{"https://example.com/rt/bus/", "https://example.com/rt/bus"},
		{"https://example.com/rt/doctor/", "https://example.com/rt/bus"},
		{"https://ann:secret@example.com/?token=secret#x", "https://example.com/bus"},
		{"", ""}, {"ftp://example.com", ""}, {"https://", ""}, {"http://a b", ""},
	} {
		if got, err := base(c.in); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q: got %q, %v, want %q", c.in, got, err, c.want)
		}
	}
}

// F91: the command and the page recognise a bus on a private network alike; the page knows no more than the name.
func TestF91_Network(t *testing.T) {
	rows := []struct{ host, command, page string }{
		{"127.0.0.1", "loopback", "loopback"}, {"[::1]", "loopback", "loopback"}, {"localhost", "unknown", "loopback"},
		{"10.1.2.3", "private", "private"}, {"172.16.0.1", "private", "private"}, {"172.32.0.1", "unknown", "unknown"}, {"192.168.7.7", "private", "private"},
		{"100.64.0.1", "private", "private"}, {"100.128.0.1", "unknown", "unknown"}, {"169.254.1.1", "private", "private"}, {"192.0.2.7", "unknown", "unknown"},
		{"[fd00::7]", "private", "private"}, {"[fe80::7]", "private", "private"}, {"[2001:db8::7]", "unknown", "unknown"}, {"[::ffff:10.0.0.1]", "private", "unknown"},
		{"bus", "unknown", "private"}, {"bus.local", "unknown", "private"}, {"bus.lan", "unknown", "private"}, {"bus.example.com", "unknown", "unknown"},
	}
	cmd := exec.Command("node", "--input-type=module", "-e", `
		import { readFileSync } from "node:fs";
		import { network } from "./page/checks.js";
		console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map((host) => network(new URL("http://" + host).hostname))));`)
	hosts := []string{}
	for _, row := range rows {
		hosts = append(hosts, row.host)
	}
	input, _ := json.Marshal(hosts)
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v", err)
	}
	var page []string
	if err := json.Unmarshal(out, &page); err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if got := network(row.host + ":80"); got != row.command {
			t.Errorf("%s: the command finds %q, want %q", row.host, got, row.command)
		}
		if page[i] != row.page {
			t.Errorf("%s: the page finds %q, want %q", row.host, page[i], row.page)
		}
	}
	if _, verdicts := Judge(Facts{"network": "private", "url": "https://10.0.0.1/bus"}); len(verdicts) != 1 || verdicts[0].Code != "private_network" {
		t.Errorf("a private network: got %v", verdicts)
	}
}

func TestRunRefusesWhatCannotWork(t *testing.T) {
	for _, o := range []Options{{URL: "ftp://a"}, {URL: "a", Idle: MaxIdle + time.Second}} {
		if _, err := Run(t.Context(), o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

// What else may stand there in place of Tidings: each gets its verdict, and nothing hangs or fails.
func TestOddServers(t *testing.T) {
	hello := `{"version":1,"transports":["websocket","sse","poll"],"heartbeat":25000,"park":30000}`
	for _, c := range []struct {
		name    string
		answer  func(w http.ResponseWriter, r *http.Request)
		summary string
		want    []string
	}{
		{"a login page", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>Sign in</html>") }, "elsewhere", []string{"server_foreign"}},
		{"another API", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"ok":true}`) }, "elsewhere", []string{"server_foreign"}},
		{"a refusal of Tidings", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(403)
			io.WriteString(w, `{"error":{"code":"origin_forbidden","message":"not this page","hint":"x","retry":false}}`)
		}, "turned_away", []string{"server_refused"}},
		{"a cut", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, "unreachable", []string{"server_unreachable"}},
		{"Tidings for those with a token", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/bus" {
				io.WriteString(w, hello)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(401)
			io.WriteString(w, `{"error":{"code":"unauthorized","message":"no token","hint":"x","retry":false}}`)
		}, "token_needed", []string{"token_needed", "websocket_refused", "six_connections"}},
		{"answers of the right status, and nonsense in them", func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/bus":
				io.WriteString(w, hello)
			case "/bus/sse":
				w.Header().Set("Content-Type", "text/event-stream")
				io.WriteString(w, "data: <html>\n\n")
			default:
				io.WriteString(w, "<html>")
			}
		}, "nothing", []string{"websocket_refused", "sse_failed", "poll_failed", "six_connections"}},
		{"the clock of another day", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(-24*time.Hour).UTC().Format(http.TimeFormat))
			if r.URL.Path == "/bus" {
				io.WriteString(w, hello)
				return
			}
			w.WriteHeader(404)
		}, "nothing", []string{"websocket_refused", "sse_failed", "poll_failed", "clock_off", "six_connections"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(http.HandlerFunc(c.answer))
			defer s.Close()
			r, err := Run(t.Context(), Options{URL: s.URL, Idle: -1})
			if err != nil {
				t.Fatal(err)
			}
			if r.Summary != c.summary || !slices.Equal(r.Verdicts, c.want) {
				t.Errorf("got %s %q, want %s %q; %v", r.Summary, r.Verdicts, c.summary, c.want, r.Facts)
			}
			if text := r.Text(); !strings.Contains(text, r.URL) || placeholder.MatchString(text) {
				t.Errorf("the text:\n%s", text)
			}
		})
	}
}

// The page needs no build: what index.html asks for is there.
func TestPageIsWhole(t *testing.T) {
	if err := fstest.TestFS(Page, "index.html", "doctor.js", "checks.js", "judge.js", "doctor.css", "doctor.svg", "verdicts.json"); err != nil {
		t.Fatal(err)
	}
}
