package doctor

import (
	"context"
	"strconv"
	"strings"
)

// upload finds out how large a request may be, up to nearly what Tidings takes.
func (e *examination) upload(ctx context.Context, l *line) {
	if l == nil {
		return
	}
	var failed string
	for _, size := range []int{60_000, 16_000, 4_000, 1_000} {
		ctx, cancel := context.WithTimeout(ctx, openWait)
		err := l.send(ctx, `{"type":"ping","pad":"`+strings.Repeat("x", size)+`"}`)
		cancel()
		if err == nil {
			e.note("upload", "ok", "uploadLimit", strconv.Itoa(size))
			if failed != "" {
				e.note("upload", "limited", "uploadFailed", failed)
			}
			return
		}
		failed = strconv.Itoa(size)
		e.note("uploadStatusText", statusText(err))
	}
	e.note("upload", "limited", "uploadLimit", "0", "uploadFailed", failed)
}

// suspicious are words that web application firewalls take for an attack.
const suspicious = "<script>alert(1)</script> ' OR 1=1 -- ../../etc/passwd"

// words finds out whether something in between refuses a body because of what is in it.
func (e *examination) words(ctx context.Context, l *line) {
	if l == nil || e.facts["uploadLimit"] == "0" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, openWait)
	defer cancel()
	e.note("words", "ok")
	if err := l.send(ctx, `{"type":"ping","pad":"`+suspicious+`"}`); err != nil {
		e.note("words", "refused", "wordsStatusText", statusText(err))
	}
}
