package transports

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

// shouting opens a connection of the language shout.
func (r *rig) shouting(t testing.TB, headers ...string) *rawSocket {
	t.Helper()
	return r.rawSocketAt(t, strings.Replace(upgradeRequest(headers...), "/bus/ws", "/shout", 1))
}

// wantExactly reads up to the next text frame, which must be want.
func (s *rawSocket) wantExactly(want string) {
	s.t.Helper()
	op, payload, err := s.read()
	for err == nil && op == opPing {
		s.send(frame(fin|opPong, ""))
		op, payload, err = s.read()
	}
	if err != nil || op != opText || payload != want {
		s.t.Fatalf("got %d %q, %v; want the text %q", op, payload, err, want)
	}
}

func TestNativeClientsAndThoseOfALanguageHearEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		native, loud := r.rawSocket(t).connected(), r.shouting(t, "Authorization: Bearer mine")
		native.send(text(`{"type":"subscribe","id":1,"channel":"a"}`))
		native.want(`"subscribed"`)
		loud.send(text("+a"))
		loud.wantExactly("a ok")
		time.Sleep(2 * time.Second)
		loud.send(text("a hello"))
		loud.wantExactly("a HELLO")
		native.want(`"data":"hello"`)
		native.send(text(`{"type":"publish","id":2,"channel":"a","data":"how are you"}`))
		loud.wantExactly("a HOW ARE YOU")
		if p := r.bus.peers[1]; p.Gateway != protocol.GatewayPakyow || !p.Fleeting() || p.Plain || p.Token != "mine" || p.Transport != protocol.WebSocket {
			t.Errorf("the peer is %+v", p)
		}
		loud.conn.Close()
		synctest.Wait()
		if n := len(r.bus.all()); n != 1 {
			t.Errorf("%d sessions are left, want the native one alone", n)
		}
	})
}

func TestALanguageGreets(t *testing.T) {
	for _, row := range []struct {
		name, query string
		headers     []string
		status      int
		has, chosen string // a part of the body, and the subprotocol
	}{
		{"a subprotocol is chosen", "", []string{"Sec-WebSocket-Protocol: null"}, http.StatusSwitchingProtocols, "", "null"},
		{"it refuses in its own words", "?go=1", nil, http.StatusTeapot, "GO AWAY", ""},
		{"a token in the URL", "?token=secret", nil, http.StatusBadRequest, "never part of a URL", ""},
		{"a token of another name in the URL", "?a=1&access_token=secret", nil, http.StatusBadRequest, "never part of a URL", ""},
		{"a wrong origin", "", []string{"Origin: http://evil.test"}, http.StatusForbidden, "origin_forbidden", ""},
		{"a version of WebSocket that there is not", "", []string{"Sec-WebSocket-Version: 12", "Sec-WebSocket-Protocol: null"}, http.StatusBadRequest, "malformed", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := inMemory(t, nil)
				request := strings.Replace(upgradeRequest(row.headers...), "/bus/ws", "/shout"+row.query, 1)
				if strings.Contains(request, "Version: 12") {
					request = strings.Replace(request, "Sec-WebSocket-Version: 13\r\n", "", 1)
				}
				a := r.ask(t, request)
				if chosen := a.header.Get("Sec-WebSocket-Protocol"); a.status != row.status || !strings.Contains(a.body, row.has) || chosen != row.chosen {
					t.Errorf("answered %d %q with the subprotocol %q; want %d with %q, and %q", a.status, a.body, chosen, row.status, row.has, row.chosen)
				}
				if refused := r.h.Stats().Refused[Refusal{"pakyow", protocol.CodeOriginForbidden}]; row.status == http.StatusForbidden && refused != 1 {
					t.Errorf("%d refusals are counted for the gateway", refused)
				}
			})
		})
	}
}

func TestALanguageIsPutIntoWordsOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		var all []*rawSocket
		for range 10 {
			s := r.shouting(t)
			s.send(text("+a"))
			s.wantExactly("a ok")
			all = append(all, s)
		}
		time.Sleep(2 * time.Second)
		before := shouted.Load()
		r.bus.publish("a", `"hello"`)
		for _, s := range all {
			s.wantExactly("a HELLO")
		}
		if n := shouted.Load() - before; n != 1 {
			t.Errorf("the message was put into words %d times", n)
		}
	})
}

func TestAMessageThatATalkWaitsWithComesLaterAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.shouting(t)
		s.send(text("+a"))
		s.wantExactly("a ok")
		at := time.Now()
		for _, data := range []string{`"one"`, `"two"`, `"three"`} {
			r.bus.publish("a", data)
		}
		s.send(text("?"))
		s.wantExactly("!") // what the talk says by itself does not wait
		if took := time.Since(at); took != 0 {
			t.Errorf("that took %v", took)
		}
		for _, want := range []string{"a ONE", "a TWO", "a THREE"} {
			s.wantExactly(want)
		}
		if took := time.Since(at); took < time.Second || took > 1100*time.Millisecond {
			t.Errorf("they came after %v, want a second", took)
		}
	})
}

func TestAPongEndsTheWaitOfATalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.shouting(t)
		at := time.Now()
		for range 2 { // one wait, and another
			s.send(text("+a"))
			s.wantExactly("a ok")
			for _, data := range []string{`"one"`, `"two"`} {
				r.bus.publish("a", data)
			}
			s.send(frame(fin|opPong, ""), frame(fin|opPong, "not yet"), text("?"))
			s.wantExactly("!")
			s.send(frame(fin|opPong, "go on"))
			for _, want := range []string{"a ONE", "a TWO"} {
				s.wantExactly(want)
			}
		}
		if took := time.Since(at); took != 0 {
			t.Errorf("that took %v", took)
		}
		r.bus.publish("a", `"three"`) // without any wait
		s.wantExactly("a THREE")
	})
}

func TestALanguageIsSilentAboutWhatItHasNoWordsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.shouting(t)
		s.send(text("+a"))
		s.wantExactly("a ok")
		time.Sleep(2 * time.Second)
		session := r.bus.all()[0]
		secret := &protocol.Message{Channel: "a", Epoch: "e1", Offset: 1, Tag: "t", ID: "i", Event: "secret", Data: []byte("1")}
		for range 3 * batchFrames { // more than one batch that comes to nothing
			session.push(secret.Encoded())
		}
		session.flush()
		r.bus.publish("a", `"heard"`)
		s.wantExactly("a HEARD")
		if waiting, _ := session.outbox.Waiting(); waiting != 0 {
			t.Errorf("%d frames wait", waiting)
		}
	})
}

func TestEndsOfALanguage(t *testing.T) {
	flood := text("??")
	for _, row := range []struct {
		name   string
		do     func(r *rig, s *rawSocket)
		text   string // the last text, "" for none
		number int
	}{
		{"the bus drains", func(r *rig, s *rawSocket) { r.bus.all()[0].end(goodbye(protocol.CodeShuttingDown, "x")) }, "BYE shutting_down", 4999},
		{"the client says goodbye", func(r *rig, s *rawSocket) { s.send(text("bye")) }, "", 4998},
		{"binary", func(r *rig, s *rawSocket) { s.send(frame(fin|opBinary, "x")) }, "BYE unsupported_data", 4999},
		{"not UTF-8", func(r *rig, s *rawSocket) { s.send(text("\xff")) }, "BYE bad_utf8", 4999},
		{"as long as it may be", func(r *rig, s *rawSocket) { s.send(text("+"+strings.Repeat("a", 99_999)), text("bye")) }, "", 4998},
		{"one byte longer", func(r *rig, s *rawSocket) { s.send(text(strings.Repeat("a", 100_001))) }, "BYE too_large", 4999},
		{"one byte longer in two parts", func(r *rig, s *rawSocket) {
			s.send(frame(opText, strings.Repeat("a", 100_000)), frame(fin|opContinue, "a"))
		}, "BYE too_large", 4999},
		{"malformed messages without end", func(r *rig, s *rawSocket) {
			for range protocol.MaxErrors {
				s.send(text(""))
				s.want("NO: bad_request")
			}
			s.send(text(""))
		}, "BYE too_many_errors", 4999},
		{"it is silent and answers no ping", func(r *rig, s *rawSocket) {}, "BYE heartbeat_timeout", 4999},
		{"it does not read the answers", func(r *rig, s *rawSocket) { s.send(flood, flood, flood, flood) }, "BYE slow_consumer", 4999},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := inMemory(t, nil)
				s := r.shouting(t)
				synctest.Wait()
				row.do(r, s)
				synctest.Wait()
				last, number := s.lastWords()
				if last != row.text || number != row.number {
					t.Errorf("ended with %q and %d, want %q and %d", last, number, row.text, row.number)
				}
				synctest.Wait()
				if n := len(r.bus.all()); n != 0 {
					t.Errorf("%d sessions are left: what ends is not parked", n)
				}
			})
		})
	}
}

