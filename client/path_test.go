package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"tidings/protocol"
)

// A path that drops one message each time, such as frames above some length: the client subscribes again twice in an
// hour, not twenty times a second, and goes to the next transport.
func TestF87_AFrameThatNeverArrives(t *testing.T) {
	bubble(t, protocol.WebSocket, func(t *testing.T, s *server) {
		c := s.client(func(cfg *Config) { cfg.Transports = []string{protocol.WebSocket, protocol.SSE} })
		_, h := s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		l.say(message(1), message(3))
		l.recovered(1)
		l.say(message(3)) // the same hole at the same place
		next, f := s.connected("s1", true)
		if next.transport != protocol.SSE || f.Session != "s1" {
			t.Errorf("it went to %s with session %q, want sse and s1", next.transport, f.Session)
		}
		next.recovered(1)
		next.say(message(2), message(3))
		h.want(t, "subscribed 0 false", "1", "subscribed 1 true", "subscribed 1 true", "2", "3")
	})
}

func TestF87_WhereThereIsNoOtherTransportTheWaitsGrow(t *testing.T) {
	bubble(t, protocol.WebSocket, func(t *testing.T, s *server) {
		c := s.client()
		s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		l.say(message(1), message(3))
		var waits []time.Duration
		begun := time.Now()
		for range 8 {
			before := time.Now()
			l.recovered(1)
			waits = append(waits, time.Since(before))
			l.say(message(3))
		}
		for i := 2; i < len(waits); i++ {
			if waits[i] < waits[i-1] {
				t.Errorf("the waits are %v, want them to grow", waits)
				break
			}
		}
		if took := time.Since(begun); took < 45*time.Second {
			t.Errorf("8 subscribes in %v, want them to take more than 45 s: %v", took, waits)
		}
		if st := c.Status(); st.State != Connected {
			t.Errorf("status %+v, want connected: it did nothing wrong", st)
		}
	})
}

// A path that cuts each answer after 400 bytes: a client that asks for the same again makes no progress. It asks for
// less.
func TestF88_AnswersThatAreCut(t *testing.T) {
	bubble(t, protocol.Poll, func(t *testing.T, s *server) {
		var requests atomic.Int64
		s.instead(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			whole := httptest.NewRecorder()
			s.serve(whole, r)
			body := whole.Body.Bytes()
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			w.WriteHeader(whole.Code)
			w.Write(body[:min(len(body), 400)])
			if len(body) > 400 {
				http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}
		})
		c := s.client()
		_, h := s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		h.want(t, "subscribed 0 false")
		want := []string{}
		for i := range uint64(20) { // 20 messages of some 80 bytes in one answer
			l.say(message(i + 1))
			want = append(want, fmt.Sprint(i+1))
		}
		time.Sleep(time.Minute)
		h.want(t, want...)
		if n := requests.Load(); n > 60 {
			t.Errorf("%d requests for 20 messages, want at most 60", n)
		}
	})
}

// A path that cuts each connection after some messages: each brings something, so the waits do not grow.
func TestF88_ConnectionsThatAreCutAfterSomeMessages(t *testing.T) {
	bubble(t, protocol.WebSocket, func(t *testing.T, s *server) {
		c := s.client(func(cfg *Config) { cfg.Random = func() float64 { return 1 } })
		_, h := s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		h.want(t, "subscribed 0 false")
		for i := range uint64(20) {
			time.Sleep(2 * time.Second)
			l.say(message(i + 1))
			time.Sleep(10 * time.Millisecond)
			h.want(t, fmt.Sprint(i+1))
			cut := time.Now()
			l.cut()
			l, _ = s.connected("s1", true)
			if waited := time.Since(cut); waited > 250*time.Millisecond {
				t.Fatalf("connection %d: the next after %v, want 200 ms", i+1, waited)
			}
		}
	})
}

