package httpapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tidings/actors"
	"tidings/protocol"
)

// documents publishes changes of a document as a store will, each with all that a message can have beside its data.
func (w *world) document(change uint64) protocol.Position {
	w.Helper()
	done, err := w.bus.Publish(w.Context(), actors.Publish{Channel: "docs", Data: []byte(`{"title":"after"}`), Extra: &protocol.Extra{
		Meta: []byte(`{"by":"desk"}`), Change: change, Txn: change - 1, Changed: []byte(`["title"]`), Gone: true,
		Before: []byte(`{"title":"SECRET of before"}`), Origin: []byte(`{"request":"SECRET of the origin"}`),
	}})
	if err != nil {
		w.Fatal(err)
	}
	return done.Position
}

// What was there before a change reaches no client, and the origin none of this protocol, over whatever wire, live or
// recovered; neither stands in any answer of the API.
func TestBeforeAndOriginReachNobody(t *testing.T) {
	w := start(t)
	server := httptest.NewServer(w.api)
	defer server.Close()
	first := w.document(41)
	start := protocol.Position{Epoch: first.Epoch}
	frames := fmt.Sprintf(`[{"type":"connect"},{"type":"subscribe","id":1,"channel":"docs","since":{"epoch":%q,"offset":0,"tag":""}},{"type":"history","id":2,"channel":"docs"}]`, first.Epoch)
	answer, err := w.open(t.Context(), server.URL+"/bus/poll", `[{"type":"connect"},{"type":"subscribe","id":1,"channel":"docs"}]`)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(answer)
	opened, _, err := protocol.DecodePollAnswer(b)
	if err != nil {
		t.Fatal(err)
	}
	connection := opened[0].Connection
	for name, open := range map[string]func(ctx context.Context) (io.Reader, error){
		"websocket": func(ctx context.Context) (io.Reader, error) { return webSocketText(ctx, server.URL+"/bus/ws", frames) },
		"a plain websocket": func(ctx context.Context) (io.Reader, error) {
			return webSocketText(ctx, server.URL+"/bus/ws?channel=docs", "")
		},
		"sse": func(ctx context.Context) (io.Reader, error) { return w.open(ctx, server.URL+"/bus/sse", frames) },
		"a plain sse": func(ctx context.Context) (io.Reader, error) {
			return w.open(ctx, server.URL+"/bus/sse?channel=docs&cursor="+start.String(), "")
		},
		"poll": func(ctx context.Context) (io.Reader, error) { return w.polls(ctx, server.URL+"/bus/poll", frames), nil },
		"a plain poll": func(ctx context.Context) (io.Reader, error) {
			return w.open(ctx, server.URL+"/bus/poll?channel=docs&cursor="+start.String(), "")
		},
		"the API's history": func(ctx context.Context) (io.Reader, error) {
			return w.open(ctx, server.URL+"/api/history?channel=docs", "")
		},
		"the API's tail": func(ctx context.Context) (io.Reader, error) {
			return w.open(ctx, server.URL+"/api/tail?pattern=docs", "")
		},
		"the API's channels": func(ctx context.Context) (io.Reader, error) { return w.open(ctx, server.URL+"/api/channels", "") },
		"the API's why": func(ctx context.Context) (io.Reader, error) {
			return w.open(ctx, fmt.Sprintf("%s/api/why?connection=%s&channel=docs&offset=%d", server.URL, connection, first.Offset), "")
		},
		"the API's page /bus": func(ctx context.Context) (io.Reader, error) { return w.open(ctx, server.URL+"/bus", "") },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			r, err := open(ctx)
			if err != nil {
				t.Fatal(err)
			}
			live := w.in(t).document(42)
			want := fmt.Sprintf(`"offset":%d`, live.Offset)
			got := readUntil(r, want)
			if strings.Contains(got, "SECRET") {
				t.Errorf("it brings what came before, or the origin: %s", got)
			}
			messages := !strings.HasPrefix(name, "the API's") || name == "the API's history"
			if messages && !strings.Contains(got, `"meta":{"by":"desk"},"change":4`) {
				t.Errorf("got %s\nwant the messages, with meta and change", got)
			}
		})
	}
}

// open sends a request, with the key where it is one to the API, and returns the body of its answer.
func (w *world) open(ctx context.Context, url, body string) (io.Reader, error) {
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if strings.Contains(url, "/api/") {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { answer.Body.Close() })
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return answer.Body, nil
}

