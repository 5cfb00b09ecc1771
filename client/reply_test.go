package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/client"
	"tidings/protocol"
)

// post does what a job does with a publish URL.
func (s *stack) post(url, event, data string) (status int, body string) {
	s.t.Helper()
	r, err := s.http.Post(url, "application/json", strings.NewReader(`{"event":"`+event+`","data":`+data+`}`))
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

func TestReplyChannel(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStack(t, inMemory)
				c := s.client(transport)
				var progress []string
				r, err := c.OpenReply(t.Context(), 0, func(data json.RawMessage) { progress = append(progress, string(data)) })
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				if want := time.Now().Add(time.Hour); r.Expires.Before(want.Add(-time.Minute)) || r.Expires.After(want.Add(time.Minute)) || !strings.HasPrefix(r.PublishURL, "http://bus.test/api/reply?") {
					t.Errorf("got %+v", r)
				}
				s.post(r.PublishURL, "progress", "1")
				time.Sleep(time.Second)
				c.Hold() // longer than the session lives
				s.post(r.PublishURL, "progress", "2")
				time.Sleep(20 * time.Minute)
				s.post(r.PublishURL, "done", `{"rows":7}`)
				c.Heal()
				data, err := r.Wait(t.Context())
				if err != nil || string(data) != `{"rows":7}` || strings.Join(progress, " ") != "1 2" {
					t.Errorf("got %s, %v after progress %q", data, err, progress)
				}
				if status, body := s.post(r.PublishURL, "progress", "3"); status != http.StatusGone || !strings.Contains(body, "channel_closed") {
					t.Errorf("after done: %d %s", status, body)
				}
			})
		})
	}
}

func TestReplyChannelFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, inMemory)
		c := s.client()
		open := func(ttl time.Duration) *client.ReplyChannel {
			t.Helper()
			r, err := c.OpenReply(t.Context(), ttl, nil)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		r := open(time.Minute)
		s.post(r.PublishURL, "error", `"no space"`)
		var failed *client.JobError
		if _, err := r.Wait(t.Context()); !errors.As(err, &failed) || string(failed.Data) != `"no space"` {
			t.Errorf("a job that failed: %v", err)
		}
		r = open(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if _, err := r.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a job that is silent: %v", err)
		}
		cancel()
		s.post(r.PublishURL, "done", "1")
		if data, err := r.Wait(t.Context()); err != nil || string(data) != "1" {
			t.Errorf("waiting again: %s, %v", data, err)
		}
		r = open(time.Minute)
		r.Close()
		if _, err := r.Wait(t.Context()); err == nil {
			t.Error("a closed one gives an answer")
		}
		if _, err := c.OpenReply(t.Context(), time.Millisecond, nil); !errors.Is(err, &protocol.Error{Code: protocol.CodeBadRequest}) {
			t.Errorf("a ttl of 1 ms: %v", err)
		}
		r = open(2 * time.Second)
		c.Hold()
		time.Sleep(time.Minute)
		c.Heal()
		if _, err := r.Wait(t.Context()); !errors.Is(err, &protocol.Error{Code: protocol.CodeChannelExpired}) {
			t.Errorf("after its end: %v", err)
		}
	})
}

// More progress than the mailbox keeps came while the client was away: the answer is found all the same.
func TestReplyBehindAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, inMemory)
		c := s.client()
		r, err := c.OpenReply(t.Context(), 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		c.Hold()
		for range protocol.MaxReplyMessages + 1 {
			s.post(r.PublishURL, "progress", "1")
			time.Sleep(time.Second)
		}
		s.post(r.PublishURL, "done", "2")
		c.Heal()
		if data, err := r.Wait(t.Context()); err != nil || string(data) != "2" {
			t.Errorf("got %s, %v", data, err)
		}
	})
}