// A link that stays open and brings nothing is doubted 5 s after a request, and left when another carries the session.
func TestF89_ALinkThatGoesMute(t *testing.T) {
	for name, due := range map[string]func(t *testing.T, c *Client, l *serverLink){
		"an answer is due": func(t *testing.T, c *Client, l *serverLink) {
			publish(t.Context(), c, "x")
			l.want(protocol.TypePublish)
		},
		"messages are due": func(t *testing.T, c *Client, l *serverLink) {
			for i := range uint64(40) {
				time.Sleep(50 * time.Millisecond)
				l.say(message(i + 1))
			}
			time.Sleep(10 * time.Millisecond)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, s *server) {
				c := s.client()
				s.subscribe(c, "a")
				l, _ := s.connected("s1", false)
				l.subscribed(0)
				time.Sleep(time.Second)
				due(t, c, l)
				s.mute()
				begun := time.Now()
				next, f := s.connected("s1", true)
				if took := time.Since(begun); took > 5*time.Second {
					t.Errorf("another link after %v, want it within 5 s", took)
				}
				if f.Session != "s1" || next.transport != l.transport {
					t.Errorf("it went to %s with session %q, want %s and s1", next.transport, f.Session, l.transport)
				}
				time.Sleep(time.Second)
				if st := c.Status(); st.State != Connected || l.ctx.Err() == nil && l.transport != protocol.Poll {
					t.Errorf("status %+v; the old link is there: %v", st, l.ctx.Err() == nil)
				}
			})
		})
	}
}

// The second time the transport is left, and slow lines are not.
func TestF89_ATransportThatGoesMuteTwice(t *testing.T) {
	bubble(t, protocol.WebSocket, func(t *testing.T, s *server) {
		c := s.client(func(cfg *Config) { cfg.Transports = []string{protocol.WebSocket, protocol.SSE} })
		s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		s.mute()
		want := []string{protocol.WebSocket, protocol.SSE}
		for i := range want {
			publish(t.Context(), c, "x")
			l.want(protocol.TypePublish)
			if l, _ = s.connected("s1", true); l.transport != want[i] {
				t.Errorf("link %d after a mute one is %s, want %s", i+1, l.transport, want[i])
			}
		}
	})
}

func TestF89_ASlowLineIsNoMuteOne(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		c := s.client()
		s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		s.mute() // each answer takes 4.5 s
		for range 20 {
			done := publish(t.Context(), c, "x")
			f := l.want(protocol.TypePublish)
			time.Sleep(4500 * time.Millisecond)
			l.say(reply(f, at(1)))
			<-done
		}
		if len(s.links) > 0 {
			t.Error("the link was doubted, though every answer came")
		}
	})
}

// A box on the way refuses one text. Its publish fails, by name; the others go on, and hearing is not touched.
func TestF90_ABoxThatRefusesOneRequest(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter){
		"with 403 and a page": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusForbidden)
		},
		"with 200 and a page": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<p>Blocked</p>")
		},
	} {
		for _, transport := range []string{protocol.SSE, protocol.Poll} {
			t.Run(name+" over "+transport, func(t *testing.T) {
				bubble(t, transport, func(t *testing.T, s *server) {
					s.instead(func(w http.ResponseWriter, r *http.Request) {
						body, _ := io.ReadAll(r.Body)
						if bytes.Contains(body, []byte("DROP TABLE")) {
							answer(w)
							return
						}
						r.Body = io.NopCloser(bytes.NewReader(body))
						s.serve(w, r)
					})
					c := s.client()
					_, h := s.subscribe(c, "a")
					l, _ := s.connected("s1", false)
					l.subscribed(0)
					bad, good := publish(t.Context(), c, "DROP TABLE visitors"), publish(t.Context(), c, "hello")
					l.say(reply(l.want(protocol.TypePublish), at(1)))
					if got := <-good; got.err != nil {
						t.Errorf("the publish beside it: %v", got.err)
					}
					var fault *protocol.Error
					if got := <-bad; !errors.As(got.err, &fault) || fault.Code != CodeForeignAnswer || fault.Hint == "" {
						t.Errorf("the refused publish: %v, want %s with a hint", got.err, CodeForeignAnswer)
					}
					l.say(message(1))
					h.want(t, "subscribed 0 false", "1")
					if len(s.links) > 0 {
						t.Error("the link was left")
					}
				})
			})
		}
	}
}

