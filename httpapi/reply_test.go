package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// asker is a client that asks for reply channels, and hears nothing else.
type asker struct {
	frames chan *protocol.Encoded

	mu  sync.Mutex // guards all below: the bus may wake it before Open returns
	out *core.Outbox
	gen uint64
}

func (l *asker) Wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out != nil {
		for _, f := range l.out.Take(l.gen, nil, 64, 1<<20) {
			l.frames <- f
		}
	}
}

func (l *asker) End(*protocol.Encoded) {}

// openReply returns a reply channel's publish URL, as a path, and its name.
func (w *world) openReply() (path string, ch protocol.Channel) {
	w.Helper()
	link := &asker{frames: make(chan *protocol.Encoded, 64)}
	c, gen, err := w.bus.Open(context.Background(), protocol.Peer{Transport: protocol.WebSocket}, &protocol.ClientFrame{Type: protocol.TypeConnect}, link)
	if err != nil {
		w.Fatal(err)
	}
	link.mu.Lock()
	link.out, link.gen = c.Outbox(), gen
	link.mu.Unlock()
	if err := c.Receive(gen, []protocol.ClientFrame{{Type: protocol.TypeCall, ID: 1, Method: "reply"}}); err != nil {
		w.Fatal(err)
	}
	for deadline := time.After(time.Minute); ; {
		select {
		case f := <-link.frames:
			got, err := protocol.DecodeServerFrames(f.JSON)
			if err != nil {
				w.Fatal(err)
			}
			if got[0].Type != protocol.TypeReply {
				continue
			}
			var given struct {
				Channel protocol.Channel
				Publish string
			}
			if err := json.Unmarshal(got[0].Data, &given); err != nil {
				w.Fatal(err)
			}
			return "/" + given.Publish, given.Channel
		case <-deadline:
			w.Fatal("no reply channel within 10 s")
		}
	}
}

func (w *world) reply(path, body string) (code int, answer string) {
	w.Helper()
	got := w.do(request{path: path, body: body, noKey: true})
	return got.Code, got.Body.String()
}

// A job that has the URL and nothing else reports progress and its end.
func TestReply(t *testing.T) {
	w := start(t)
	path, ch := w.openReply()
	for i, body := range []string{`{"event":"progress","data":{"percent":50}}`, `{"event":"done","data":"https://files.example.com/17","idempotencyKey":"job-17"}`} {
		var got replied
		w.ok(w.do(request{path: path, body: body, noKey: true}), &got)
		if got.Offset != uint64(i+1) || got.Epoch == "" || got.Tag == "" || got.ID == "" || got.Duplicate {
			t.Errorf("got %+v", got)
		}
	}
	var again replied
	w.ok(w.do(request{path: path, body: `{"event":"done","data":"https://files.example.com/17"}`, header: http.Header{"Idempotency-Key": {"job-17"}}, noKey: true}), &again)
	if !again.Duplicate || again.Offset != 2 {
		t.Errorf("the same done again: %+v", again)
	}
	w.refusedWith(w.do(request{path: path, body: `{"event":"progress","data":1}`, noKey: true}), protocol.CodeChannelClosed)

	if text := w.log.String(); strings.Contains(text, path[len("/api/reply?signature="):][:20]) || strings.Contains(text, string(ch)) {
		t.Errorf("a secret is in the log: %s", text)
	}
	var list struct{ Channels []channelInfo }
	w.ok(w.get("/api/channels"), &list)
	for _, info := range list.Channels {
		if info.Channel == string(ch) {
			t.Error("the list of channels tells the name, with which one can read")
		}
	}
	metrics := w.get("/metrics").Body.String()
	for _, line := range []string{"tidings_reply_channels_opened_total 1", "tidings_reply_channels_closed_total 1", "tidings_reply_mailboxes 1"} {
		if !strings.Contains(metrics, "\n"+line+"\n") {
			t.Errorf("the metrics have no line %q", line)
		}
	}
}

