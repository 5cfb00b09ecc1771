package client

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

// lose lets the script act on a request and breaks the connection instead of answering.
func (s *server) lose(w http.ResponseWriter, r *http.Request) {
	s.serve(lostAnswer{w}, r)
	panic(http.ErrAbortHandler)
}

type lostAnswer struct{ http.ResponseWriter }

func (lostAnswer) Write(b []byte) (int, error) { return len(b), nil }
func (lostAnswer) WriteHeader(int)             {}

func onHTTP(t *testing.T, play func(t *testing.T, s *server)) {
	for _, transport := range []string{protocol.SSE, protocol.Poll} {
		t.Run(transport, func(t *testing.T) { bubble(t, transport, play) })
	}
}

func (s *server) sent() []protocol.Send {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sends
}

func TestSendWithoutAnswerIsRepeatedWithItsNumber(t *testing.T) {
	onHTTP(t, func(t *testing.T, s *server) {
		c := s.client()
		s.on("/send", s.once(s.lose))
		_, h := s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		done := publish(t.Context(), c, "x")
		l.say(reply(l.want(protocol.TypePublish), at(1)), message(1))
		h.want(t, "subscribed 0 false", "1")
		<-done
		var seqs []uint64
		for _, send := range s.sent() {
			seqs = append(seqs, send.Seq)
		}
		if fmt.Sprint(seqs) != "[1 1 2]" {
			t.Errorf("sent numbers %v, want 1 twice, then 2", seqs)
		}
	})
}

func TestSendIsTriedThroughShortTroubles(t *testing.T) {
	onHTTP(t, func(t *testing.T, s *server) {
		n := 0
		s.on("/send", func(w http.ResponseWriter, r *http.Request) {
			switch n++; n {
			case 1:
				http.Error(w, "the proxy restarts", http.StatusBadGateway)
			case 2:
				refuse(w, protocol.CodeRateLimited)
			default:
				s.serve(w, r)
			}
		})
		_, h := s.subscribe(s.client(), "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		h.want(t, "subscribed 0 false")
		if len(s.links) != 0 {
			t.Error("the link was left")
		}
	})
}

func TestSendThatNeverGetsThroughLosesTheLink(t *testing.T) {
	onHTTP(t, func(t *testing.T, s *server) {
		s.on("/send", swallow)
		s.subscribe(s.client(), "a")
		s.connected("s1", false)
		begun := time.Now()
		s.link()
		if took := time.Since(begun); took > time.Minute {
			t.Errorf("left after %v", took)
		}
	})
}

// The number of a body without answer is used up before the next, and its frames, which were sent again on connected,
// are not: the unsubscribe would end the second subscription without a word.
func TestStaleBodyIsNotSentOverTheNextLink(t *testing.T) {
	onHTTP(t, func(t *testing.T, s *server) {
		c := s.client()
		sub, h := s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		h.want(t, "subscribed 0 false")
		s.on("/send", swallow)
		sub.Close()
		time.Sleep(time.Second)
		_, h = s.subscribe(c, "a")
		s.instead(nil)
		l.cut()
		l, _ = s.connected("s1", true)
		l.subscribed(0)
		l.say(message(1))
		h.want(t, "subscribed 0 false", "1")
		sends := s.sent()
		if len(sends) != 3 || sends[1].Seq != 2 || len(sends[1].Frames) != 1 || sends[1].Frames[0].Type != protocol.TypePing || sends[2].Seq != 3 || len(sends[2].Frames) != 1 {
			t.Errorf("sent %+v, want the subscribe as 1, a ping as 2, the other subscribe as 3", sends)
		}
	})
}

func TestSequenceBeyondRepairBeginsAnotherSession(t *testing.T) {
	onHTTP(t, func(t *testing.T, s *server) {
		_, h := s.subscribe(s.client(), "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		l.say(message(1))
		h.want(t, "subscribed 0 false", "1")
		l.say(`{"type":"disconnect","code":"sequence_gap","reason":"lost","retry":true}`)
		l, f := s.connected("s2", false)
		if f.Session != "" {
			t.Errorf("connect %+v, want none of the session", f)
		}
		l.recovered(1)
		h.want(t, "subscribed 1 true")
		if sends := s.sent(); sends[len(sends)-1].Seq != 1 || sends[len(sends)-1].Session != "s2" {
			t.Errorf("sent %+v, want number 1 of s2", sends)
		}
	})
}

func TestManyFramesGoInBodiesWithinTheLimits(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		c := s.client()
		for i := range 100 {
			publish(t.Context(), c, fmt.Sprint(i, string(make([]byte, 2000))))
		}
		l, _ := s.connected("s1", false)
		for i := range 100 {
			l.say(reply(l.want(protocol.TypePublish), at(uint64(i+1))))
		}
		for _, send := range s.sent() {
			if len(send.Frames) > protocol.MaxFrames || len(protocol.AppendSend(nil, &send)) > protocol.MaxMessageBytes {
				t.Errorf("a body of %d frames and %d bytes", len(send.Frames), len(protocol.AppendSend(nil, &send)))
			}
		}
	})
}

func TestLostPollAnswerIsFetchedAgain(t *testing.T) {
	bubble(t, protocol.Poll, func(t *testing.T, s *server) {
		_, h := s.subscribe(s.client(), "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		h.want(t, "subscribed 0 false")
		l.say(message(1)) // the poll that is held now brings it
		h.want(t, "1")
		s.on("/poll", s.once(s.lose))
		l.say(message(2)) // and this too; then an answer is lost
		h.want(t, "2")
		l.say(message(3))
		time.Sleep(time.Second)
		l.say(message(4))
		h.want(t, "3", "4")
		if len(s.links) != 0 {
			t.Error("the link was left")
		}
	})
}

func TestPollCursorThatDoesNotAddUpLosesTheLink(t *testing.T) {
	bubble(t, protocol.Poll, func(t *testing.T, s *server) {
		_, h := s.subscribe(s.client(), "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		h.want(t, "subscribed 0 false")
		s.on("/poll", s.once(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"frames":[`+message(1)+`],"cursor":7}`)
		}))
		l.say(message(1))
		h.want(t, "1")
		_, f := s.connected("s1", true)
		if *f.Received != 2 {
			t.Errorf("came back with received %d, want 2", *f.Received)
		}
	})
}
