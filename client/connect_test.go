package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

func allTransports(cfg *Config) { cfg.Transports = nil }

// on answers requests for one URL in its own way, and all others as the script does.
func (s *server) on(path string, answer http.HandlerFunc) {
	s.instead(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, path) {
			answer(w, r)
			return
		}
		s.serve(w, r)
	})
}

// once lets answer answer once; then the script does.
func (s *server) once(answer http.HandlerFunc) http.HandlerFunc {
	var first atomic.Bool
	return func(w http.ResponseWriter, r *http.Request) {
		if first.CompareAndSwap(false, true) {
			answer(w, r)
			return
		}
		s.serve(w, r)
	}
}

// swallow takes a request and never answers.
func swallow(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func TestSwallowedWebSocketStepsDownToSSEAndRemembers(t *testing.T) {
	bubble(t, "", func(t *testing.T, s *server) {
		s.on("/ws", swallow)
		begun := time.Now()
		c := s.client(allTransports)
		_, h := s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		if took := time.Since(begun); l.transport != protocol.SSE || took != proofDeadline {
			t.Errorf("connected over %s after %v, want sse after %v", l.transport, took, proofDeadline)
		}
		l.subscribed(0)
		h.want(t, "subscribed 0 false")
		begun = time.Now()
		l.cut()
		l, _ = s.connected("s1", true)
		if took := time.Since(begun); l.transport != protocol.SSE || took > time.Second {
			t.Errorf("came back over %s after %v, want sse at once", l.transport, took)
		}
		time.Sleep(rememberFor + time.Minute)
		s.instead(nil)
		l.cut()
		if l, _ = s.connected("s1", true); l.transport != protocol.WebSocket {
			t.Errorf("came back over %s when the memory was old, want websocket", l.transport)
		}
	})
}

func TestAnswersOfProxiesStepDown(t *testing.T) {
	for _, status := range []int{200, 400, 403, 404, 426, 502, 503, 504} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			bubble(t, "", func(t *testing.T, s *server) {
				page := func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "text/html")
					w.WriteHeader(status)
					io.WriteString(w, "<h1>the proxy says no</h1>")
				}
				s.instead(func(w http.ResponseWriter, r *http.Request) {
					if strings.HasSuffix(r.URL.Path, "/poll") || strings.HasSuffix(r.URL.Path, "/send") {
						s.serve(w, r)
						return
					}
					page(w, r)
				})
				begun := time.Now()
				s.subscribe(s.client(allTransports), "a")
				if l, _ := s.connected("s1", false); l.transport != protocol.Poll || time.Since(begun) > time.Second {
					t.Errorf("connected over %s after %v, want poll at once", l.transport, time.Since(begun))
				}
			})
		})
	}
}

func TestNoServerIsTriedForEverWithFullJitter(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.lines.break_(errors.New("no route"))
		var waits []time.Duration
		c := s.client(func(cfg *Config) {
			cfg.OnStatus = func(st Status) {
				if st.State == Waiting {
					waits = append(waits, time.Until(st.RetryAt).Round(time.Millisecond))
				}
			}
		})
		_, h := s.subscribe(c, "a")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		ms := time.Millisecond
		// Random gives a half: each wait is 100 ms and a quarter of the time that went by, up to 10 s.
		want := []time.Duration{100 * ms, 125 * ms, 156 * ms, 195 * ms, 244 * ms, 305 * ms, 381 * ms, 477 * ms, 596 * ms}
		if len(waits) < 60 || !slices.Equal(waits[:len(want)], want) || waits[len(waits)-1] != 10*time.Second {
			t.Errorf("%d waits, of them first %v, want %v, and 10s in the end", len(waits), waits[:min(len(waits), len(want))], want)
		}
		s.lines.break_(nil)
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		h.want(t, "subscribed 0 false")
		if st := c.Status(); st.Err != nil || st.State != Connected {
			t.Errorf("status %+v", st)
		}
	})
}

