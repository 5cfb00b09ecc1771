package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// lines publishes an input line by line and returns the sum that was printed.
func publishLines(t *testing.T, input string, args ...string) (sum, *process) {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"publish", "--lines"}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	p := start(t, cmd, nil)
	p.exit()
	var s sum
	if err := json.Unmarshal([]byte(p.out.String()), &s); err != nil {
		t.Fatalf("%v: %s%s", err, p.out, p.errors)
	}
	return s, p
}

func TestPublishLines(t *testing.T) {
	_, url := startServer(t, nil, "--dev")
	var input strings.Builder
	for i := range 450 { // several batches
		fmt.Fprintf(&input, "{\"n\":%d}\n", i)
	}
	s, p := publishLines(t, input.String(), "a", "--url", url, "--idempotency-key", "run1", "--progress")
	if code := p.cmd.ProcessState.ExitCode(); code != 0 || s.Published != 450 || s.Failed+s.Duplicates != 0 || s.Seconds <= 0 {
		t.Errorf("ended with %d: %+v %s", code, s, p.errors)
	}
	if !strings.Contains(p.errors.String(), "450 published in ") {
		t.Errorf("no progress: %s", p.errors)
	}
	if got := lastMessage(t, url, "a"); got != `{"n":449}` {
		t.Errorf("the last message is %s", got)
	}
	if s, _ := publishLines(t, input.String(), "a", "--url", url, "--idempotency-key", "run1"); s.Published != 450 || s.Duplicates != 450 {
		t.Errorf("a second run with the same key: %+v", s)
	}
	s, p = publishLines(t, "1\n{\n\n4\n", "b", "--url", url)
	if code := p.cmd.ProcessState.ExitCode(); code != 1 || s.Published != 2 || s.Failed != 1 || !strings.Contains(p.errors.String(), "line 2: it is not JSON") || !strings.Contains(p.errors.String(), "1 of 3 lines failed") {
		t.Errorf("a bad line: ended with %d: %+v %s", code, s, p.errors)
	}
	if _, p = publishLines(t, "one\n two\n", "c", "--url", url, "--text", "-"); lastMessage(t, url, "c") != `" two"` {
		t.Errorf("as text: %s; %s", lastMessage(t, url, "c"), p.errors)
	}
	if s, p = publishLines(t, "1\n", "a//b", "--url", url); s.Failed != 1 || !strings.Contains(p.errors.String(), "line 1: bad_channel") {
		t.Errorf("a bad channel: %+v %s", s, p.errors)
	}
}

// F80: a line of any length is one line: it fails alone, with its number, and what follows is published.
func TestF80_PublishLinesWithALongLine(t *testing.T) {
	_, url := startServer(t, nil, "--dev")
	for _, length := range []int{70_000, maxLine, maxLine + 1, 140_000, 1 << 20} {
		long := `"` + strings.Repeat("x", length-2) + `"`
		for _, input := range []string{"1\n2\n3\n" + long + "\n4\n5\r\n6", long, "1\n" + long + "\n"} {
			s, p := publishLines(t, input, "n", "--url", url)
			bad := 1 + strings.Count(input[:strings.Index(input, `"`)], "\n")
			if want := strings.Count(strings.TrimSuffix(input, "\n"), "\n"); s.Published != want || s.Failed != 1 || !strings.Contains(p.errors.String(), fmt.Sprintf("line %d: too_large", bad)) {
				t.Errorf("a line of %d bytes as line %d: %+v %s; want %d published and line %d too_large", length, bad, s, p.errors, want, bad)
			}
		}
	}
}

// What a server refuses for a while is sent again under the same key, a lost answer, too; what it took is not.
func TestPublishLinesAgain(t *testing.T) {
	var mu sync.Mutex
	requests, seen := 0, map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if requests++; requests == 1 {
			panic(http.ErrAbortHandler)
		}
		var body struct {
			Items []struct{ IdempotencyKey string }
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		var results []string
		for _, item := range body.Items {
			if seen[item.IdempotencyKey]++; item.IdempotencyKey == "k-2" && seen["k-2"] == 1 {
				results = append(results, `{"error":{"code":"broker_unavailable","message":"m","hint":"h","retry":true}}`)
				continue
			}
			results = append(results, `{"id":"1"}`)
		}
		fmt.Fprintf(w, `{"results":[%s]}`, strings.Join(results, ","))
	}))
	defer server.Close()
	s, p := publishLines(t, "1\n2\n", "a", "--url", server.URL, "--idempotency-key", "k")
	mu.Lock()
	defer mu.Unlock()
	if s.Published != 2 || s.Failed != 0 || seen["k-1"] != 1 || seen["k-2"] != 2 {
		t.Errorf("%+v, seen %v: %s", s, seen, p.errors)
	}
}

func TestSubscribePrintsGapsAsJSON(t *testing.T) {
	_, url := startServer(t, nil, "--dev")
	if p := run(t, nil, "publish", "a", "--url", url, "--data", "1"); p.exit() != 0 {
		t.Fatal(p.errors)
	}
	sub := run(t, nil, "subscribe", "a", "--url", url, "--json", "--since", "another-epoch:7:t", "--progress", "--count", "1")
	sub.out.wait(t, `{"channel":"a","gap":{"reason":"epoch_changed","last":"another-epoch:7:t","from":"`)
	if p := run(t, nil, "publish", "a", "--url", url, "--data", "2"); p.exit() != 0 {
		t.Fatal(p.errors)
	}
	if code := sub.exit(); code != 0 || !strings.Contains(sub.errors.String(), "1 messages in ") {
		t.Errorf("ended with %d: %s", code, sub.errors)
	}
}

func TestScopedKeyFile(t *testing.T) {
	for line, want := range map[string]string{
		"secret": "secret", "shop secret": "secret", "shop secret publish=shop/**  metrics": "secret", "": "", "\tshop\tsecret\tmetrics": "secret",
	} {
		if got := bareKey(line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}
