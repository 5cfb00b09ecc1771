package actors

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"tidings/protocol"
)

// body makes one body of POST /bus/send that publishes its number.
func body(seq uint64) *protocol.Send {
	return &protocol.Send{Seq: seq, Frames: []protocol.ClientFrame{{Type: protocol.TypePublish, ID: seq, Channel: "news", Data: []byte(numbers(0, 99)[seq])}}}
}

func TestSendAppliesEachBodyOnceAndInOrder(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		ctx := context.Background()
		c, listener := w.connectOver(protocol.SSE, ""), w.connect()
		listener.subscribe("news", nil)
		for _, seq := range []uint64{1, 2, 2, 1, 3} { // some are repeated: their answers were lost
			if err := c.conn.Send(ctx, body(seq)); err != nil {
				t.Errorf("body %d: %v", seq, err)
			}
		}
		w.settle()
		var wg sync.WaitGroup
		for _, seq := range []uint64{7, 5, 6, 4} { // they overtake each other
			wg.Go(func() {
				if err := c.conn.Send(ctx, body(seq)); err != nil {
					t.Errorf("body %d: %v", seq, err)
				}
			})
			time.Sleep(time.Second)
		}
		wg.Wait()
		same(t, "published", data(listener.next(), "news"), numbers(1, 7))
		if n := len(only(c.next(), protocol.TypeReply)); n != 7 {
			t.Errorf("%d replies came downstream", n)
		}
	})
}

func TestSendWaitsForAPredecessorForFiveSeconds(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connectOver(protocol.Poll, "")
		start := time.Now()
		if err := c.conn.Send(context.Background(), body(2)); !errors.Is(err, &protocol.Error{Code: protocol.CodeSequenceGap}) {
			t.Errorf("got %v", err)
		}
		if d := time.Since(start); d != protocol.SequenceHold {
			t.Errorf("it took %v", d)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := c.conn.Send(ctx, body(2)); !errors.Is(err, &protocol.Error{Code: protocol.CodeTimeout}) {
			t.Errorf("given up after a second: %v", err)
		}
		for seq := range uint64(3) {
			if err := c.conn.Send(context.Background(), body(seq+1)); err != nil {
				t.Errorf("afterwards, body %d: %v", seq+1, err)
			}
		}
	})
}

func TestBodiesThatWaitAreBounded(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connectOver(protocol.SSE, "")
		var wg sync.WaitGroup
		for i := range uint64(maxEarly) {
			wg.Go(func() { c.conn.Send(context.Background(), body(i+2)) })
		}
		w.settle()
		start := time.Now()
		if err := c.conn.Send(context.Background(), body(50)); !errors.Is(err, errSequence) || time.Since(start) != 0 {
			t.Errorf("number 17: %v after %v", err, time.Since(start))
		}
		wg.Wait()
	})
}

func TestSendRefuses(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		ctx := context.Background()
		if err := w.connect().conn.Send(ctx, body(1)); !errors.Is(err, &protocol.Error{Code: protocol.CodeWrongTransport}) {
			t.Errorf("on WebSocket: %v", err)
		}
		c := w.connectOver(protocol.SSE, "")
		tooMany := uint64(9)
		if err := c.conn.Send(ctx, &protocol.Send{Seq: 1, Received: &tooMany}); !errors.Is(err, &protocol.Error{Code: protocol.CodeBadCursor}) {
			t.Errorf("more received than sent: %v", err)
		}
		waiting := make(chan error)
		go func() { waiting <- c.conn.Send(ctx, body(2)) }()
		w.settle()
		if err := c.conn.Send(ctx, &protocol.Send{Seq: 1, Frames: []protocol.ClientFrame{{Type: protocol.TypeDisconnect}}}); err != nil {
			t.Errorf("goodbye: %v", err)
		}
		if err := <-waiting; err != nil && !errors.Is(err, errGone) {
			t.Errorf("who waited at the end: %v", err)
		}
		w.settle()
		if err := c.conn.Send(ctx, body(3)); !errors.Is(err, errGone) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// Bodies sent while the connection is parked are applied: its next link brings the answers.
func TestSendToAParkedConnection(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connectOver(protocol.SSE, "")
		c.cut()
		if err := c.conn.Send(context.Background(), body(1)); err != nil {
			t.Fatal(err)
		}
		w.settle()
		if n := len(only(c.resume().next(), protocol.TypeReply)); n != 1 {
			t.Errorf("%d replies", n)
		}
	})
}

// A body with a faulty frame is a turn like another: each request in it is answered with the fault, and the next body
// is taken.
func TestAFaultyBodyIsAnsweredDownstream(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connectOver(protocol.SSE, "")
		send := func(body string) error {
			s, err := protocol.DecodeSend([]byte(body))
			if err == nil {
				err = c.conn.Send(t.Context(), &s)
			}
			w.settle()
			return err
		}
		err := send(`{"session":"s","seq":1,"frames":[{"type":"subscribe","id":1,"channel":"a"},{"type":"publish","id":2,"channel":"a","data":1,"spread":300001}]}`)
		got := c.next()
		if err != nil || len(got) != 2 || got[0].ID != 1 || got[1].ID != 2 || got[0].Code != protocol.CodeBadRequest || got[1].Code != protocol.CodeBadRequest {
			t.Fatalf("answers %v, %v", got, err)
		}
		if err := send(`{"session":"s","seq":2,"frames":[{"type":"subscribe","id":3,"channel":"a"}]}`); err != nil {
			t.Fatal(err)
		}
		if got := c.next(); len(got) != 1 || got[0].Type != protocol.TypeSubscribed || got[0].ID != 3 {
			t.Errorf("after it: %v", got)
		}
		if err := send(`{"session":"s","seq":3,"frames":[{"type":"ping"},{"type":"nonsense"}]}`); err == nil {
			t.Error("a fault that nobody would hear of is accepted")
		}
	})
}
