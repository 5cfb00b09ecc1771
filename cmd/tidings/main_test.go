package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tidings/internal/teststack"
)

// binary is tidings as it is shipped, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tidings")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "tidings")
	build := exec.Command("go", "build", "-tags", "nomsgpack", "-o", binary, ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building tidings:", err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// patience bounds every wait for a process; a loaded machine is slow.
const patience = time.Minute

// process is a running tidings.
type process struct {
	t           *testing.T
	cmd         *exec.Cmd
	out, errors *output
	done        chan error
}

func run(t *testing.T, environ []string, args ...string) *process {
	t.Helper()
	return start(t, exec.Command(binary, args...), environ)
}

func start(t *testing.T, cmd *exec.Cmd, environ []string) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, out: newOutput(), errors: newOutput(), done: make(chan error, 1)}
	if p.cmd.Dir == "" {
		p.cmd.Dir = t.TempDir()
	}
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, environ...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.errors
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() { p.cmd.Process.Kill() })
	return p
}

// exit waits for the end and returns the status.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatalf("%v is still running:\n%s%s", p.cmd.Args[1:], p.out, p.errors)
		return -1
	}
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// output collects what a process writes and wakes who waits for some of it.
type output struct {
	mu   sync.Mutex // guards buf
	buf  bytes.Buffer
	more chan struct{}
}

