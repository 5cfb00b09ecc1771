package client

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tidings/protocol"
)

// A copy of an earlier poll that comes late fences the one that waits. Its client did nothing wrong, and must come
// back, however long its link has been there.
func TestB115_ASupersededPollIsALostLink(t *testing.T) {
	bubble(t, protocol.Poll, func(t *testing.T, s *server) {
		c := s.client()
		_, h := s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		h.want(t, "subscribed 0 false")
		time.Sleep(lateFor + time.Hour)
		var refused atomic.Bool
		s.instead(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/bus/poll" && refused.CompareAndSwap(false, true) {
				refuse(w, protocol.CodeSuperseded)
				return
			}
			s.serve(w, r)
		})
		next, f := s.connected("s1", true)
		if f.Session != "s1" || f.Received == nil {
			t.Errorf("the client came back with %+v, want its session s1 and what it has received", f)
		}
		next.say(message(1))
		h.want(t, "1")
		if st := c.Status(); st.State != Connected {
			t.Errorf("status %+v, want connected", st)
		}
	})
}

// Polls name their link's generation and count themselves, a repetition too, so that a server knows a late one.
func TestB115_PollsCountThemselves(t *testing.T) {
	bubble(t, protocol.Poll, func(t *testing.T, s *server) {
		var mu sync.Mutex
		var attempts []uint64 // guarded by mu
		s.instead(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			if fs, err := protocol.DecodeClientFrames(body); err == nil && fs[0].Type == protocol.TypePoll {
				if fs[0].Generation != 1 {
					t.Errorf("poll %s: generation %d, want 1, that of connected", body, fs[0].Generation)
				}
				mu.Lock()
				attempts = append(attempts, fs[0].Attempt)
				second := len(attempts) == 2
				mu.Unlock()
				if second {
					panic(http.ErrAbortHandler) // its answer is lost
				}
			}
			s.serve(w, r)
		})
		c := s.client()
		_, h := s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		h.want(t, "subscribed 0 false")
		l.say(message(1))
		time.Sleep(2 * protocol.DefaultPollHold)
		h.want(t, "1")
		mu.Lock()
		defer mu.Unlock()
		if want := []uint64{1, 2, 3, 4}; len(attempts) < 4 || !slices.Equal(attempts[:4], want) {
			t.Errorf("attempts %v, want %v and so on: each poll one more than the last, a repeated one too", attempts, want)
		}
	})
}