func TestSlowServerGetsLongerEachRound(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.subscribe(s.client(), "a")
		var took []time.Duration
		for range 4 {
			l, begun := s.link(), time.Now()
			<-l.ctx.Done()
			took = append(took, time.Since(begun).Round(time.Second))
		}
		if want := []time.Duration{3 * time.Second, 6 * time.Second, 12 * time.Second, 12 * time.Second}; !slices.Equal(took, want) {
			t.Errorf("waited %v for connected, want %v", took, want)
		}
	})
}

func TestUseMovesWithoutABreak(t *testing.T) {
	for _, from := range transports {
		for _, to := range transports {
			if from == to {
				continue
			}
			t.Run(from+" to "+to, func(t *testing.T) {
				bubble(t, from, func(t *testing.T, s *server) { moveStory(t, s, to) })
			})
		}
	}
}

func moveStory(t *testing.T, s *server, to string) {
	c := s.client()
	_, h := s.subscribe(c, "a")
	old, _ := s.connected("s1", false)
	old.subscribed(0)
	old.say(message(1))
	h.want(t, "subscribed 0 false", "1")
	if err := c.Use(to); err != nil {
		t.Fatal(err)
	}
	l := s.link()
	f := l.want(protocol.TypeConnect)
	if l.transport != to || f.Session != "s1" || *f.Received != 2 {
		t.Errorf("connect over %s: %+v", l.transport, f)
	}
	old.say(message(2)) // the old one still carries the session
	h.want(t, "2")
	if st := c.Status(); st.State != Connected || st.Transport == to {
		t.Errorf("status before the answer: %+v", st)
	}
	old.say(`{"type":"disconnect","code":"superseded","reason":"moved","retry":false}`)
	l.connected("s1", true, f.Received)
	l.say(message(2), message(3)) // from frame 3 on, as the server counts
	h.want(t, "3")
	if st := c.Status(); st.State != Connected || st.Transport != to || st.Err != nil {
		t.Errorf("status: %+v", st)
	}
	if old.ctx.Err() == nil && old.transport != protocol.Poll {
		t.Error("the old link is still open")
	}
}

func TestUseOfATransportThatFailsKeepsTheOldOne(t *testing.T) {
	bubble(t, protocol.Poll, func(t *testing.T, s *server) {
		c := s.client()
		_, h := s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		s.on("/ws", swallow)
		if err := c.Use(protocol.WebSocket, protocol.Poll); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		l.say(message(1))
		h.want(t, "subscribed 0 false", "1")
		if st := c.Status(); st.State != Connected || st.Transport != protocol.Poll {
			t.Errorf("status: %+v", st)
		}
		if c.Use("telegraph") == nil {
			t.Error("Use of an unknown transport did not fail")
		}
	})
}

func TestUseOfAForcedTransportIsTriedUntilItWorks(t *testing.T) {
	bubble(t, protocol.Poll, func(t *testing.T, s *server) {
		c := s.client()
		_, h := s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		h.want(t, "subscribed 0 false")
		s.on("/ws", swallow)
		c.Use(protocol.WebSocket)
		time.Sleep(time.Minute)
		s.instead(nil)
		if l, _ := s.connected("s1", true); l.transport != protocol.WebSocket {
			t.Errorf("moved to %s", l.transport)
		}
	})
}

// An attempt that was given up may still have fenced the link that carries the session.
func TestSupersededByAnAbandonedAttemptIsNotFinal(t *testing.T) {
	bubble(t, protocol.SSE, func(t *testing.T, s *server) {
		c := s.client()
		_, h := s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		c.Use(protocol.WebSocket, protocol.SSE)
		s.link().want(protocol.TypeConnect)
		time.Sleep(proofDeadline + time.Second)
		l.say(`{"type":"disconnect","code":"superseded","reason":"moved","retry":false}`)
		next, _ := s.connected("s1", true)
		next.say(message(1))
		h.want(t, "subscribed 0 false", "1")
	})
}

