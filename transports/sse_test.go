package transports

import (
	"bytes"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/core"
	"tidings/protocol"
)

func TestSSEHeadersAndFirstBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, func(c *Config) { c.Origins = []string{"https://app.example"} })
		e := r.get(t, "?channel=a", "Origin", "https://app.example")
		for name, want := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-store, no-transform",
			"X-Accel-Buffering": "no", "Access-Control-Allow-Origin": "https://app.example", "Vary": "Origin"} {
			if got := e.header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if b, _ := e.raw(); !bytes.HasPrefix(b, []byte(": tidings\nretry: ")) {
			t.Errorf("began with %q", b)
		}
	})
}

// A POST /bus/send may come as soon as the bus knows the stream, from a client that had one before: it is a sign of life.
func TestSSEIsTouchedWhileItOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		r.bus.opens = func(l core.Link) {
			if ev := l.(*eventStream); !ev.sends {
				t.Error("the bus knows the stream, and a POST does not count for it")
			}
			go l.(*eventStream).touch()
		}
		e := r.stream(t, http.MethodPost, "", `{"type":"connect"}`)
		e.want(protocol.TypeConnected)
	})
}

func TestSSEIDsOfOneChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		r.bus.publish("a", "1")
		e := r.get(t, "?channel=a")
		if ev := e.want(protocol.TypeConnected); ev.id != "" {
			t.Errorf("connected has id %q", ev.id)
		}
		if ev := e.want(protocol.TypeSubscribed); ev.id != "e1:1:t1" {
			t.Errorf("subscribed has id %q: a client that is cut before the first message must be able to resume", ev.id)
		}
		r.bus.publish("a", `"2\n\ndata: forged"`)
		e.wantMessage(`"2\n\ndata: forged"`, "e1:2:t2")
		e.cancel()
		r.bus.publish("a", "3")
		again := r.get(t, "?channel=a", "Last-Event-ID", "e1:2:t2")
		again.want(protocol.TypeConnected)
		again.want(protocol.TypeSubscribed)
		again.wantMessage("3", "e1:3:t3")
	})
}

func TestSSECursorOfSeveralChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		r.bus.publish("a", "1")
		e := r.get(t, "?channel=a&channel=b")
		e.want(protocol.TypeConnected)
		if ev := e.want(protocol.TypeSubscribed); ev.id != "e1:1:t1,-" {
			t.Errorf("the first subscribed has id %q", ev.id)
		}
		e.want(protocol.TypeSubscribed)
		r.bus.publish("b", "2")
		e.wantMessage("2", "e1:1:t1,e2:1:t1")
		e.cancel()
		r.bus.publish("a", "3")
		r.bus.publish("b", "4")
		again := r.get(t, "?channel=a&channel=b&cursor=e1:1:t1,e2:1:t1")
		again.want(protocol.TypeConnected)
		again.want(protocol.TypeSubscribed)
		again.wantMessage("3", "e1:2:t2,e2:1:t1")
		again.want(protocol.TypeSubscribed)
		again.wantMessage("4", "e1:2:t2,e2:2:t2")
	})
}

func TestSSEOfAForbiddenChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := inMemory(t, nil).get(t, "?channel=forbidden")
		e.want(protocol.TypeConnected)
		if ev := e.want(protocol.TypeError); ev.frame.Code != protocol.CodeForbidden || ev.id != "" {
			t.Errorf("got %+v", ev)
		}
	})
}

func TestSSEComments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		e := r.get(t, "?channel=a")
		e.raw()
		e.want(protocol.TypeConnected)
		e.want(protocol.TypeSubscribed)
		for range 5 {
			start := time.Now()
			if b, ok := e.raw(); string(b) != ":" || !ok {
				t.Fatalf("got %q", b)
			}
			if quiet := time.Since(start); quiet < protocol.DefaultHeartbeat-2*time.Second || quiet > protocol.DefaultHeartbeat {
				t.Errorf("a comment after %v", quiet)
			}
		}
		time.Sleep(20 * time.Second)
		r.bus.publish("a", "1")
		e.wantMessage("1", "e1:1:t1")
		within(t, protocol.DefaultHeartbeat, func() { e.raw() })
	})
}

func TestSSERotates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		start := time.Now()
		e := r.get(t, "?channel=a")
		for {
			b, ok := e.raw()
			if !ok {
				t.Fatal("ended without a word")
			}
			if ev, ok := e.parse(b); ok && ev.frame.Type == protocol.TypeDisconnect {
				if ev.frame.Code != protocol.CodeRotated || !ev.frame.Retry {
					t.Errorf("got %+v", ev.frame)
				}
				break
			}
		}
		if life := time.Since(start); life < 12*time.Minute || life > 18*time.Minute+time.Second {
			t.Errorf("lived %v", life)
		}
		if _, ok := e.raw(); ok {
			t.Error("the stream went on")
		}
		synctest.Wait()
		if s := r.h.Stats().SSE; s.Open != 0 || s.Opened != 1 {
			t.Errorf("got %+v", s)
		}
	})
}