func newOutput() *output { return &output{more: make(chan struct{}, 1)} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// wait returns when text was written.
func (o *output) wait(t *testing.T, text string) {
	t.Helper()
	late := time.After(patience)
	for !strings.Contains(o.String(), text) {
		select {
		case <-o.more:
		case <-late:
			t.Fatalf("%q was not written; this was:\n%s", text, o)
		}
	}
}

// startServer starts `serve` on a free port and returns its URL.
func startServer(t *testing.T, environ []string, args ...string) (*process, string) {
	t.Helper()
	addr := teststack.FreeAddress(t)
	p := run(t, environ, append([]string{"serve", "--addr", addr, "--drain", "5s"}, args...)...)
	p.errors.wait(t, `"msg":"listening"`)
	return p, "http://" + addr
}

func TestPublishAndSubscribe(t *testing.T) {
	_, url := startServer(t, nil, "--dev")
	for _, transport := range []string{"websocket", "sse", "poll"} {
		t.Run(transport, func(t *testing.T) {
			channel := "orders/" + transport
			sub := run(t, nil, "subscribe", channel, "--url", url, "--transport", transport, "--count", "2")
			sub.errors.wait(t, channel+": listening from")
			for _, data := range []string{`{"n":1}`, `"two"`} {
				pub := run(t, nil, "publish", channel, "--url", url, "--data", data)
				if code := pub.exit(); code != 0 {
					t.Fatalf("publish ended with %d: %s", code, pub.errors)
				}
				var answer struct {
					Offset, Receivers int
					ReceiversExact    bool
				}
				if err := json.Unmarshal([]byte(pub.out.String()), &answer); err != nil || answer.Receivers != 1 || !answer.ReceiversExact {
					t.Errorf("publish printed %s, want one receiver (%v)", pub.out, err)
				}
			}
			if code := sub.exit(); code != 0 {
				t.Errorf("subscribe ended with %d: %s", code, sub.errors)
			}
			if want := channel + "\t{\"n\":1}\n" + channel + "\t\"two\"\n"; sub.out.String() != want {
				t.Errorf("subscribe printed %q, want %q", sub.out, want)
			}
			sub.errors.wait(t, "connected over "+transport)
		})
	}
}

func TestSubscribeFromAPosition(t *testing.T) {
	_, url := startServer(t, nil, "--dev")
	var positions []string
	for _, data := range []string{"1", "2", "3"} {
		pub := run(t, nil, "publish", "a", "--url", url, "--data", data, "--event", "e", "--spread", "5s")
		if pub.exit() != 0 {
			t.Fatal(pub.errors)
		}
		var at struct {
			Epoch, Tag string
			Offset     int
		}
		if err := json.Unmarshal([]byte(pub.out.String()), &at); err != nil {
			t.Fatal(err)
		}
		positions = append(positions, fmt.Sprintf("%s:%d:%s", at.Epoch, at.Offset, at.Tag))
	}
	sub := run(t, nil, "subscribe", "a", "--url", url, "--since", positions[0], "--json", "--count", "2")
	if code := sub.exit(); code != 0 {
		t.Fatalf("ended with %d: %s", code, sub.errors)
	}
	lines := bufio.NewScanner(strings.NewReader(sub.out.String()))
	for i := 1; lines.Scan(); i++ {
		var got line
		if err := json.Unmarshal(lines.Bytes(), &got); err != nil || got.Position != positions[i] || got.Event != "e" || got.SpreadMS != 5000 || got.Channel != "a" || string(got.Data) != fmt.Sprint(i+1) {
			t.Errorf("line %d: %s (%v), want position %s", i, lines.Bytes(), err, positions[i])
		}
	}
}

// A publish to a pattern reaches who subscribes, one without a channel goes where the routes lead, and both say so.
func TestPublishWithoutAChannel(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tidings.yaml")
	write(t, file, "dev: true\nrouting:\n  - {if: chat, to: \"chat:{chat}\"}\n")
	_, url := startServer(t, nil, "--config", file)
	published := func(args ...string) string {
		p := run(t, nil, append([]string{"publish", "--url", url}, args...)...)
		if code := p.exit(); code != 0 {
			t.Fatalf("%q ended with %d: %s", args, code, p.errors)
		}
		return p.out.String()
	}
	if got := published("--event", "e", "--data", `{"chat":7}`); !strings.Contains(got, `{"route":1,"results":[{"channel":"chat:7","epoch":`) {
		t.Errorf("routed: %s", got)
	}
	if got := published("--event", "e", "--data", `{}`); got != "{\"results\":[]}\n" {
		t.Errorf("to nobody: %s", got)
	}
	sub := run(t, nil, "subscribe", "chat:8", "--url", url, "--count", "2", "--json")
	sub.errors.wait(t, "chat:8: listening from")
	if got := published("--pattern", "chat:*", "--data", "2", "--event", "closing", "--exclude", "nobody"); !strings.Contains(got, `{"results":[{"channel":"chat:8","epoch":`) {
		t.Errorf("to a pattern: %s", got)
	}
	published("chat:8", "--data", "3", "--exclude-tab", "t1", "--meta", `{"from": "desk"}`)
	if sub.exit() != 0 || !strings.Contains(sub.out.String(), `"event":"closing"`) || !strings.Contains(sub.out.String(), `"data":2`) || !strings.Contains(sub.out.String(), `"meta":{"from":"desk"},"data":3`) {
		t.Errorf("the subscriber heard %s %s", sub.out, sub.errors)
	}
}

func TestPublishSources(t *testing.T) {
	_, url := startServer(t, nil, "--dev")
	file := filepath.Join(t.TempDir(), "message.json")
	if err := os.WriteFile(file, []byte("{\n  \"from\": \"a file\"\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, stdin string
		args        []string
		want        string
	}{
		{name: "flag", args: []string{"--data", `[1, 2]`}, want: `[1,2]`},
		{name: "file", args: []string{"--data-file", file}, want: `{"from":"a file"}`},
		{name: "standard input", stdin: `{"a": "<b> \u2028"}`, want: `{"a":"<b> \u2028"}`},
		{name: "text of standard input", args: []string{"--text", "-"}, stdin: "two\nlines\n", want: `"two\nlines"`},
		{name: "text", args: []string{"--text", "hello"}, want: `"hello"`},
		{name: "empty text", args: []string{"--text", ""}, want: `""`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command(binary, append([]string{"publish", "a", "--url", url}, tt.args...)...)
			cmd.Stdin = strings.NewReader(tt.stdin)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if got := lastMessage(t, url, "a"); got != tt.want {
				t.Errorf("published %s, want %s", got, tt.want)
			}
		})
	}
}

func lastMessage(t *testing.T, url, channel string) string {
	t.Helper()
	answer, err := http.Get(url + "/api/history?limit=1&channel=" + channel)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var page struct {
		Messages []struct{ Data json.RawMessage }
	}
	if err := json.NewDecoder(answer.Body).Decode(&page); err != nil || len(page.Messages) != 1 {
		t.Fatalf("%v: %+v", err, page)
	}
	return string(page.Messages[0].Data)
}

func TestCommandsFailClearly(t *testing.T) {
	_, url := startServer(t, nil, "--dev", "--rules-subscribe", "nobody")
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{name: "B129 an empty standard input", args: []string{"publish", "a", "--url", url}, want: "there is no message: standard input is empty"},
		{name: "B129 an empty standard input as a text", args: []string{"publish", "a", "--url", url, "--text", "-"}, want: "there is no message: standard input is empty"},
		{name: "lines and a text", args: []string{"publish", "a", "--url", url, "--lines", "--text", "x"}, want: "use --text - to publish lines as texts"},
		{name: "no JSON", args: []string{"publish", "a", "--url", url, "--data", "{"}, want: "the message is not JSON; use --text"},
		{name: "bad channel", args: []string{"publish", "a b", "--url", url, "--data", "1"}, want: "bad_channel: "},
		{name: "one of two channels", args: []string{"publish", "a", "a b", "--url", url, "--data", "1"}, want: "1 of 2 channels failed"},
		{name: "nobody there", args: []string{"publish", "a", "--url", "http://127.0.0.1:1", "--data", "1", "--retries", "1"}, want: "connection refused"},
		{name: "not Tidings", args: []string{"publish", "a", "--url", url + "/nowhere", "--data", "1"}, want: "not_found: "},
		{name: "data twice", args: []string{"publish", "a", "--data", "1", "--data-file", "x"}, want: "none of the others can be"},
		{name: "no channel", args: []string{"publish"}, want: "name a channel, or give --pattern"},
		{name: "a channel and a pattern", args: []string{"publish", "a", "--pattern", "a*"}, want: "name channels, or give --pattern"},
		{name: "lines to nowhere", args: []string{"publish", "--lines", "--event", "e"}, want: "--lines publishes to one channel"},
		{name: "subscribe refused", args: []string{"subscribe", "a", "--url", url}, want: "forbidden: "},
		{name: "subscribe over an unknown transport", args: []string{"subscribe", "a", "--url", url, "--transport", "pigeon"}, want: "pigeon"},
		{name: "bad position", args: []string{"subscribe", "a", "--url", url, "--since", "5"}, want: "bad_cursor: "},
		{name: "position of two channels", args: []string{"subscribe", "a", "b", "--url", url, "--since", "e:1:t"}, want: "--since is a position of one channel"},
		{name: "filter without quotes", args: []string{"subscribe", "a", "--url", url, "--filter", "{equals: {city: Bonn}}"}, want: "--filter {equals: {city: Bonn}} is no JSON object: invalid character 'e'"},
		{name: "filter that is a text", args: []string{"subscribe", "a", "--url", url, "--filter", `"Bonn"`}, want: "is no JSON object"},
		{name: "filter that is null", args: []string{"subscribe", "a", "--url", url, "--filter", "null"}, want: "it is null (a shell wants it in single quotes"},
		{name: "filter that the server refuses", args: []string{"subscribe", "a", "--url", url, "--filter", `{"equal": {"city": "Bonn"}}`}, want: `unknown keyword. Send an object with one keyword`},
		{name: "scope", args: []string{"subscribe", "a", "--url", url, "--scope", "inn"}, want: `--scope "inn" is none of in, out, all and none`},
		{name: "unknown command", args: []string{"subscribes"}, want: "unknown command"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := run(t, nil, tt.args...)
			if code := p.exit(); code != 1 {
				t.Errorf("ended with %d, want 1", code)
			}
			if !strings.Contains(p.errors.String(), tt.want) {
				t.Errorf("said %q, want %q in it", p.errors, tt.want)
			}
		})
	}
}