// polls returns the answers to a connect and to the polls that follow it, one after another.
func (w *world) polls(ctx context.Context, url, first string) io.Reader {
	r, to := io.Pipe()
	go func() {
		for body := first; ; {
			answer, err := w.open(ctx, url, body)
			if err != nil {
				to.CloseWithError(err)
				return
			}
			b, _ := io.ReadAll(answer)
			to.Write(b)
			frames, cursor, err := protocol.DecodePollAnswer(b)
			if err != nil {
				to.CloseWithError(err)
				return
			}
			for _, f := range frames {
				if f.Type == protocol.TypeConnected {
					first = f.Session
				}
			}
			body = fmt.Sprintf(`{"type":"poll","session":%q,"received":%s}`, first, cursor)
		}
	}()
	return r
}

// webSocketText returns all text messages, one after another.
func webSocketText(ctx context.Context, url, first string) (io.Reader, error) {
	conn, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(1 << 20)
	if first != "" {
		if err := conn.Write(ctx, websocket.MessageText, []byte(first)); err != nil {
			return nil, err
		}
	}
	r, w := io.Pipe()
	go func() {
		defer conn.CloseNow()
		for {
			_, b, err := conn.Read(ctx)
			if err != nil {
				w.CloseWithError(err)
				return
			}
			w.Write(b)
		}
	}()
	return r, nil
}

// readUntil reads until the text has want, or to its end.
func readUntil(r io.Reader, want string) string {
	var all strings.Builder
	b := make([]byte, 4096)
	for !strings.Contains(all.String(), want) {
		n, err := r.Read(b)
		all.Write(b[:n])
		if err != nil {
			break
		}
	}
	return all.String()
}

// A publish of a client, or of a backend over the API, cannot make its message a change of a document.
func TestOnlyAStoreMakesChanges(t *testing.T) {
	w := start(t)
	for _, field := range []string{`"change":7`, `"txn":7`, `"changed":["a"]`, `"scope":"out"`, `"gone":true`, `"before":{}`, `"origin":{}`} {
		w.refusedWith(w.publish(`{"channel":"docs","data":1,`+field+`}`), protocol.CodeUnknownField)
	}
	server := httptest.NewServer(w.api)
	defer server.Close()
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	answer := w.polls(ctx, server.URL+"/bus/poll", `[{"type":"connect"},{"type":"subscribe","id":1,"channel":"docs"},
		{"type":"publish","id":2,"channel":"docs","data":1,"meta":{"by":"me"},"change":7,"txn":7,"changed":["a"],"scope":"out","gone":true,"before":{},"origin":{}}]`)
	// The first poll may be answered before the publish is: only its own answer says that it is in the history.
	if heard := readUntil(answer, `"type":"reply"`); !strings.Contains(heard, `"type":"reply"`) {
		t.Fatalf("heard %s, want the answer to the publish", heard)
	}
	kept := w.get("/api/history?channel=docs").Body.String()
	if !strings.Contains(kept, `"meta":{"by":"me"}`) {
		t.Errorf("%s: meta was lost", kept)
	}
	for _, field := range []string{`"change"`, `"txn"`, `"changed"`, `"scope"`, `"gone"`, `"before"`, `"origin"`} {
		if strings.Contains(kept, field) {
			t.Errorf("%s: a client set %s", kept, field)
		}
	}
}

func TestMetaOfAPublish(t *testing.T) {
	w := start(t)
	w.ok(w.publish(`{"channel":"a","data":1,"meta": {"by": "desk", "n": [1, 2]}}`), &published{})
	if r := w.do(request{path: "/api/batch", body: `{"items":[{"channel":"a","data":2,"meta":{"by":"batch"}}]}`}); r.Code != http.StatusOK {
		t.Errorf("batch: %d %s", r.Code, r.Body)
	}
	kept := w.get("/api/history?channel=a").Body.String()
	for _, want := range []string{`"meta":{"by":"desk","n":[1,2]},"data":1`, `"meta":{"by":"batch"},"data":2`} {
		if !strings.Contains(kept, want) {
			t.Errorf("history is %s, want %s in it", kept, want)
		}
	}
	for in, want := range map[string]protocol.Code{
		`[]`: protocol.CodeBadRequest, `"x"`: protocol.CodeBadRequest, `null`: protocol.CodeBadRequest, `{"a":1,"a":2}`: protocol.CodeBadJSON,
		`{"x":"` + strings.Repeat("x", protocol.MaxMetaBytes-7) + `"}`: protocol.CodeTooLarge,
	} {
		w.refusedWith(w.publish(`{"channel":"a","data":1,"meta":`+in+`}`), want)
	}
	same := `{"channel":"a","data":1,"idempotencyKey":"k1","meta":{"by":"desk"}}`
	w.ok(w.publish(same), &published{})
	w.ok(w.publish(same), &published{})
	w.refusedWith(w.publish(strings.Replace(same, "desk", "gate", 1)), protocol.CodeIdempotencyConflict)
}
