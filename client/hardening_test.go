package client

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

func TestNonsenseLosesTheLinkAndNothingElse(t *testing.T) {
	for name, nonsense := range map[string]string{
		"not JSON":         `hello`,
		"half a frame":     `{"type":"message","channel":"a"`,
		"a field missing":  `{"type":"message","channel":"a","data":1}`,
		"a wrong type":     `{"type":"message","channel":7}`,
		"not a frame":      `17`,
		"bytes, not UTF-8": "{\"type\":\"event\",\"event\":\"\xff\",\"data\":1}",
	} {
		t.Run(name, func(t *testing.T) {
			for _, transport := range []string{protocol.WebSocket, protocol.SSE} { // the script's poll counts frames itself
				bubble(t, transport, func(t *testing.T, s *server) {
					_, h := s.subscribe(s.client(), "a")
					l, _ := s.connected("s1", false)
					l.subscribed(0)
					l.say(message(1), nonsense)
					next, _ := s.connected("s1", true)
					next.say(message(2))
					h.want(t, "subscribed 0 false", "1", "2")
				})
			}
		})
	}
}

func TestUnknownFramesAndFieldsAreIgnored(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		_, h := s.subscribe(s.client(), "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		l.say(`{"type":"horoscope","sign":"leo"}`, `{"type":"event","event":"x","data":1}`,
			`{"type":"message","channel":"elsewhere","offset":1,"tag":"t","id":"i","time":1,"data":1}`,
			`{"type":"message","channel":"a","offset":1,"tag":"t1","id":"m1","time":1,"data":1,"colour":"red"}`,
			`{"type":"error","code":"bad_request","message":"m","hint":"h","retry":false}`)
		h.want(t, "subscribed 0 false", "1")
		if len(s.links) != 0 {
			t.Error("the link was left")
		}
	})
}

func TestFrameAboveTheLimitLosesTheLink(t *testing.T) {
	for _, transport := range []string{protocol.WebSocket, protocol.SSE} {
		bubble(t, transport, func(t *testing.T, s *server) {
			s.subscribe(s.client(), "a")
			l, _ := s.connected("s1", false)
			l.say(`{"type":"event","event":"x","data":"` + strings.Repeat("x", readMax) + `"}`)
			s.connected("s1", true)
		})
	}
	bubble(t, protocol.Poll, func(t *testing.T, s *server) {
		s.subscribe(s.client(), "a")
		s.on("/poll", s.once(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, strings.Repeat(" ", readMax+1))
		}))
		s.connected("s1", false)
	})
}

func TestLargeFrameWithinTheLimit(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		_, h := s.subscribe(s.client(), "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		data := `"` + strings.Repeat("x", 1<<20) + `"`
		l.say(fmt.Sprintf(`{"type":"message","channel":"a","offset":1,"tag":"t1","id":"m1","time":1,"data":%s}`, data))
		h.want(t, "subscribed 0 false", data)
	})
}

// A program that takes its time slows the server down; it is not cut off by its own heartbeat, and its memory is
// bounded.
func TestSlowCallbackHoldsTheServerBack(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		c := s.client()
		var got atomic.Int64
		_, err := c.Subscribe("a", func(Message) {
			got.Add(1)
			time.Sleep(50 * time.Millisecond)
		})
		if err != nil {
			t.Fatal(err)
		}
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		const n = 4 * queueMax
		go func() {
			for i := range uint64(n) {
				l.say(message(i + 1))
			}
		}()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if s.transport != protocol.Poll && len(l.out) == 0 { // the script's poll is without bound
			t.Error("the client took all at once")
		}
		time.Sleep(n * 50 * time.Millisecond)
		if got.Load() != n || len(s.links) != 0 {
			t.Errorf("got %d of %d messages, left the link %d times", got.Load(), n, len(s.links))
		}
	})
}