// lastWords reads to the end: the last text that is no heartbeat and no answer, and the number of the close frame.
func (s *rawSocket) lastWords() (last string, number int) {
	s.t.Helper()
	for {
		op, payload, err := s.read()
		switch {
		case err != nil:
			return last, number
		case op == opClose && len(payload) >= 2:
			number = int(payload[0])<<8 | int(payload[1])
		case op == opText && strings.HasPrefix(payload, "BYE"):
			last = payload
		}
	}
}

func TestALanguageBeatsByItsOwnClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.shouting(t)
		start := time.Now()
		for i := range 12 {
			s.wantExactly("tick")
			if took, want := time.Since(start), time.Duration(i+1)*time.Minute; took < want || took > want+time.Duration(i+1)*time.Second {
				t.Fatalf("tick %d came after %v", i+1, took)
			}
		}
	})
}

func TestCountsOfALanguage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.shouting(t)
		s.send(text("+a"))
		s.wantExactly("a ok")
		time.Sleep(2 * time.Second)
		s.send(text("a hello"))
		s.wantExactly("a HELLO")
		s.send(text(""))
		s.wantExactly("NO: bad_request")
		all := r.h.Stats()
		g := all.Gateways[0]
		if g.Gateway != protocol.GatewayPakyow || g.Open != 1 || g.Opened != 1 || g.Messages != 1 || g.Heard != 3 || g.Malformed != 1 || g.Unsupported["whisper"] != 7 {
			t.Errorf("counted %+v", g)
		}
		if all.WebSocket.Opened != 0 {
			t.Errorf("%d are counted as native", all.WebSocket.Opened)
		}
	})
}

func TestASessionThatOpensLater(t *testing.T) {
	for _, row := range []struct {
		name, message, heard, last string
		sessions                   int
	}{
		{"with a message", "hi mine", "greeted ok", "", 1},
		{"not with one that needs no session", "?", "!", "BYE connect_timeout", 0},
		{"not with one that cannot be read", "", "", "BYE bad_request", 0},
		{"not with a token that is refused", "hi bad", "", "BYE unauthorized", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := inMemory(t, nil)
				s := r.rawSocketAt(t, strings.Replace(upgradeRequest(), "/bus/ws", "/shout?later", 1))
				s.wantExactly("WELCOME")
				if n := len(r.bus.all()); n != 0 {
					t.Errorf("%d sessions are open before the client spoke", n)
				}
				start := time.Now()
				s.send(text(row.message))
				if row.heard != "" {
					s.wantExactly(row.heard)
				}
				if n := len(r.bus.all()); n != row.sessions {
					t.Errorf("%d sessions are open, want %d", n, row.sessions)
				}
				if row.last == "" {
					return
				}
				if last, number := s.lastWords(); last != row.last || number != 4999 {
					t.Errorf("ended with %q and %d, want %q", last, number, row.last)
				}
				if took := time.Since(start).Round(time.Second); strings.Contains(row.last, "timeout") && took != 10*time.Second && took != 11*time.Second {
					t.Errorf("the client had %v to open its session", took)
				}
			})
		})
	}
}