func TestServeWithoutDevIsClosed(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	p := run(t, nil, "serve")
	if code := p.exit(); code != 1 || !strings.Contains(p.errors.String(), "no API key") || !strings.Contains(p.errors.String(), "rules.subscribe is not set") {
		t.Errorf("ended with %d: %s", code, p.errors)
	}
	if p = run(t, []string{"TIDINGS_API_KEY=short"}, "serve", "--rules-subscribe", "anyone"); p.exit() != 1 || !strings.Contains(p.errors.String(), "API keys: ") || strings.Contains(p.errors.String(), "short\"") {
		t.Errorf("a short key: %s", p.errors)
	}
	// B6: an origin that looks like a pattern.
	if p = run(t, nil, "serve", "--dev", "--origins", "https://example.com*"); p.exit() != 1 || !strings.Contains(p.errors.String(), "Origins: \"https://example.com*\"") {
		t.Errorf("an origin with a pattern: %s", p.errors)
	}
	s, url := startServer(t, []string{"TIDINGS_API_KEY=" + secret}, "--rules-subscribe", "anyone")
	if p = run(t, nil, "publish", "a", "--url", url, "--data", "1"); p.exit() != 1 || !strings.Contains(p.errors.String(), "unauthorized: ") {
		t.Errorf("without a key: %s%s", p.out, p.errors)
	}
	if p = run(t, []string{"TIDINGS_API_KEY=" + secret}, "publish", "a", "--url", url, "--data", "1"); p.exit() != 0 {
		t.Errorf("with the key: %s", p.errors)
	}
	if strings.Contains(s.out.String()+s.errors.String(), secret) {
		t.Errorf("the key was printed (B111):\n%s%s", s.out, s.errors)
	}
	if strings.Contains(s.out.String(), "DEVELOPMENT") {
		t.Errorf("printed %s", s.out)
	}
}

