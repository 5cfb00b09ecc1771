package main

import (
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"tidings/internal/config"
	"tidings/internal/sparse"
)

// serverLog is the server's log. Neither a flood of the same nor a reader that has left or stopped reading harms the
// server: lines are bounded by their kind, and those that nobody takes are dropped and counted.
type serverLog struct {
	*slog.Logger
	sparse *sparse.Handler
	writer *logWriter
}

func newLog(s config.Settings, out io.Writer) *serverLog {
	var level slog.Level
	level.UnmarshalText([]byte(s.LogLevel)) // the settings hold one of its names
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: readable}
	writer := newLogWriter(out)
	var lines slog.Handler = slog.NewJSONHandler(writer, options)
	if s.LogFormat == "text" {
		lines = slog.NewTextHandler(writer, options)
	}
	bounded := sparse.New(lines)
	return &serverLog{Logger: slog.New(bounded), sparse: bounded, writer: writer}
}

// readable returns an attribute with durations as people write them, such as 20.68ms: as numbers they are nanoseconds,
// of which nobody knows.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		return slog.String(a.Key, a.Value.Duration().String())
	}
	return a
}

// close writes what waits, for as long as the reader takes it, but at most lastLines.
func (l *serverLog) close() {
	l.sparse.Flush()
	l.writer.close(lastLines)
}

// lastLines bounds how long the end of the process waits for the reader of its log.
const lastLines = time.Second

// maxLogLines is how many lines wait for the reader of the log. A line has at most a few hundred bytes.
const maxLogLines = 4096

// logWriter writes lines to out from a goroutine of its own. Its Write never waits and never fails: a line for which
// there is no space, or that out refuses, is lost and counted.
type logWriter struct {
	lost  atomic.Uint64
	lines chan []byte
	stop  chan struct{}
	ended chan struct{}
	once  sync.Once
}

func newLogWriter(out io.Writer) *logWriter {
	w := &logWriter{lines: make(chan []byte, maxLogLines), stop: make(chan struct{}), ended: make(chan struct{})}
	go w.run(out)
	return w
}

// Write takes one line, which a slog.Handler writes in one call.
func (w *logWriter) Write(line []byte) (int, error) {
	select {
	case w.lines <- append([]byte(nil), line...):
	default:
		w.lost.Add(1)
	}
	return len(line), nil
}

func (w *logWriter) run(out io.Writer) {
	defer close(w.ended)
	write := func(line []byte) {
		if _, err := out.Write(line); err != nil {
			w.lost.Add(1)
		}
	}
	for {
		select {
		case line := <-w.lines:
			write(line)
		case <-w.stop:
			for {
				select {
				case line := <-w.lines:
					write(line)
				default:
					return
				}
			}
		}
	}
}

// close writes what waits, for at most patience.
func (w *logWriter) close(patience time.Duration) {
	w.once.Do(func() { close(w.stop) })
	select {
	case <-w.ended:
	case <-time.After(patience):
	}
}
