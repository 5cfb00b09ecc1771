package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"tidings/internal/teststack"
)

// F29: a node that is killed takes its memory with it. A subscriber comes back by itself and is told a gap.
func TestF29_KilledAndStartedAgain(t *testing.T) {
	first, url := startServer(t, nil, "--dev")
	sub := run(t, nil, "subscribe", "a", "--url", url, "--count", "2")
	sub.errors.wait(t, "a: listening from")
	publish(t, url, "a", "1")
	sub.out.wait(t, "a\t1\n")
	first.signal(os.Kill)
	first.exit()
	second := run(t, nil, "serve", "--dev", "--addr", strings.TrimPrefix(url, "http://"))
	second.errors.wait(t, `"msg":"listening"`)
	sub.errors.wait(t, "a: messages may be missing (epoch_changed)")
	publish(t, url, "a", "2")
	if code := sub.exit(); code != 0 || sub.out.String() != "a\t1\na\t2\n" {
		t.Errorf("ended with %d, printed %q: %s", code, sub.out, sub.errors)
	}
}

func publish(t *testing.T, url, channel, data string) {
	t.Helper()
	body := fmt.Sprintf(`{"channel":%q,"data":%s}`, channel, data)
	answer, err := http.Post(url+"/api/publish", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("publish: %s", answer.Status)
	}
}

// F33: without file descriptors the server takes nobody new, harms nobody who is there, and recovers.
func TestF33_NoFileDescriptorsLeft(t *testing.T) {
	addr := teststack.FreeAddress(t)
	url := "http://" + addr
	s := start(t, exec.Command("sh", "-c", "ulimit -n 64; exec "+binary+" serve --dev --addr "+addr), nil)
	s.errors.wait(t, `"msg":"listening"`)
	stream, err := http.Get(url + "/bus/sse?channel=a")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	lines := bufio.NewScanner(stream.Body)
	heard := func(text string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), text) {
				return
			}
		}
		t.Fatalf("the stream ended before %q: %v", text, lines.Err())
	}
	heard(`"subscribed"`)
	// Kept alive: it needs no new descriptor while there are none.
	publish(t, url, "a", `"before"`)
	heard("before")
	var idle []net.Conn
	for range 100 {
		c, err := net.DialTimeout("tcp", addr, patience)
		if err != nil {
			break // the backlog is full, too
		}
		idle = append(idle, c)
	}
	publish(t, url, "a", `"without descriptors"`)
	heard("without descriptors")
	for _, c := range idle {
		c.Close()
	}
	late := time.Now().Add(patience)
	for {
		fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
		answer, err := fresh.Get(url + "/healthz")
		if err == nil {
			answer.Body.Close()
			break
		}
		if time.Now().After(late) {
			t.Fatalf("no new connection after %v: %v\n%s", patience, err, s.errors)
		}
	}
}

// F35: a server that gets a tenth of a processor is slow; nobody is taken for dead, and nothing is lost.
func TestF35_StarvedOfProcessorTime(t *testing.T) {
	const messages = 600
	s, url := startServer(t, nil, "--dev", "--heartbeat", "2s")
	subs := map[string]*process{}
	for _, transport := range []string{"websocket", "sse", "poll"} {
		subs[transport] = run(t, nil, "subscribe", "a", "--url", url, "--transport", transport, "--count", fmt.Sprint(messages))
		subs[transport].errors.wait(t, "a: listening from")
	}
	starved, fed := make(chan struct{}), make(chan struct{})
	go func() { // as a quota of 10 ms in 100 ms does
		defer close(fed)
		defer s.signal(syscall.SIGCONT)
		for {
			select {
			case <-starved:
				return
			case <-time.After(10 * time.Millisecond):
				s.signal(syscall.SIGSTOP)
				time.Sleep(90 * time.Millisecond)
				s.signal(syscall.SIGCONT)
			}
		}
	}()
	for i := range messages {
		publish(t, url, "a", fmt.Sprint(i))
	}
	var want strings.Builder
	for i := range messages {
		fmt.Fprintf(&want, "a\t%d\n", i)
	}
	for transport, sub := range subs {
		if code := sub.exit(); code != 0 || sub.out.String() != want.String() {
			t.Errorf("%s: ended with %d, printed %q", transport, code, sub.out)
		}
		if notes := sub.errors.String(); strings.Contains(notes, "again") || strings.Contains(notes, "missing") {
			t.Errorf("%s: was cut: %s", transport, notes)
		}
	}
	close(starved)
	<-fed
	answer, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	metrics, _ := io.ReadAll(answer.Body)
	for _, bad := range []string{`code="heartbeat_timeout"`, `code="slow_consumer"`, `code="internal"`, `code="timeout"`} {
		if counted := regexp.MustCompile(`(?m)^.*` + bad + `.* [1-9].*$`).FindString(string(metrics)); counted != "" {
			t.Errorf("/metrics: %s", counted)
		}
	}
}

// F34: a server that comes near its memory limit takes nobody new, then no publish, and stays below the limit; who is
// there stays. When history has aged it takes everything again. (GOMEMLIMIT is what the limit of a container is turned
// into; see limitMemory.)
func TestF34_MemoryLimit(t *testing.T) {
	const limit = 96 << 20
	s, url := startServer(t, []string{fmt.Sprintf("GOMEMLIMIT=%d", limit)}, "--dev", "--history-bytes", "1GiB", "--history-messages", "1000000", "--history-age", "15s")
	stream, err := http.Get(url + "/bus/sse?channel=quiet")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	big := `"` + strings.Repeat("x", 60_000) + `"`
	send := func(channel string) (int, string) {
		t.Helper()
		answer, err := http.Post(url+"/api/publish", "application/json", strings.NewReader(fmt.Sprintf(`{"channel":%q,"data":%s}`, channel, big)))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(text)
	}
	taken := 0
	for status, text := send("c0"); ; status, text = send(fmt.Sprint("c", taken%50)) {
		if status == http.StatusServiceUnavailable && strings.Contains(text, `"code":"overloaded"`) && strings.Contains(text, "short of memory") {
			break
		}
		if taken++; status != http.StatusOK || taken > 4*limit/60_000 {
			t.Fatalf("after %d: %d %s", taken, status, text)
		}
	}
	answer, err := http.Get(url + "/bus/poll?channel=new")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	if answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(text), "overloaded") {
		t.Errorf("a new connection: got %d %s", answer.StatusCode, text)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	// The pages of the binary are not counted: the kernel takes them back where memory is short.
	var peak, file int
	for line := range strings.Lines(string(status)) {
		fmt.Sscanf(line, "VmHWM: %d kB", &peak)
		fmt.Sscanf(line, "RssFile: %d kB", &file)
	}
	if peak -= file; peak<<10 > limit*9/8 {
		t.Errorf("it used %d MiB at its peak, and %d of its binary, of a limit of %d", peak>>10, file>>10, limit>>20)
	}
	t.Logf("%d messages were taken, %d MiB at the peak, and %d of the binary", taken, peak>>10, file>>10)
	late := time.After(2 * patience)
	for status, _ := send("c0"); status != http.StatusOK; status, _ = send("c0") {
		select {
		case <-late:
			t.Fatalf("it takes nothing any more: %s", s.errors)
		case <-time.After(100 * time.Millisecond):
		}
	}
	publish(t, url, "quiet", `"still there"`)
	lines := bufio.NewScanner(stream.Body)
	for lines.Scan() && !strings.Contains(lines.Text(), "still there") {
	}
	if lines.Err() != nil || !strings.Contains(lines.Text(), "still there") {
		t.Errorf("who was connected is not any more: %v", lines.Err())
	}
}