// Without --dev there is neither a start page nor a demo.
func TestNoPagesInProduction(t *testing.T) {
	_, url := startServer(t, []string{"TIDINGS_API_KEY=0123456789abcdef0123"}, "--rules-subscribe", "anyone")
	for _, path := range []string{"/", "/start/start.js", "/demo", "/demo/", "/demo/filters/"} {
		answer, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != 404 || answer.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: answered %s, %s, want 404 as JSON", path, answer.Status, answer.Header.Get("Content-Type"))
		}
	}
}

func TestDevSaysWhatIsOpen(t *testing.T) {
	s, url := startServer(t, nil, "--dev", "--base-path", "/tidings")
	for _, want := range []string{"FOR DEVELOPMENT", url + "/tidings/\n", "without a key", "publish: anyone", url + "/tidings/demo/", url + "/tidings/api/publish", "  gateways  Kuzzle ws" + strings.TrimPrefix(url, "http") + "/, Pakyow ws" + strings.TrimPrefix(url, "http") + "/?socket_connection_id=, Primus " + url + "/tidings/primus, Socket.IO " + url + "/tidings/socket.io/\n"} {
		s.out.wait(t, want)
	}
	for _, path := range []string{"/healthz", "", "/", "/start/start.js", "/demo/", "/demo", "/demo/filters/", "/demo/filters", "/demo/taxis/", "/demo/taxis", "/client/tidings.js"} {
		if answer, err := http.Get(url + "/tidings" + path); err != nil || answer.StatusCode != 200 {
			t.Errorf("%s: %v %v", path, answer, err)
		}
	}
}

// F30: SIGTERM sends clients away with a word of when to come back, answers what is under way, and ends with 0.
func TestF30_TerminateGracefully(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		s, url := startServer(t, nil, "--dev")
		stream, err := http.Get(url + "/bus/sse?channel=a")
		if err != nil {
			t.Fatal(err)
		}
		sub := run(t, nil, "subscribe", "a", "--url", url)
		sub.errors.wait(t, "listening from")
		s.signal(signal)
		if code := s.exit(); code != 0 {
			t.Errorf("%v: ended with %d: %s", signal, code, s.errors)
		}
		got, err := io.ReadAll(stream.Body)
		stream.Body.Close()
		if err != nil {
			t.Errorf("%v: the stream broke: %v", signal, err)
		}
		if !strings.Contains(string(got), `"code":"shutting_down"`) || !strings.Contains(string(got), `"retry":true`) {
			t.Errorf("%v: the stream ended with %q", signal, got)
		}
		sub.errors.wait(t, "shutting_down")
		if !strings.Contains(s.errors.String(), `"msg":"stopped"`) {
			t.Errorf("%v: logged %s", signal, s.errors)
		}
		sub.signal(os.Interrupt)
		if code := sub.exit(); code != 0 {
			t.Errorf("subscribe ended with %d: %s", code, sub.errors)
		}
	}
}

func TestVersionAndHelp(t *testing.T) {
	p := run(t, nil, "version")
	if p.exit() != 0 || !strings.Contains(p.out.String(), "tidings "+version) || !strings.Contains(p.out.String(), "protocol 1") {
		t.Errorf("got %s", p.out)
	}
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"completion", "bash"}} {
		if p := run(t, nil, args...); p.exit() != 0 || p.out.String() == "" {
			t.Errorf("%v: %s", args, p.errors)
		}
	}
}