// So may the last request of a link that was cut. Somebody else may not, who took the session without leave.
// (Over long-polling a late poll may have done it, so it is never final there.)
func TestSupersededIsFinalWhereNoLinkOfOursDidIt(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		final := s.transport != protocol.Poll
		superseded := `{"type":"disconnect","code":"superseded","reason":"moved","retry":false}`
		c := s.client()
		s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.cut()
		l, _ = s.connected("s1", true)
		l.say(superseded)
		l, _ = s.connected("s1", true)
		time.Sleep(lateFor + time.Second)
		l.say(superseded)
		time.Sleep(time.Second)
		st := c.Status()
		if closed := st.State == Closed && errors.Is(st.Err, &protocol.Error{Code: protocol.CodeSuperseded}); closed != final {
			t.Errorf("status %+v, want it closed: %v", st, final)
		}
	})
}

func TestDisconnectIsObeyed(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		c := s.client()
		_, h := s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		begun := time.Now()
		l.say(`{"type":"disconnect","code":"shutting_down","reason":"upgrade","retry":true,"after":8000}`)
		l, _ = s.connected("s1", true)
		if took := time.Since(begun).Round(10 * time.Millisecond); took != 4*time.Second {
			t.Errorf("came back after %v, want half of the 8 s that the server said", took)
		}
		done := publish(t.Context(), c, "x")
		l.want(protocol.TypePublish)
		l.say(`{"type":"disconnect","code":"disconnected","reason":"by the operator","hint":"ask","retry":false}`)
		h.want(t, "subscribed 0 false", "end disconnected: by the operator")
		want := &protocol.Error{Code: protocol.CodeDisconnected}
		if got := <-done; !errors.Is(got.err, want) {
			t.Errorf("Publish: %v", got.err)
		}
		if st := c.Status(); st.State != Closed || !errors.Is(st.Err, want) {
			t.Errorf("status %+v", st)
		}
		if _, err := c.Publish(t.Context(), "a", 1); !errors.Is(err, want) {
			t.Errorf("the next Publish: %v", err)
		}
	})
}

func TestRefusedConnectIsFinal(t *testing.T) {
	for _, code := range []protocol.Code{protocol.CodeUnauthorized, protocol.CodeOriginForbidden, protocol.CodeForbidden, protocol.CodeTokenExpired} {
		onEach(t, func(t *testing.T, s *server) {
			s.instead(func(w http.ResponseWriter, r *http.Request) { refuse(w, code) })
			c := s.client(func(cfg *Config) { cfg.Transports = nil; cfg.Token = "old" })
			_, h := s.subscribe(c, "a")
			h.want(t, fmt.Sprintf("end %s: says the script", code))
		})
	}
}

func TestCloseNumberSpeaksForALostDisconnect(t *testing.T) {
	bubble(t, protocol.WebSocket, func(t *testing.T, s *server) {
		c := s.client()
		s.subscribe(c, "a")
		for _, number := range []int{4001, 1001, 1011, 4499} { // come back
			l, _ := s.connected("s1", false)
			l.say(fmt.Sprint("close ", number))
		}
		l, _ := s.connected("s1", false)
		l.say("close 4509")
		time.Sleep(time.Second)
		if st := c.Status(); st.State != Closed || !errors.Is(st.Err, &protocol.Error{Code: protocol.CodeForbidden}) {
			t.Errorf("status %+v", st)
		}
	})
}

func TestTokenIsFetchedAndRenewed(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		asked := 0
		c := s.client(func(cfg *Config) {
			cfg.GetToken = func(context.Context) (string, error) {
				if asked++; asked == 1 {
					return "", errors.New("the token server is away")
				}
				return fmt.Sprint("token", asked), nil
			}
		})
		s.subscribe(c, "a")
		l, f := s.connected("s1", false)
		if f.Token != "token2" || l.header.Get("Authorization") != "Bearer token2" {
			t.Errorf("connected with %q and header %q", f.Token, l.header.Get("Authorization"))
		}
		l.subscribed(0)
		l.say(`{"type":"disconnect","code":"token_expired","reason":"over","retry":true}`)
		l, f = s.connected("s1", true)
		if f.Token != "token3" {
			t.Errorf("came back with %q", f.Token)
		}
		l.cut()
		if l, f = s.connected("s1", true); f.Token != "token3" {
			t.Errorf("came back from a cut with %q", f.Token)
		}
		for range 2 {
			l.say(`{"type":"disconnect","code":"unauthorized","reason":"no","retry":false}`)
			if c.Status().State != Closed {
				time.Sleep(time.Second)
			}
			select {
			case l = <-s.links:
				l.want(protocol.TypeConnect)
			default:
			}
		}
		if st := c.Status(); st.State != Closed || !errors.Is(st.Err, &protocol.Error{Code: protocol.CodeUnauthorized}) || asked != 4 {
			t.Errorf("status %+v after %d tokens, want closed after the second refusal in a row", st, asked)
		}
	})
}

