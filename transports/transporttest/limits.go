package transporttest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

// limit is one row of SPEC.md section 9, or a rate: request makes a request of that size, whose id is 9.
type limit struct {
	name    string
	max     int
	request func(n int) string
	want    protocol.Code // above it
	at      protocol.Code // at it, if what is asked for is refused; "" if it is
}

func long(n int) string { return strings.Repeat("a", n) }

var limits = []limit{
	{"channel", protocol.MaxChannelBytes, func(n int) string { return `{"type":"subscribe","id":9,"channel":"` + long(n) + `"}` }, protocol.CodeBadChannel, ""},
	{"channel of a publish", protocol.MaxChannelBytes, func(n int) string { return `{"type":"publish","id":9,"data":1,"channel":"` + long(n) + `"}` }, protocol.CodeBadChannel, ""},
	{"event", protocol.MaxEventBytes, func(n int) string { return publish9(`"event":"` + long(n) + `"`) }, protocol.CodeBadRequest, ""},
	{"idempotency key", protocol.MaxIdempotencyKeyBytes, func(n int) string { return publish9(`"idempotencyKey":"` + long(n) + `"`) }, protocol.CodeBadRequest, ""},
	{"spread", protocol.MaxSpreadMS, func(n int) string { return publish9(fmt.Sprintf(`"spread":%d`, n)) }, protocol.CodeBadRequest, ""},
	{"trace", 55, func(n int) string {
		return publish9(`"trace":"` + ("00-" + strings.Repeat("1", 32) + "-" + strings.Repeat("2", 16) + "-01x")[:n] + `"`)
	}, protocol.CodeBadRequest, ""},
	{"history", protocol.MaxHistoryLimit, func(n int) string { return fmt.Sprintf(`{"type":"history","id":9,"channel":"a","limit":%d}`, n) }, protocol.CodeBadRequest, ""},
	{"method", protocol.MaxNameBytes, func(n int) string { return `{"type":"call","id":9,"method":"` + long(n) + `"}` }, protocol.CodeBadRequest, protocol.CodeUnsupported},
	{"token", protocol.MaxTokenBytes, func(n int) string { return `{"type":"refresh","id":9,"token":"` + long(n) + `"}` }, protocol.CodeBadRequest, protocol.CodeUnsupported},
	{"depth of data", protocol.MaxDepth, func(n int) string {
		return `{"type":"publish","id":9,"channel":"b","data":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}, protocol.CodeBadJSON, ""},
	{"id", protocol.MaxInteger, func(n int) string { return fmt.Sprintf(`{"type":"subscribe","id":%d,"channel":"b"}`, n) }, protocol.CodeBadRequest, ""},
}

func publish9(field string) string {
	return `{"type":"publish","id":9,"channel":"b","data":1,` + field + `}`
}

// rates are what one connection may do at once; the next one is refused, and after a second there is room again.
var rates = []struct {
	name    string
	burst   int
	request func(i int) string
}{
	{"subscribes", 128, func(i int) string { return fmt.Sprintf(`{"type":"subscribe","id":%d,"channel":"b"}`, i) }},
	{"publishes", 100, func(i int) string { return fmt.Sprintf(`{"type":"publish","id":%d,"channel":"b","data":1}`, i) }},
	{"other requests", 100, func(i int) string { return fmt.Sprintf(`{"type":"history","id":%d,"channel":"b","limit":1}`, i) }},
}

// RunLimits tries each limit, on each transport, at the limit and one above. The server must be the whole one: most
// limits are the bus's.
func RunLimits(t *testing.T, start func(t *testing.T) Target) {
	for _, kind := range []string{protocol.WebSocket, protocol.SSE, protocol.Poll} {
		play := func(name string, f func(w *world)) {
			t.Run(kind+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { f(&world{T: t, Target: start(t), kind: kind}) })
			})
		}
		for _, l := range limits {
			play(l.name, func(w *world) { w.holds(l) })
		}
		for _, r := range rates {
			play("rate of "+r.name, func(w *world) { w.slowsDown(r.burst, r.request) })
		}
		play("subscriptions", (*world).countsSubscriptions)
		play("errors", (*world).countsErrors)
		play("channels of a URL", func(w *world) {
			w.plainly("bad_request", protocol.MaxURLChannels, func(n int) string {
				var names []string
				for i := range n {
					names = append(names, fmt.Sprintf("channel=c%d", i))
				}
				return strings.Join(names, "&")
			})
		})
		play("cursor", func(w *world) {
			w.plainly("bad_cursor", protocol.MaxCursorBytes, func(n int) string { return "channel=a&cursor=" + url.QueryEscape(strings.Repeat(",", n)) })
		})
		play("filter of a URL", func(w *world) {
			w.plainly("filter_too_complex", protocol.MaxURLFilterBytes, func(n int) string {
				return "channel=a&filter=" + url.QueryEscape(fmt.Sprintf(`{"equals":{"a":%*q}}`, n-len(`{"equals":{"a":}}`), "x"))
			})
		})
		play("session", func(w *world) {
			w.opens(`{"type":"connect","session":"`+long(protocol.MaxNameBytes)+`"}`, "")
			w.opens(`{"type":"connect","session":"`+long(protocol.MaxNameBytes+1)+`"}`, protocol.CodeBadRequest)
		})
	}
}

// holds sends a request at the limit and one above, which harms neither the connection nor another.
func (w *world) holds(l limit) {
	other := w.subscribed()
	c := w.open()
	c.Want(protocol.TypeConnected)
	if got := w.outcome(c, l.request(l.max)); got != l.at {
		w.Errorf("at the limit: got %q, want %q", got, l.at)
	}
	if got := w.outcome(c, l.request(l.max+1)); got != l.want {
		w.Errorf("above the limit: got %q, want %q", got, l.want)
	}
	w.isAlive(c)
	w.numbers(1, 2)
	other.WantMessages(1, 2)
}

// outcome is the code of the answer to a request, "" if it is none of an error.
func (w *world) outcome(c *Client, text string) protocol.Code {
	w.Helper()
	err := c.Send(text)
	var fault *protocol.Error
	if errors.As(err, &fault) {
		return fault.Code
	}
	if err != nil {
		w.Fatal(err)
	}
	for {
		switch f := c.Next(); f.Type {
		case protocol.TypeSubscribed, protocol.TypeReply:
			return ""
		case protocol.TypeError:
			return f.Code
		}
	}
}

func (w *world) slowsDown(burst int, request func(i int) string) {
	c := w.open()
	c.Want(protocol.TypeConnected)
	refused := func(first, n int) (refused int) {
		var batch []string
		for i := range n {
			if batch = append(batch, request(first+i)); len(batch) == protocol.MaxFrames || i == n-1 {
				w.send(c, "["+strings.Join(batch, ",")+"]")
				batch = nil
			}
		}
		for answered := 0; answered < n; {
			switch f := c.Next(); f.Type {
			case protocol.TypeError:
				switch f.Code {
				case protocol.CodeRateLimited:
					refused++
				case protocol.CodeSuperseded, protocol.CodeOverloaded: // the same channel again; too many that wait for the broker
				default:
					w.Fatalf("got %+v", f)
				}
				answered++
			case protocol.TypeSubscribed, protocol.TypeReply:
				answered++
			}
		}
		return refused
	}
	if got := refused(1, burst); got != 0 {
		w.Errorf("%d of %d at once were refused", got, burst)
	}
	if got := refused(1000, 1); got != 1 {
		w.Errorf("one more was not refused")
	}
	time.Sleep(time.Second)
	if got := refused(2000, 1); got != 0 {
		w.Errorf("a second later one was refused")
	}
}

func (w *world) countsSubscriptions() {
	c := w.open()
	c.Want(protocol.TypeConnected)
	for i := range protocol.MaxSubscriptions {
		if got := w.outcome(c, fmt.Sprintf(`{"type":"subscribe","id":9,"channel":"c%d"}`, i)); got != "" {
			w.Fatalf("subscription %d: got %q", i+1, got)
		}
	}
	time.Sleep(time.Second) // else the rate refuses it
	if got := w.outcome(c, `{"type":"subscribe","id":9,"channel":"more"}`); got != protocol.CodeLimitExceeded {
		w.Errorf("one more: got %q", got)
	}
	if got := w.outcome(c, `{"type":"unsubscribe","id":9,"channel":"c0"}`); got != "" {
		w.Errorf("unsubscribe: got %q", got)
	}
	if got := w.outcome(c, `{"type":"subscribe","id":9,"channel":"more"}`); got != "" {
		w.Errorf("in its place: got %q", got)
	}
}

func (w *world) countsErrors() {
	const fault = `{"type":"unsubscribe","id":9,"channel":"no channel"}`
	c := w.open()
	c.Want(protocol.TypeConnected)
	for i := range protocol.MaxErrors {
		if got := w.outcome(c, fault); got != protocol.CodeBadChannel {
			w.Fatalf("error %d: got %q", i+1, got)
		}
	}
	time.Sleep(protocol.ErrorWindow)
	for range protocol.MaxErrors {
		w.outcome(c, fault)
	}
	w.isAlive(c)
	w.send(c, fault)
	if end := c.End(); end.Code != protocol.CodeTooManyErrors {
		w.Errorf("one error too many: ended with %+v", end)
	}
}

// plainly asks for a stream, a poll or a socket by a URL of a size.
func (w *world) plainly(want string, max int, query func(n int) string) {
	path := map[string]string{protocol.WebSocket: "/ws", protocol.SSE: "/sse", protocol.Poll: "/poll"}[w.kind]
	ask := func(n int) string {
		r, err := http.NewRequest(http.MethodGet, w.URL+path+"?"+query(n), nil)
		if err != nil {
			w.Fatal(err)
		}
		if w.kind == protocol.WebSocket {
			r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
		}
		c := newClient(w, w.kind)
		answer, err := c.http.Do(r)
		if err != nil {
			w.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode < 400 {
			return ""
		}
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<16))
		return string(text)
	}
	if got := ask(max); strings.Contains(got, "limit") || want != "bad_cursor" && got != "" {
		w.Errorf("at the limit: got %q", got)
	}
	if got := ask(max + 1); !strings.Contains(got, `"code":"`+want+`"`) {
		w.Errorf("above the limit: got %q, want %s", got, want)
	}
}

func (w *world) opens(connect string, want protocol.Code) {
	w.Helper()
	if want != "" {
		w.refusedOpening(connect, want)
		return
	}
	c := newClient(w, w.kind)
	if err := c.Open(connect); err != nil {
		w.Errorf("at the limit: %v", err)
		return
	}
	c.Want(protocol.TypeConnected)
}
