package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tidings/internal/config"
	"tidings/internal/teststack"
)

// F71: the reader of the log goes after one line, or stays and reads nothing more, as a full disk or a stopped
// collector does. The server answers, drains at SIGTERM and ends with 0.
func TestF71_TheReaderOfTheLogIsNotNeeded(t *testing.T) {
	for name, leave := range map[string]func(*os.File){
		"leaves":        func(f *os.File) { f.Close() },
		"stops reading": func(*os.File) {},
	} {
		t.Run(name, func(t *testing.T) {
			reader, writer, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			addr := teststack.FreeAddress(t)
			cmd := exec.Command(binary, "serve", "--dev", "--addr", addr, "--drain", "1s", "--log-level", "debug")
			cmd.Env, cmd.Dir, cmd.Stderr = []string{"HOME=" + t.TempDir()}, t.TempDir(), writer
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { cmd.Process.Kill() })
			writer.Close()
			lines := bufio.NewScanner(reader)
			for lines.Scan() && !strings.Contains(lines.Text(), `"msg":"listening"`) {
			}
			leave(reader)
			client := &http.Client{Timeout: patience}
			for range 600 { // more than a pipe holds
				answer, err := client.Get("http://" + addr + "/nothing/" + strings.Repeat("x", 200))
				if err != nil {
					t.Fatal(err)
				}
				io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}
			cmd.Process.Signal(syscall.SIGTERM)
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("ended with %v, want status 0", err)
				}
			case <-time.After(patience):
				t.Error("SIGTERM was not obeyed")
			}
		})
	}
}

// F71: whatever the reader of the log does, a line costs its writer no time, and what is lost is counted.
func TestF71_LogWriterNeverWaits(t *testing.T) {
	var out bytes.Buffer
	w := newLogWriter(&out)
	for i := range 1000 {
		fmt.Fprintln(w, i)
	}
	w.close(time.Minute)
	if n := strings.Count(out.String(), "\n"); n != 1000 || w.lost.Load() != 0 {
		t.Errorf("%d lines were written and %d lost, want 1000 and 0", n, w.lost.Load())
	}
	synctest.Test(t, func(t *testing.T) {
		out, never := io.Pipe()
		_ = out
		w := newLogWriter(never)
		began := time.Now()
		for i := range 3 * maxLogLines {
			fmt.Fprintln(w, i)
		}
		w.close(time.Second)
		if took := time.Since(began); took != time.Second {
			t.Errorf("a reader that reads nothing held the server up for %v, want the last second alone", took)
		}
		if n := w.lost.Load(); n < 2*maxLogLines-1 {
			t.Errorf("%d lines were lost and counted, want at least %d", n, 2*maxLogLines-1)
		}
		never.Close()
	})
	w = newLogWriter(brokenWriter{})
	fmt.Fprintln(w, "into the dark")
	w.close(time.Minute)
	if w.lost.Load() != 1 {
		t.Errorf("a reader that has left: %d lines are counted as lost, want 1", w.lost.Load())
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestLogWritesWhatItLeftOutBeforeItCloses(t *testing.T) {
	var out bytes.Buffer
	log := newLog(config.Settings{LogLevel: "info", LogFormat: "json"}, &out)
	for range 100 {
		log.Info("request", "code", "not_found", "reason", "nothing there")
	}
	log.close()
	if got := out.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, `"repeated":99`) {
		t.Errorf("got %s, want two lines, the second with 99 repeated", got)
	}
}

// B130: a client that is closed or refused for good has a line at the default level, which says why.
func TestB130_AClosedClientHasALine(t *testing.T) {
	p, url := startServer(t, []string{"TIDINGS_TOKENS_SECRET=" + tokenSecret}, "--dev", "--tokens-issuer", "me", "--tokens-audience", "bus", "--rules-subscribe", "anyone")
	for _, transport := range []string{"websocket", "sse", "poll"} {
		sub := run(t, []string{"TIDINGS_TOKEN=abc"}, "subscribe", "a", "--url", url, "--transport", transport)
		if code := sub.exit(); code != 1 {
			t.Errorf("%s: subscribe with a bad token ended with %d: %s", transport, code, sub.errors)
		}
	}
	p.errors.wait(t, `"msg":"client closed","code":"unauthorized","reason":"`)  // over the WebSocket
	p.errors.wait(t, `"msg":"client refused","code":"unauthorized","reason":"`) // over the others
}

// Durations are written as people write them, in both forms.
func TestLogDurations(t *testing.T) {
	for format, want := range map[string]string{"json": `"took":"20.68ms"`, "text": "took=20.68ms"} {
		out := newOutput()
		lines := newLog(config.Settings{LogLevel: "info", LogFormat: format}, out)
		lines.Info("request", "took", 20680*time.Microsecond)
		lines.close()
		if got := out.String(); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s in it", format, got, want)
		}
	}
}