func TestClose(t *testing.T) {
	for name, play := range map[string]func(t *testing.T, s *server, c *Client){
		"unused":  func(t *testing.T, s *server, c *Client) {},
		"at once": func(t *testing.T, s *server, c *Client) { s.subscribe(c, "a") },
		"while connecting": func(t *testing.T, s *server, c *Client) {
			s.instead(swallow)
			s.subscribe(c, "a")
			time.Sleep(time.Second)
		},
		"while waiting": func(t *testing.T, s *server, c *Client) {
			s.lines.break_(io.ErrUnexpectedEOF)
			s.subscribe(c, "a")
			time.Sleep(time.Minute)
		},
		"while a publish waits": func(t *testing.T, s *server, c *Client) {
			done := publish(t.Context(), c, "x")
			l, _ := s.connected("s1", false)
			l.want(protocol.TypePublish)
			time.AfterFunc(2*time.Second, func() {
				if got := <-done; got.err != ErrClosed {
					t.Errorf("Publish: %v", got.err)
				}
			})
		},
		"while the server hangs": func(t *testing.T, s *server, c *Client) {
			s.subscribe(c, "a")
			s.connected("s1", false)
			s.instead(swallow)
			time.Sleep(time.Second)
		},
		"while moving": func(t *testing.T, s *server, c *Client) {
			s.subscribe(c, "a")
			s.connected("s1", false)
			synctest.Wait()
			c.Use(transports[0], transports[1])
			c.Use(transports[1], transports[2])
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, s *server) {
				c := s.client()
				play(t, s, c)
				begun := time.Now()
				c.Close()
				c.Close()
				if took := time.Since(begun); took > goodbyeDeadline+100*time.Millisecond {
					t.Errorf("Close took %v", took)
				}
				time.Sleep(5 * time.Second)
			})
		})
	}
}

// Close calls no listener: else it would be a matter of chance whether one hears of it.
func TestCloseCallsNoListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 200 {
			c, err := New(Config{URL: "http://nobody.test/bus", HTTPClient: &http.Client{Transport: refusing{}}, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Subscribe("a", func(Message) {}, OnEnd(func(err error) { t.Errorf("OnEnd: %v", err) })); err != nil {
				t.Fatal(err)
			}
			c.Close()
		}
	})
}

// refusing is a network that reaches nobody.
type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

func TestCloseWithinACallback(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		c := s.client()
		var calls atomic.Int64
		_, err := c.Subscribe("a", func(Message) {
			calls.Add(1)
			c.Close()
		})
		if err != nil {
			t.Fatal(err)
		}
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		l.say(message(1), message(2), message(3))
		time.Sleep(5 * time.Second)
		if calls.Load() != 1 {
			t.Errorf("%d callbacks, want none after Close", calls.Load())
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	for _, cfg := range []Config{
		{}, {URL: "/bus"}, {URL: "http://host/bus?token=x"}, {URL: "http://host/bus#x"}, {URL: "http://"},
		{URL: "http://host/bus", Transports: []string{"telegraph"}},
		{URL: "http://host/bus", Transports: []string{"sse", "sse"}},
		{URL: "http://host/bus", ProofDeadline: -1},
	} {
		if c, err := New(cfg); err == nil {
			c.Close()
			t.Errorf("New(%+v) did not fail", cfg)
		}
	}
	c, err := New(Config{URL: "http://host/bus/"})
	if err != nil || c.cfg.URL != "http://host/bus" {
		t.Fatalf("New: %v", err)
	}
	c.Close()
}

// What a later server may add in any release: a reason of a gap, a code. The first is a gap like any other; whether to
// come back after the second is said by retry.
func TestCodesAndReasonsOfALaterServer(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		_, h := s.subscribe(s.client(), "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		l.say(`{"type":"gap","channel":"a","reason":"solar_flare","last":{"epoch":"e","offset":0,"tag":""},"from":{"epoch":"e","offset":7,"tag":"t7"}}`)
		h.want(t, "subscribed 0 false", "gap solar_flare 0-7")
		l.say(`{"type":"disconnect","code":"moon_phase","reason":"later","retry":true}`)
		l, _ = s.connected("s1", true)
		h.want(t)
		l.say(`{"type":"disconnect","code":"end_of_time","reason":"never","hint":"none","retry":false}`)
		h.want(t, "end end_of_time: never")
	})
}