// B113: whatever is done to a publish URL or its body, it is refused, and the URL works afterwards; B114: nor does its
// channel take an API key.
func TestB113_B114_ReplyIsHardened(t *testing.T) {
	w := start(t)
	path, ch := w.openReply()
	other, _ := w.openReply()
	signature, to, _ := strings.Cut(strings.TrimPrefix(path, "/api/reply?signature="), "&to=")
	otherSignature, _, _ := strings.Cut(strings.TrimPrefix(other, "/api/reply?signature="), "&to=")
	const good = `{"event":"done","data":1}`
	_, proof, _ := ch.ReplyParts()
	for _, c := range []struct {
		name string
		q    request
		want protocol.Code
	}{
		{name: "no signature", q: request{path: "/api/reply?to=" + to, body: good}, want: protocol.CodeUnauthorized},
		{name: "nothing", q: request{path: "/api/reply", body: good}, want: protocol.CodeUnauthorized},
		{name: "a huge signature", q: request{path: "/api/reply?to=" + to + "&signature=" + strings.Repeat("A", 4000), body: good}, want: protocol.CodeUnauthorized},
		{name: "forged", q: request{path: "/api/reply?to=" + to + "&signature=" + strings.Repeat("A", 22), body: good}, want: protocol.CodeForbidden},
		{name: "of another channel", q: request{path: "/api/reply?to=" + to + "&signature=" + otherSignature, body: good}, want: protocol.CodeForbidden},
		{name: "altered to last longer", q: request{path: "/api/reply?to=zzz" + to[3:] + "&signature=" + signature, body: good}, want: protocol.CodeForbidden},
		{name: "the name's proof as signature", q: request{path: "/api/reply?to=" + to + "&signature=" + proof, body: good}, want: protocol.CodeForbidden},
		{name: "an API key in place of a signature", q: request{path: "/api/reply?to=" + to + "&signature=" + key, body: good}, want: protocol.CodeForbidden},
		{name: "signature given twice", q: request{path: path + "&signature=" + signature, body: good}, want: protocol.CodeBadRequest},
		{name: "a parameter more", q: request{path: path + "&x=1", body: good}, want: protocol.CodeUnknownField},
		{name: "GET", q: request{method: "GET", path: path}, want: protocol.CodeMethodNotAllowed},
		{name: "PUT", q: request{method: "PUT", path: path, body: good}, want: protocol.CodeMethodNotAllowed},
		{name: "no body", q: request{method: "POST", path: path, header: http.Header{"Content-Type": {"application/json"}}}, want: protocol.CodeBadJSON},
		{name: "as a form, which any page can send", q: request{path: path, body: good, header: http.Header{"Content-Type": {"text/plain"}}}, want: protocol.CodeUnsupportedMediaType},
		{name: "no event", q: request{path: path, body: `{"data":1}`}, want: protocol.CodeBadRequest},
		{name: "another event", q: request{path: path, body: `{"event":"finished","data":1}`}, want: protocol.CodeBadRequest},
		{name: "no data", q: request{path: path, body: `{"event":"done"}`}, want: protocol.CodeBadRequest},
		{name: "a channel of its choice", q: request{path: path, body: `{"event":"done","data":1,"channel":"news"}`}, want: protocol.CodeUnknownField},
		{name: "the event twice", q: request{path: path, body: `{"event":"done","event":"done","data":1}`}, want: protocol.CodeBadJSON},
		{name: "behind the value", q: request{path: path, body: good + "x"}, want: protocol.CodeBadJSON},
		{name: "data too large", q: request{path: path, body: `{"event":"done","data":"` + strings.Repeat("a", protocol.MaxPayloadBytes) + `"}`}, want: protocol.CodeTooLarge},
		{name: "body too large", q: request{path: path, body: `{"event":"done","data":1` + strings.Repeat(" ", maxReplyBody) + `}`}, want: protocol.CodeTooLarge},
		{name: "an empty key", q: request{path: path, body: good, header: http.Header{"Idempotency-Key": {""}}}, want: protocol.CodeBadRequest},
		{name: "the name of the channel at the API", q: request{path: "/api/publish", body: `{"channel":"` + string(ch) + `","data":1}`, header: http.Header{"Authorization": {"Bearer " + key}}}, want: protocol.CodeForbidden},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.q.noKey = true
			w.in(t).refusedWith(w.in(t).do(c.q), c.want)
		})
	}
	if code, body := w.reply(path, good); code != http.StatusOK {
		t.Errorf("after all that the URL does not work: %d %s", code, body)
	}
	if text := w.log.String(); strings.Contains(text, signature) {
		t.Error("the signature is in the log")
	}
}
