package sparse

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// line is what a test looks at.
type line struct {
	Msg, Code, Reason string
	Repeated          uint64
}

// output is a log that a window's end may write to while a test reads it.
type output struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

// written returns the lines since the last call.
func written(t *testing.T, log *output) (list []line) {
	t.Helper()
	log.mu.Lock()
	defer log.mu.Unlock()
	for text := range strings.Lines(log.buf.String()) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		list = append(list, l)
	}
	log.buf.Reset()
	return list
}

func TestHandlerWritesAKindOncePerWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out output
		log := slog.New(New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
		want := func(step string, lines ...line) {
			t.Helper()
			if got := written(t, &out); fmt.Sprint(got) != fmt.Sprint(lines) {
				t.Errorf("%s: got %v, want %v", step, got, lines)
			}
		}
		for range 1000 {
			log.Info("refused", "code", "not_found", "reason", "nothing here", "path", "/a")
		}
		log.With("node", 1).Info("refused", "code", "forbidden", "reason", "no")
		want("a flood", line{"refused", "not_found", "nothing here", 0}, line{"refused", "forbidden", "no", 0})
		time.Sleep(Window + time.Second)
		synctest.Wait()
		want("its end", line{"refused", "not_found", "nothing here", 999})
		time.Sleep(Window + time.Second)
		synctest.Wait()
		want("silence")
		log.Info("refused", "code", "not_found", "reason", "nothing here")
		want("the next minute", line{"refused", "not_found", "nothing here", 0})
		for range 3 {
			log.Debug("refused", "code", "not_found", "reason", "nothing here")
		}
		want("debug", line{"refused", "not_found", "nothing here", 0}, line{"refused", "not_found", "nothing here", 0}, line{"refused", "not_found", "nothing here", 0})
	})
}

func TestHandlerBoundsLinesWithoutACode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out output
		handler := New(slog.NewJSONHandler(&out, nil))
		log := slog.New(handler)
		for i := range 100 {
			log.Error("the broker failed", "error", fmt.Sprint("lookup ", i))
		}
		if got := written(t, &out); len(got) != MaxLines {
			t.Errorf("got %d lines, want %d", len(got), MaxLines)
		}
		handler.Flush()
		if got := written(t, &out); len(got) != 1 || got[0].Repeated != 100-MaxLines {
			t.Errorf("flushed: got %v, want %d repeated", got, 100-MaxLines)
		}
	})
}

func TestHandlerBoundsKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out output
		handler := New(slog.NewJSONHandler(&out, nil))
		log := slog.New(handler)
		const reasons = 10_000
		for i := range reasons {
			log.Info("refused", "code", "unknown_field", "reason", fmt.Sprintf("field %d does not exist", i))
		}
		got := written(t, &out)
		if len(got) < MaxKinds || len(got) > MaxKinds+MaxLines {
			t.Errorf("%d reasons made %d lines, want about %d", reasons, len(got), MaxKinds)
		}
		before := len(got)
		handler.Flush()
		var left uint64
		for _, l := range written(t, &out) {
			left += l.Repeated
		}
		if left != uint64(reasons-before) {
			t.Errorf("%d lines were left out, want %d", left, reasons-before)
		}
		if n := len(handler.lines.kinds); n != 0 {
			t.Errorf("%d kinds are remembered after the flush", n)
		}
	})
}

// What a person did who is known by a key is written however often it happens.
func TestHandlerWritesEveryAuditLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out output
		log := slog.New(New(slog.NewJSONHandler(&out, nil)))
		for range 3 * MaxLines {
			log.Info("admin", Audit, true, "code", "forbidden")
		}
		if got := len(written(t, &out)); got != 3*MaxLines {
			t.Errorf("%d lines are written, want %d", got, 3*MaxLines)
		}
	})
}
