package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestTailPrintsWhatIsPublished(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	write(t, keys, "# rotated\nshop "+otherSecret+"\n")
	s, url := startServer(t, nil, "--api-key-file", keys, "--rules-subscribe", "anyone")
	all := run(t, nil, "tail", "--url", url, "--key-file", keys)
	some := run(t, nil, "tail", "orders/**", "--url", url, "--key-file", keys, "--count", "1")
	all.errors.wait(t, "tailing")
	some.errors.wait(t, "tailing")
	for _, channel := range []string{"other", "orders/new"} {
		if p := run(t, nil, "publish", channel, "--url", url, "--key-file", keys, "--data", `{"a":1}`); p.exit() != 0 {
			t.Fatalf("publish: %s", p.errors)
		}
	}
	if code := some.exit(); code != 0 || strings.Count(some.out.String(), "\n") != 1 || !strings.Contains(some.out.String(), `"channel":"orders/new"`) || !strings.Contains(some.out.String(), `"data":{"a":1}`) {
		t.Errorf("ended with %d: %s%s", code, some.out, some.errors)
	}
	all.out.wait(t, "orders/new")
	if !strings.Contains(all.out.String(), `"channel":"other"`) {
		t.Errorf("printed %s", all.out)
	}
	all.signal(os.Interrupt)
	if code := all.exit(); code != 0 {
		t.Errorf("interrupted: ended with %d: %s", code, all.errors)
	}
	if p := run(t, nil, "tail", "--url", url); p.exit() != 1 || !strings.Contains(p.errors.String(), "unauthorized") {
		t.Errorf("without a key: %s", p.errors)
	}
	last := run(t, nil, "tail", "--url", url, "--key-file", keys)
	last.errors.wait(t, "tailing")
	s.signal(syscall.SIGTERM)
	if code := last.exit(); code != 1 || !strings.Contains(last.errors.String(), "the server ended the stream") {
		t.Errorf("the server's end: ended with %d: %s", code, last.errors)
	}
	if code := s.exit(); code != 0 {
		t.Errorf("the server ended with %d", code)
	}
}

func TestTailPrintsWhatIsNoMessageAside(t *testing.T) {
	var out, messages strings.Builder
	tail := &tailer{out: &out, messages: &messages}
	err := tail.print(strings.NewReader(": tidings\n\nevent: nodes\ndata: {\"nodes\":2}\n\ndata: {\"id\":\"a\"}\n\nevent: dropped\ndata: {\"dropped\":3}\n\ndata: {\"id\":\"b\"}\n\n"))
	if err == nil || err.Error() != "the server ended the stream" {
		t.Errorf("got the error %v, want that the stream ended", err)
	}
	if got, want := out.String(), "{\"id\":\"a\"}\n{\"id\":\"b\"}\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	if got, want := messages.String(), "nodes: {\"nodes\":2}\nleft out: {\"dropped\":3}\n"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}
