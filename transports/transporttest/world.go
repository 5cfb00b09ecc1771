package transporttest

import (
	"errors"
	"fmt"
	"strings"

	"tidings/protocol"
)

// subscribed opens a client that is subscribed to channel a.
func (w *world) subscribed() *Client {
	w.Helper()
	c := w.open(subscribeA)
	c.Want(protocol.TypeConnected)
	c.WantAll(protocol.TypeSubscribed)
	return c
}

// numbers publishes first to last on channel a.
func (w *world) numbers(first, last int) {
	for i := first; i <= last; i++ {
		w.Publish("a", fmt.Sprint(i))
	}
}

func (w *world) send(c *Client, text string) {
	w.Helper()
	if err := c.Send(text); err != nil {
		w.Fatalf("send %.100q: %v", text, err)
	}
}

func (w *world) resume(c *Client, kind string) {
	w.Helper()
	if err := c.Resume(kind); err != nil {
		w.Fatalf("resume on %s: %v", kind, err)
	}
	if f := c.Want(protocol.TypeConnected); !f.Resumed {
		w.Fatalf("resume on %s: got a new session", kind)
	}
}

// refusal sends what is no frame, and returns the code of the answer: an HTTP error if there is an HTTP answer, else
// an error frame.
func (w *world) refusal(c *Client, text string) protocol.Code {
	w.Helper()
	err := c.Send(text)
	var fault *protocol.Error
	if errors.As(err, &fault) {
		return fault.Code
	}
	if err != nil {
		w.Fatal(err)
	}
	return c.Want(protocol.TypeError).Code
}

// refusedOpening opens with a frame that the server refuses.
func (w *world) refusedOpening(first string, want protocol.Code) {
	w.Helper()
	c := newClient(w, w.kind)
	err := c.Open(first)
	if w.kind != protocol.WebSocket {
		if !errors.Is(err, &protocol.Error{Code: want}) {
			w.Errorf("answered %v, want %q", err, want)
		}
		return
	}
	if err != nil {
		w.Fatal(err)
	}
	if end := c.End(); end != (Ending{Code: want, Number: want.Row().Close}) {
		w.Errorf("ended with %+v, want %q", end, want)
	}
}

// padded makes a publish of n bytes, or a send body of n bytes with a publish inside.
func padded(c *Client, n int) string {
	const publish = `{"type":"publish","id":5,"channel":"b","data":1}`
	if c.kind != protocol.WebSocket {
		id, _ := c.Session()
		n -= len(fmt.Sprintf(`{"session":%q,"seq":%d,"frames":[]}`, id, c.seq+1))
	}
	return publish + strings.Repeat(" ", n-len(publish))
}

// WantAll takes frames of these types, in whatever order.
func (c *Client) WantAll(types ...string) {
	c.t.Helper()
	want := map[string]int{}
	for _, t := range types {
		want[t]++
	}
	for range types {
		f := c.Next()
		if want[f.Type]--; want[f.Type] < 0 {
			c.t.Fatalf("%s: got frame %+v, want one each of %q", c.kind, f, types)
		}
		if f.Type == protocol.TypeSubscribed {
			c.mu.Lock()
			c.lastEpoch = f.Position.Epoch
			c.mu.Unlock()
		}
	}
}

// epoch is that of the last subscribed.
func (c *Client) epoch() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lastEpoch
}

// forget makes the client one that has so many counted frames, and drops what it did not look at yet.
func (c *Client) forget(received uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.received = received
	for len(c.frames) > 0 {
		<-c.frames
	}
}

// stall makes a client stop reading until it is cut, and a polling one stop asking.
func (c *Client) stall() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stalled = true
}

func (c *Client) isStalled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stalled
}

// isNew comes back, and must get a new session.
func (w *world) isNew(c *Client) {
	w.Helper()
	old, received := c.Session()
	c.forget(received)
	if err := c.Resume(w.kind); err != nil {
		w.Fatal(err)
	}
	if f := c.Want(protocol.TypeConnected); f.Resumed || f.Session == old {
		w.Errorf("%s: got the old session: %+v", w.kind, f)
	}
}

// isAlive proves a round trip. On long-poll the answer to the send does; a pong that comes between two polls is not
// kept.
func (w *world) isAlive(c *Client) {
	w.Helper()
	w.send(c, `{"type":"ping","id":3}`)
	if w.kind != protocol.Poll {
		c.Want(protocol.TypePong)
	}
}