func TestTokenThatIsRefusedForGoodIsFinal(t *testing.T) {
	bubble(t, protocol.WebSocket, func(t *testing.T, s *server) {
		c := s.client(func(cfg *Config) {
			cfg.GetToken = func(context.Context) (string, error) {
				return "", fmt.Errorf("sign in: %w", &protocol.Error{Code: protocol.CodeUnauthorized, Reason: "signed out"})
			}
		})
		_, h := s.subscribe(c, "a")
		h.want(t, "end unauthorized: signed out")
	})
}

func TestSilentServerIsLeft(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.mute()
		_, h := s.subscribe(s.client(), "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		h.want(t, "subscribed 0 false")
		if s.transport == protocol.Poll { // each answer would be a sign of life, empty or not
			l.say(message(1))
			s.on("/poll", s.once(swallow))
			h.want(t, "1")
		}
		begun := time.Now()
		next := s.link() // nothing was answered, pings neither
		took := time.Since(begun)
		if low, high := 30*time.Second, 55*time.Second; took < low || took > high {
			t.Errorf("left after %v, want %v to %v", took, low, high)
		}
		l.want(protocol.TypePing)
		next.want(protocol.TypeConnect)
	})
}

func TestDeadLineIsNoticedWhilePublishing(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.mute()
		c := s.client()
		s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		s.on("/poll", swallow)
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			for ctx.Err() == nil {
				publish(ctx, c, "x")
				time.Sleep(5 * time.Second)
			}
		}()
		begun := time.Now()
		for c.Status().State == Connected && time.Since(begun) < time.Hour {
			time.Sleep(time.Second)
		}
		if took := time.Since(begun); took > time.Minute {
			t.Errorf("noticed after %v", took)
		}
		stop()
		time.Sleep(5 * time.Second)
	})
}

func TestPongKeepsAQuietConnection(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		c := s.client()
		s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		time.Sleep(10 * time.Minute)
		if len(s.links) != 0 || c.Status().State != Connected {
			t.Errorf("%d further links, status %+v", len(s.links), c.Status())
		}
	})
}

func TestTransportThatKeepsBreakingIsLeft(t *testing.T) {
	bubble(t, "", func(t *testing.T, s *server) {
		s.subscribe(s.client(allTransports), "a")
		var over []string
		for i := range 7 {
			l, _ := s.connected("s1", i > 0)
			over = append(over, l.transport)
			time.Sleep(time.Second)
			l.cut()
		}
		ws, sse, poll := protocol.WebSocket, protocol.SSE, protocol.Poll
		if want := []string{ws, ws, ws, sse, sse, sse, poll}; !slices.Equal(over, want) {
			t.Errorf("connected over %v, want %v", over, want)
		}
	})
}

func TestCutAndHold(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		c := s.client()
		_, h := s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		h.want(t, "subscribed 0 false")
		c.Cut()
		l, _ = s.connected("s1", true)
		l.say(message(1))
		h.want(t, "1")
		c.Hold()
		time.Sleep(time.Minute)
		if st := c.Status(); st.State != Waiting && st.State != Connecting || !errors.Is(st.Err, errCut) {
			t.Errorf("status while held: %+v", st)
		}
		begun := time.Now()
		c.Heal()
		l, _ = s.connected("s1", true)
		l.say(message(2))
		h.want(t, "2")
		if took := time.Since(begun); took > time.Second {
			t.Errorf("came back after %v", took)
		}
	})
}
