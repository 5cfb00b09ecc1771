// Package sparse keeps a log short however often the same happens: what clients cause must not fill a disk. It is a
// slog.Handler in front of another.
package sparse

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Bounds of what is written.
const (
	Window   = time.Minute // after which lines of a kind are written again
	MaxLines = 20          // of a kind without a code, in one window
	MaxKinds = 512         // in one window; what is beyond them counts together by its message
)

// kindKeys are the attributes that, with level and message, are a line's kind. What a client chose is none of them.
var kindKeys = []string{"code", "reason", "status", "hook"}

// Audit is an attribute of lines that always pass, whatever its value: those of what a person did who is known by a key.
const Audit = "audit"

// Handler passes on lines at level Info and above: of each kind with a code the first of a Window, and of each kind
// without one the first MaxLines. The others are counted; at the end of the Window one line has their number as
// "repeated". Lines below Info pass untouched: whoever asks for them wants them all.
type Handler struct {
	slog.Handler
	lines *lines // shared with the handlers that WithAttrs and WithGroup return
}

// New returns a Handler in front of next.
func New(next slog.Handler) *Handler {
	return &Handler{Handler: next, lines: &lines{kinds: map[kind]*repeats{}}}
}

// kind is what lines are counted by.
type kind struct {
	level   slog.Level
	message string
	attrs   [4]string // the values of kindKeys
}

// repeats counts one kind in one window.
type repeats struct {
	passed, left uint64
	timer        *time.Timer
}

type lines struct {
	mu    sync.Mutex // guards kinds and what they point to
	kinds map[kind]*repeats
}

// Handle implements slog.Handler.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelInfo {
		return h.Handler.Handle(ctx, r)
	}
	k, audit := kindOf(r)
	if !audit && !h.admit(k) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{Handler: h.Handler.WithAttrs(attrs), lines: h.lines}
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{Handler: h.Handler.WithGroup(name), lines: h.lines}
}

func kindOf(r slog.Record) (k kind, audit bool) {
	k = kind{level: r.Level, message: r.Message}
	r.Attrs(func(a slog.Attr) bool {
		audit = audit || a.Key == Audit
		if i := slices.Index(kindKeys, a.Key); i >= 0 {
			k.attrs[i] = a.Value.String()
		}
		return true
	})
	return k, audit
}

// admit reports whether a line of kind k is written.
func (h *Handler) admit(k kind) bool {
	h.lines.mu.Lock()
	defer h.lines.mu.Unlock()
	n := h.lines.kinds[k]
	if n == nil && len(h.lines.kinds) >= MaxKinds {
		k.attrs = [4]string{}
		n = h.lines.kinds[k]
	}
	if n == nil {
		n = &repeats{}
		h.lines.kinds[k] = n
		n.timer = time.AfterFunc(Window, func() { h.close(k) })
	}
	if k.attrs[0] != "" && n.passed >= 1 || n.passed >= MaxLines {
		n.left++
		return false
	}
	n.passed++
	return true
}

// close ends the window of k and writes how many lines were left out.
func (h *Handler) close(k kind) {
	h.lines.mu.Lock()
	n := h.lines.kinds[k]
	delete(h.lines.kinds, k)
	h.lines.mu.Unlock()
	if n == nil || n.left == 0 || !h.Enabled(context.Background(), k.level) {
		return
	}
	r := slog.NewRecord(time.Now(), k.level, k.message, 0)
	for i, value := range k.attrs {
		if value != "" {
			r.AddAttrs(slog.String(kindKeys[i], value))
		}
	}
	r.AddAttrs(slog.Uint64("repeated", n.left), slog.String("within", Window.String()))
	h.Handler.Handle(context.Background(), r)
}

// Flush ends all windows now: call it before the log is closed.
func (h *Handler) Flush() {
	h.lines.mu.Lock()
	var open []kind
	for k, n := range h.lines.kinds {
		n.timer.Stop()
		open = append(open, k)
	}
	h.lines.mu.Unlock()
	for _, k := range open {
		h.close(k)
	}
}
