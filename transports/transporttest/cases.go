package transporttest

import (
	"errors"
	"fmt"
	"strings"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

const subscribeA = `{"type":"subscribe","id":1,"channel":"a"}`

var cases = []testCase{
	{"connect is answered with a session and the limits", func(w *world) {
		f := w.open().Want(protocol.TypeConnected)
		if f.Session == "" || f.Resumed || f.Announce.Limits.Message != protocol.MaxMessageBytes {
			w.Errorf("got %+v", f)
		}
	}},
	{"what follows connect in one message is answered after it", func(w *world) {
		c := w.open(subscribeA, `{"type":"publish","id":2,"channel":"b","data":1}`)
		c.Want(protocol.TypeConnected)
		c.WantAll(protocol.TypeSubscribed, protocol.TypeReply)
	}},
	{"messages come in order", func(w *world) {
		c := w.subscribed()
		for i := 1; i <= 100; i++ {
			w.Publish("a", fmt.Sprint(i))
		}
		c.WantMessages(1, 100)
	}},
	{"a burst of 1,000 comes whole and in order", func(w *world) {
		c, other := w.subscribed(), w.subscribed()
		for i := 1; i <= 1000; i++ {
			w.Publish("a", fmt.Sprint(i))
		}
		c.WantMessages(1, 1000)
		other.WantMessages(1, 1000)
	}},
	{"a message of 64 KiB comes whole", func(w *world) {
		c := w.subscribed()
		data := `"` + strings.Repeat("x", protocol.MaxPayloadBytes-2) + `"`
		w.Publish("a", data)
		if m := c.Want(protocol.TypeMessage).Msg; string(m.Data) != data {
			w.Errorf("got %d bytes, want %d", len(m.Data), len(data))
		}
	}},
	{"a client publishes and is answered", func(w *world) {
		c, listener := w.open(), w.subscribed()
		c.Want(protocol.TypeConnected)
		w.send(c, `{"type":"publish","id":7,"channel":"a","data":1}`)
		if f := c.Want(protocol.TypeReply); f.ID != 7 || f.Position.Offset != 1 {
			w.Errorf("got %+v", f)
		}
		listener.WantMessages(1, 1)
	}},
	{"a resumed session goes on with the next frame", func(w *world) {
		c := w.subscribed()
		w.numbers(1, 3)
		c.WantMessages(1, 3)
		c.Cut()
		w.numbers(4, 6)
		w.resume(c, w.kind)
		w.numbers(7, 8)
		c.WantMessages(4, 8)
	}},
	{"frames that were sent and not received come again", func(w *world) {
		c := w.subscribed()
		synctest.Wait() // a poll is held
		c.stall()
		w.numbers(1, 5)
		c.WantMessages(1, 1)
		c.Cut()
		c.forget(1)
		w.resume(c, w.kind)
		c.WantMessages(1, 5)
	}},
	{"a count that was never reached starts a new session", func(w *world) {
		c := w.subscribed()
		c.Cut()
		c.forget(99)
		w.isNew(c)
	}},
	{"a session moves between all transports and misses nothing", func(w *world) {
		c := w.subscribed()
		n := 0
		for _, kind := range []string{protocol.SSE, protocol.Poll, protocol.WebSocket, protocol.Poll, protocol.SSE, protocol.WebSocket} {
			w.numbers(n+1, n+5)
			c.WantMessages(n+1, n+5)
			synctest.Wait() // a poll is held: one that is on its way would take over from the next link
			c.Cut()
			w.numbers(n+6, n+10)
			w.resume(c, kind)
			c.WantMessages(n+6, n+10)
			n += 10
		}
	}},
	{"a parked session ends", func(w *world) {
		c := w.subscribed()
		c.Cut()
		time.Sleep(2*protocol.DefaultHeartbeat + 2*protocol.DefaultPark)
		w.isNew(c)
	}},
	{"an unknown session gets a new one, without saying why", func(w *world) {
		c := newClient(w, w.kind)
		if err := c.Open(`{"type":"connect","session":"0123456789abcdef0123456789abcdef","received":0}`); err != nil {
			w.Fatal(err)
		}
		if f := c.Want(protocol.TypeConnected); f.Resumed {
			w.Errorf("got %+v", f)
		}
	}},
	{"F15 a newer link supersedes", func(w *world) {
		c, thief := w.subscribed(), newClient(w, w.kind)
		synctest.Wait() // a poll is held
		thief.session, thief.received = c.Session()
		if err := thief.Resume(w.kind); err != nil {
			w.Fatal(err)
		}
		if end := c.End(); end.Code != protocol.CodeSuperseded {
			w.Errorf("the older one ended with %+v", end)
		}
		w.numbers(1, 3)
		thief.Want(protocol.TypeConnected)
		thief.WantMessages(1, 3)
	}},
	{"a gap is told before subscribed", func(w *world) {
		w.numbers(1, 2)
		c := w.open(`{"type":"subscribe","id":4,"channel":"a","since":{"epoch":"another","offset":1,"tag":"x"}}`)
		c.Want(protocol.TypeConnected)
		gap, answer := c.Want(protocol.TypeGap), c.Want(protocol.TypeSubscribed)
		if gap.ID != 4 || gap.Reason != string(protocol.GapEpochChanged) || gap.From == nil || gap.From.Offset != 2 || answer.Recovered {
			w.Errorf("got %+v and %+v", gap, answer)
		}
	}},
	{"a subscribe from a position recovers", func(w *world) {
		c := w.subscribed()
		w.numbers(1, 5)
		at := c.Want(protocol.TypeMessage).Msg
		late := w.open(fmt.Sprintf(`{"type":"subscribe","id":9,"channel":"a","since":{"epoch":%q,"offset":1,"tag":%q}}`, c.epoch(), at.Tag))
		late.Want(protocol.TypeConnected)
		if f := late.Want(protocol.TypeSubscribed); !f.Recovered || f.Position.Offset != 1 {
			w.Errorf("got %+v", f)
		}
		late.WantMessages(2, 5)
	}},
	{"unsubscribe ends the messages", func(w *world) {
		c := w.subscribed()
		w.send(c, `{"type":"unsubscribe","id":2,"channel":"a"}`)
		c.Want(protocol.TypeReply)
		w.numbers(1, 3)
		c.WantNothing(5 * time.Second)
	}},
	{"a disconnect frame ends the session at once", func(w *world) {
		c := w.subscribed()
		w.send(c, `{"type":"disconnect"}`)
		c.End()
		w.isNew(c)
	}},
	{"a message that is no frame is answered, and the link lives", func(w *world) {
		for _, row := range []struct {
			text string
			want protocol.Code
		}{
			{`[{"type":"ping"}`, protocol.CodeBadJSON},
			{`[{"type":"ping"}] x`, protocol.CodeBadJSON},
			{`[{"type":"ping","type":"ping"}]`, protocol.CodeBadJSON},
			{`[` + strings.Repeat(`[`, 100) + strings.Repeat(`]`, 100) + `]`, protocol.CodeBadJSON},
			{`[{"type":"nonsense"}]`, protocol.CodeUnknownType},
			{`[{"type":"subscribe","id":1}]`, protocol.CodeBadRequest},
			{`[{"type":"subscribe","id":1,"channel":"a//b"}]`, protocol.CodeBadChannel},
			{`[{"type":"subscribe","id":1,"channel":"$x"}]`, protocol.CodeForbidden},
			{`[` + strings.Repeat(`{"type":"ping"},`, protocol.MaxFrames) + `{"type":"ping"}]`, protocol.CodeTooLarge},
		} {
			c := w.subscribed()
			if got := w.refusal(c, row.text); got != row.want {
				w.Errorf("%.60q is answered %q, want %q", row.text, got, row.want)
			}
			w.isAlive(c)
		}
	}},
	{"64 frames fit one message", func(w *world) {
		c := w.open()
		c.Want(protocol.TypeConnected)
		w.send(c, "["+strings.Repeat(`{"type":"subscribe","id":1,"channel":"a"},`, protocol.MaxFrames-1)+`{"type":"subscribe","id":2,"channel":"b"}]`)
		for f := c.Next(); f.Channel != "b"; f = c.Next() {
			if f.Type != protocol.TypeSubscribed && f.Code != protocol.CodeSuperseded {
				w.Fatalf("got %+v", f)
			}
		}
	}},
	{"a message of 64 KiB is taken, one byte more is too large", func(w *world) {
		c := w.subscribed()
		w.send(c, padded(c, protocol.MaxMessageBytes))
		c.Want(protocol.TypeReply)
		err := c.Send(padded(c, protocol.MaxMessageBytes+1))
		if w.kind == protocol.WebSocket {
			if end := c.End(); end != (Ending{Code: protocol.CodeTooLarge, Number: 1009}) {
				w.Errorf("ended with %+v", end)
			}
			return
		}
		if !errors.Is(err, &protocol.Error{Code: protocol.CodeTooLarge}) {
			w.Errorf("answered %v", err)
		}
	}},
	{"a first frame that is not connect is refused", func(w *world) {
		w.refusedOpening(subscribeA, protocol.CodeNotConnected)
	}},
	{"a second connect is an error", func(w *world) {
		c := w.subscribed()
		w.send(c, `{"type":"connect"}`)
		if f := c.Want(protocol.TypeError); f.Code != protocol.CodeAlreadyConnected {
			w.Errorf("got %+v", f)
		}
	}},
	{"another version is refused for good", func(w *world) {
		w.refusedOpening(`{"type":"connect","version":2}`, protocol.CodeUnsupportedVersion)
	}},
	{"a silent client is lost, then parked, then gone", func(w *world) {
		c := w.subscribed()
		if w.kind == protocol.Poll {
			c.Cut() // a client that polls is not silent
		} else if end := c.End(); end.Code != protocol.CodeHeartbeatTimeout {
			w.Errorf("ended with %+v", end)
		}
		time.Sleep(protocol.DefaultHeartbeat*2 + protocol.DefaultPark*2)
		w.isNew(c)
	}},
	{"a client that pings stays", func(w *world) {
		c := w.subscribed()
		for range 12 {
			time.Sleep(protocol.DefaultHeartbeat)
			w.isAlive(c)
		}
		w.numbers(1, 1)
		c.WantMessages(1, 1)
	}},
	{"a client that does not read is cut, and harms nobody", func(w *world) {
		slow, other := w.subscribed(), w.subscribed()
		synctest.Wait()
		slow.stall()
		const n = protocol.MaxOutboxFrames + 1000
		for i := 1; i <= n; i++ {
			w.Publish("a", fmt.Sprint(i))
			if i%100 == 0 {
				synctest.Wait() // other reads
			}
		}
		other.WantMessages(1, n)
		time.Sleep(30 * time.Second)
		slow.Cut()
		w.isNew(slow)
	}},
	{"more than 20 errors in 10 s end the connection", func(w *world) {
		c := w.subscribed()
		for range protocol.MaxErrors + 1 {
			if err := c.Send(`{"type":"connect"}`); err != nil {
				break
			}
		}
		if w.kind == protocol.Poll { // the answer that says so may have been given before
			return
		}
		if end := c.End(); end.Code != protocol.CodeTooManyErrors {
			w.Errorf("ended with %+v", end)
		}
	}},
}