func TestSSEFramesOfAnEndedStreamWaitForTheResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		e := r.stream(t, http.MethodPost, "", `[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`)
		e.want(protocol.TypeConnected)
		e.want(protocol.TypeSubscribed)
		s := r.bus.all()[0]
		e.cancel()
		synctest.Wait()
		if got := s.losses(); !slices.Equal(got, []protocol.Code{""}) {
			t.Errorf("lost with %q", got)
		}
		r.bus.publish("a", "1")
		e = r.stream(t, http.MethodPost, "", `{"type":"connect","session":"`+s.id+`","received":1}`)
		if f := e.want(protocol.TypeConnected).frame; !f.Resumed {
			t.Errorf("got %+v", f)
		}
		e.wantMessage("1", "")
	})
}

func TestSSEWithoutChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		for query, code := range map[string]protocol.Code{
			"": protocol.CodeBadRequest, "?channel=": protocol.CodeBadChannel, "?channel=a&channel=a": protocol.CodeBadRequest,
			"?channel=a" + strings.Repeat("&channel=b", 32): protocol.CodeBadRequest, "?channel=%zz": protocol.CodeBadRequest,
			"?channel=a&cursor=e1:1:t1,e2:1:t1": protocol.CodeBadCursor, "?channel=a&cursor=a&cursor=b": protocol.CodeBadRequest,
			"?channel=" + strings.Repeat("a", 201): protocol.CodeBadChannel,
		} {
			if a := r.ask(t, lines("GET /bus/sse"+query+" HTTP/1.1")); a.status != 400 || a.code() != code {
				t.Errorf("%s: got %d %s, want %q", query, a.status, a.body, code)
			}
		}
		if n := len(r.bus.all()); n != 0 {
			t.Errorf("%d sessions were opened", n)
		}
	})
}

func TestSSEOverHTTP2(t *testing.T) {
	bus := newFakeBus()
	h, err := New(bus, quietConfig())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(h.mux())
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(func() { h.Close(); server.Close() })
	r := &rig{bus: bus, h: h, url: server.URL + "/bus", http: server.Client()}
	e := r.get(t, "?channel=a")
	e.want(protocol.TypeConnected)
	e.want(protocol.TypeSubscribed)
	for i, data := range []string{"1", "2", "3"} {
		bus.publish("a", data)
		e.wantMessage(data, "e1:"+data+":t"+string(rune('1'+i)))
	}
	bus.all()[0].end(goodbye(protocol.CodeDisconnected, "go away"))
	if f := e.want(protocol.TypeDisconnect).frame; f.Code != protocol.CodeDisconnected {
		t.Errorf("got %+v", f)
	}
	if _, ok := e.raw(); ok {
		t.Error("the stream went on")
	}
	e = r.get(t, "?channel=a")
	e.want(protocol.TypeConnected)
	e.cancel()
	waitFor(t, func() bool { return h.Stats().SSE.Open == 0 })
}

func TestWebSocketOverTLS(t *testing.T) {
	bus := newFakeBus()
	h, err := New(bus, quietConfig())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(h.mux())
	t.Cleanup(func() { h.Close(); server.Close() })
	r := &rig{bus: bus, h: h}
	conn, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	s := upgradeOn(t, conn, upgradeRequest("Origin: https://tidings.test")) // B3: the own origin is that of https now
	s.connected()
	s.send(text(`{"type":"subscribe","id":1,"channel":"a"}`))
	s.want("subscribed")
	for range 100 {
		r.bus.publish("a", `"`+strings.Repeat("x", 10_000)+`"`)
	}
	for range 100 {
		s.want("xxxx")
	}
}

func TestSSEProvesItsPathWithoutASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		start := time.Now()
		e := r.stream(t, http.MethodPost, "", `[{"type":"ping","id":7}]`)
		if f := e.want(protocol.TypePong).frame; f.ID != 7 {
			t.Errorf("got %+v", f)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("the pong came after %v: a held response proves nothing unless it comes at once", took)
		}
		if _, ok := e.raw(); ok {
			t.Error("more came")
		}
		if held := time.Since(start); held != r.h.cfg.ConnectDeadline {
			t.Errorf("held for %v, want %v", held, r.h.cfg.ConnectDeadline)
		}
		e = r.stream(t, http.MethodPost, "", `{"type":"ping"}`)
		e.want(protocol.TypePong)
		e.cancel()
		synctest.Wait()
		if n := len(r.bus.all()); n != 0 || r.h.Stats().SSE.Opened != 0 {
			t.Errorf("%d sessions", n)
		}
		a := r.ask(t, post("/bus/sse", `[{"type":"ping"},{"type":"connect"}]`))
		if a.status != 400 || a.code() != protocol.CodeBadRequest {
			t.Errorf("got %d %s", a.status, a.body)
		}
	})
}
