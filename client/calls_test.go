package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

// published is what a Publish that runs on its own came to.
type published struct {
	at  protocol.Position
	err error
}

func publish(ctx context.Context, c *Client, data any, opts ...PublishOption) <-chan published {
	done := make(chan published, 1)
	go func() {
		at, err := c.Publish(ctx, "a", data, opts...)
		done <- published{at, err}
	}()
	return done
}

func reply(f protocol.ClientFrame, p protocol.Position) string {
	return fmt.Sprintf(`{"type":"reply","id":%d,"epoch":%q,"offset":%d,"tag":%q}`, f.ID, p.Epoch, p.Offset, p.Tag)
}

func TestPublishAnswersThePosition(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		done := publish(t.Context(), s.client(), json.RawMessage(`{"n": [1, 2]}`), Event("made"), Key("k1"), Spread(5*time.Second), Meta(map[string]any{"by": "me"}))
		l, _ := s.connected("s1", false)
		f := l.want(protocol.TypePublish)
		if string(f.Data) != `{"n":[1,2]}` || f.Channel != "a" || f.Event != "made" || f.IdempotencyKey != "k1" || f.SpreadMS != 5000 || string(f.Meta) != `{"by":"me"}` {
			t.Errorf("published %+v with data %s, meta %s", f, f.Data, f.Meta)
		}
		l.say(reply(f, at(7)))
		if got := <-done; got.err != nil || got.at != at(7) {
			t.Errorf("Publish: %v, %v", got.at, got.err)
		}
	})
}

func TestPublishWithoutAnswerIsRepeatedWithItsKey(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		done := publish(t.Context(), s.client(), "x")
		l, _ := s.connected("s1", false)
		first := l.want(protocol.TypePublish)
		l.cut()
		for _, resumed := range []bool{true, false} {
			l, _ = s.connected(map[bool]string{true: "s1", false: "s2"}[resumed], resumed)
			again := l.want(protocol.TypePublish)
			if again.IdempotencyKey != first.IdempotencyKey || again.ID == first.ID || first.IdempotencyKey == "" {
				t.Errorf("repeated %+v after %+v: want the key and another id", again, first)
			}
			if resumed {
				l.cut()
				continue
			}
			l.say(reply(first, at(1)), reply(again, at(2))) // the answer to an old id is ignored
		}
		if got := <-done; got.err != nil || got.at != at(2) {
			t.Errorf("Publish: %v, %v", got.at, got.err)
		}
	})
}

func TestPublishThatNobodyAnswersIsUnknown(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		c := s.client()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		done := publish(ctx, c, "x")
		l, _ := s.connected("s1", false)
		f := l.want(protocol.TypePublish)
		got := <-done
		if !errors.Is(got.err, context.DeadlineExceeded) || !Unknown(got.err) {
			t.Errorf("Publish: %v", got.err)
		}
		l.say(reply(f, at(1))) // too late
		done = publish(t.Context(), c, "y")
		l.say(reply(l.want(protocol.TypePublish), at(2)))
		if got := <-done; got.err != nil || got.at != at(2) {
			t.Errorf("the next Publish: %v, %v", got.at, got.err)
		}
	})
}

func TestPublishRefused(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		done := publish(t.Context(), s.client(), "x")
		l, _ := s.connected("s1", false)
		f := l.want(protocol.TypePublish)
		l.say(fmt.Sprintf(`{"type":"error","id":%d,"code":"forbidden","message":"no","hint":"ask","retry":false}`, f.ID))
		got := <-done
		if !errors.Is(got.err, &protocol.Error{Code: protocol.CodeForbidden}) || Unknown(got.err) {
			t.Errorf("Publish: %v", got.err)
		}
	})
}

func TestPublishRefusesWhatDoesNotFit(t *testing.T) {
	bubble(t, protocol.WebSocket, func(t *testing.T, s *server) {
		c := s.client()
		_, err := c.Publish(t.Context(), "a", strings.Repeat("x", protocol.MaxMessageBytes))
		if !errors.Is(err, &protocol.Error{Code: protocol.CodeTooLarge}) {
			t.Errorf("Publish of 64 KiB: %v", err)
		}
		if _, err := c.Publish(t.Context(), "a//b", 1); !errors.Is(err, &protocol.Error{Code: protocol.CodeBadChannel}) {
			t.Errorf("Publish to a//b: %v", err)
		}
		if _, err := c.Publish(t.Context(), "a", func() {}); err == nil {
			t.Error("Publish of a func did not fail")
		}
		if st := c.Status(); st.State != Idle {
			t.Errorf("a refused Publish opened the connection: %+v", st)
		}
	})
}

func TestPublishOfTheLargestFits(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		data := strings.Repeat("x", protocol.MaxMessageBytes-envelopeMax-128)
		done := publish(t.Context(), s.client(), data)
		l, _ := s.connected(strings.Repeat("s", 40), false)
		l.say(reply(l.want(protocol.TypePublish), at(1)))
		if got := <-done; got.err != nil {
			t.Errorf("Publish: %v", got.err)
		}
	})
}

func TestCallbackMayPublish(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		c := s.client()
		var got published
		_, err := c.Subscribe("a", func(m Message) {
			if m.Position.Offset == 1 {
				got.at, got.err = c.Publish(t.Context(), "b", "answer")
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		l.say(message(1))
		f := l.want(protocol.TypePublish)
		for n := uint64(2); n < 3*queueMax; n++ { // more than may wait lies before the answer
			l.say(message(n))
		}
		l.say(reply(f, at(1)))
		time.Sleep(time.Second)
		synctest.Wait()
		if got.err != nil || got.at != at(1) {
			t.Errorf("Publish in the callback: %v, %v", got.at, got.err)
		}
	})
}

func TestHistory(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		c := s.client()
		type answer struct {
			page Page
			err  error
		}
		done := make(chan answer, 1)
		go func() {
			page, err := c.History(t.Context(), "a", at(3), 2)
			done <- answer{page, err}
		}()
		l, _ := s.connected("s1", false)
		f := l.want(protocol.TypeHistory)
		if f.Since == nil || *f.Since != at(3) || f.Limit != 2 {
			t.Errorf("asked %+v", f)
		}
		l.say(fmt.Sprintf(`{"type":"reply","id":%d,"messages":[{"channel":"a","offset":4,"epoch":"E","tag":"t4","id":"m4","time":1,"data":4},{"channel":"a","offset":5,"epoch":"E","tag":"t5","id":"m5","time":1,"data":5}],"epoch":"E","offset":9,"tag":"t9","complete":true}`, f.ID))
		got := <-done
		if got.err != nil || !got.page.Complete || got.page.Position != at(9) || len(got.page.Messages) != 2 ||
			got.page.Messages[1].Position != at(5) || string(got.page.Messages[1].Data) != "5" {
			t.Errorf("History: %+v", got)
		}
	})
}