// What stands between repeats or garbles what was sent: that is no reason to stay away for good.
func TestFaultsOfThePathAreNotFinal(t *testing.T) {
	for _, code := range []protocol.Code{
		protocol.CodeAlreadyConnected, protocol.CodeNotConnected, protocol.CodeBadJSON, protocol.CodeBadUTF8, protocol.CodeBadRequest,
		protocol.CodeBadCursor, protocol.CodeProtocolError, protocol.CodeUnsupportedData,
	} {
		t.Run(string(code), func(t *testing.T) {
			onEach(t, func(t *testing.T, s *server) {
				c := s.client()
				_, h := s.subscribe(c, "a")
				l, _ := s.connected("s1", false)
				l.subscribed(0)
				l.say(fmt.Sprintf(`{"type":"disconnect","code":%q,"reason":"r","hint":"h","retry":false}`, code))
				next, f := s.connected("s2", false)
				if anew := f.Session == ""; anew != (code == protocol.CodeBadCursor) {
					t.Errorf("it came back with session %q", f.Session)
				}
				next.recovered(0)
				next.say(message(1))
				h.want(t, "subscribed 0 false", "subscribed 0 true", "1")
			})
		})
	}
}

// A number of the server's makes neither a storm nor a standstill.
func TestF68_TimesThatOverflow(t *testing.T) {
	for ms, want := range map[int64]time.Duration{-1: 0, 0: 0, 25_000: 25 * time.Second, 1 << 31: 24 * time.Hour, protocol.MaxInteger: 24 * time.Hour} {
		if got := fromMS(ms); got != want {
			t.Errorf("%d ms: %v, want %v", ms, got, want)
		}
	}
	onEach(t, func(t *testing.T, s *server) {
		c := s.client()
		s.subscribe(c, "a")
		l := s.link()
		l.connectedWith("s1", false, l.want(protocol.TypeConnect).Received, protocol.MaxInteger)
		l.want(protocol.TypeSubscribe)
		time.Sleep(time.Hour)
		for pings := 0; ; {
			select {
			case f := <-l.in:
				if f.Type == protocol.TypePing {
					pings++
				}
				continue
			default:
			}
			if pings > 1 {
				t.Errorf("%d pings in an hour, with a heartbeat of 285,000 years", pings)
			}
			return
		}
	})
}

// A step before the connection that never ends has failed after a while.
func TestF73_ATokenThatNeverComes(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		var asked atomic.Int64
		never := make(chan struct{})
		defer close(never)
		c := s.client(func(cfg *Config) {
			cfg.GetToken = func(context.Context) (string, error) {
				if asked.Add(1) == 1 {
					<-never // and does not heed its context
				}
				return "t", nil
			}
		})
		begun := time.Now()
		s.subscribe(c, "a")
		s.connected("s1", false)
		if took := time.Since(begun); took > tokenDeadline+backoffMax {
			t.Errorf("connected after %v, want it asked again after %v", took, tokenDeadline)
		}
	})
}

func TestF77_TheBaseOfAWebSocketIsTakenForThatOfAll(t *testing.T) {
	for in, want := range map[string]string{"ws://host/bus": "http://host/bus", "wss://host:444/bus/": "https://host:444/bus", "http://host/bus": "http://host/bus"} {
		cfg := Config{URL: in}
		if err := cfg.check(); err != nil || cfg.URL != want {
			t.Errorf("%s: %s, %v, want %s", in, cfg.URL, err, want)
		}
	}
}
