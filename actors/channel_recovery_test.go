package actors

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"tidings/protocol"
)

func TestRecoveryOfManyPagesHasNoSeam(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		first := w.publish("news", "0")
		w.publishNumbers("news", 1, 900)
		c := w.connect()
		go func() {
			for i := 901; i <= 950; i++ {
				w.publish("news", strconv.Itoa(i))
				time.Sleep(time.Microsecond)
			}
		}()
		at, rest := c.subscribe("news", &first)
		if at != first {
			t.Errorf("recovered from %v, want %v", at, first)
		}
		time.Sleep(time.Millisecond)
		rest = append(rest, c.next()...)
		same(t, "recovered and live", data(rest, "news"), numbers(1, 950))
		if n := len(only(rest, protocol.TypeGap)); n != 0 {
			t.Errorf("%d gaps", n)
		}
	})
}

func TestSubscribeAnswersEachCursorAsItDeserves(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		first := w.publish("news", "1")
		w.publishNumbers("news", 2, 5)
		top := w.publish("news", "6")
		old := w.publish("long", "0")
		w.publishNumbers("long", 1, 1100) // history keeps 1,000
		longTop := w.publish("long", "1101")
		for _, row := range []struct {
			name    string
			channel protocol.Channel
			since   protocol.Position
			at      protocol.Position
			gap     protocol.GapReason
			rest    []string
		}{
			{"in history", "news", first, first, "", numbers(2, 6)},
			{"at the top", "news", top, top, "", nil},
			{"another epoch", "news", protocol.Position{Epoch: "elsewhere", Offset: 1, Tag: "x"}, top, protocol.GapEpochChanged, nil},
			{"another tag", "news", protocol.Position{Epoch: first.Epoch, Offset: 3, Tag: "x"}, top, protocol.GapPositionUnknown, nil},
			{"ahead", "news", protocol.Position{Epoch: first.Epoch, Offset: 99, Tag: "x"}, top, protocol.GapPositionUnknown, nil},
			{"expired", "long", old, longTop, protocol.GapHistoryExpired, nil},
			{"the start", "news", protocol.Position{Epoch: first.Epoch}, protocol.Position{Epoch: first.Epoch}, "", numbers(1, 6)},
		} {
			at, rest := w.connect().subscribe(row.channel, &row.since)
			gaps := only(rest, protocol.TypeGap)
			switch {
			case at != row.at:
				t.Errorf("%s: at %v, want %v", row.name, at, row.at)
			case row.gap == "" && len(gaps) > 0, row.gap != "" && (len(gaps) != 1 || gaps[0].Reason != string(row.gap) || gaps[0].ID == 0 || *gaps[0].Last != row.since || *gaps[0].From != row.at):
				t.Errorf("%s: gaps %+v, want %q", row.name, gaps, row.gap)
			}
			same(t, row.name, data(rest, row.channel), row.rest)
		}
	})
}

// A recovery is paced by its client: a stalled link holds it, and its outbox does not overflow.
func TestRecoveryWaitsForASlowLink(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		first := w.publish("news", "0")
		big := strings.Repeat("x", 2000)
		for i := 1; i <= 900; i++ { // 1.8 MB: more than an outbox holds
			w.publish("news", fmt.Sprintf(`"%d %s"`, i, big))
		}
		c := w.connect()
		c.link.stall(true)
		c.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "news", Since: &first})
		w.pass(time.Second)
		if _, bytes := c.conn.Outbox().Waiting(); bytes > protocol.MaxOutboxBytes/2 {
			t.Errorf("%d bytes wait for a stalled link", bytes)
		}
		c.link.stall(false)
		got := data(c.next(), "news")
		if len(got) != 900 {
			t.Fatalf("got %d messages, want 900", len(got))
		}
		for i, d := range got {
			if !strings.HasPrefix(d, fmt.Sprintf(`"%d `, i+1)) {
				t.Fatalf("message %d is %.20s", i+1, d)
			}
		}
	})
}

// 128 subscriptions that each missed 200 KB are 25 MB: all recover over one outbox of 1 MiB.
func TestManyRecoveriesOfOneConnectionTakeTurns(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		big := []byte(`"` + strings.Repeat("x", 20<<10) + `"`)
		var frames []protocol.ClientFrame
		for i := range protocol.MaxSubscriptions {
			ch := protocol.Channel(fmt.Sprintf("news/%d", i))
			first := w.publish(ch, "0")
			for range 10 {
				w.bus.Publish(context.Background(), Publish{Channel: ch, Data: big})
			}
			frames = append(frames, protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: uint64(i + 1), Channel: ch, Since: &first})
		}
		c := w.connect()
		c.link.stall(true)
		c.say(frames[:64]...)
		c.say(frames[64:]...)
		w.settle()
		c.link.stall(false)
		got := c.next()
		if n := len(only(got, protocol.TypeMessage)); n != 1280 {
			t.Errorf("got %d messages, want 1280", n)
		}
		if n := len(only(got, protocol.TypeSubscribed)); n != 128 || c.link.end() != "" {
			t.Errorf("%d of 128 subscribed; the link ended with %q", n, c.link.end())
		}
	})
}

func TestWhatTheLiveStreamLosesIsReadFromHistory(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, nil), func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		f.losing(func(m *protocol.Message) bool { return m.Offset%3 == 0 })
		for i := 1; i <= 9; i++ {
			w.publish("news", strconv.Itoa(i))
			w.settle()
		}
		same(t, "but for the last", data(c.next(), "news"), numbers(1, 8))
		w.pass(15 * time.Second) // the check
		same(t, "the last one, found by the check", data(c.next(), "news"), []string{"9"})
		f.losing(func(m *protocol.Message) bool { return true })
		w.publishNumbers("news", 10, 12)
		f.interrupt("news")
		same(t, "after an interruption, at once", data(c.next(), "news"), numbers(10, 12))
	})
}

func TestABrokerThatLostItsMemoryIsOneGap(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, nil), func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		last := w.publish("news", "1")
		c.next()
		w.replaceBroker(f)
		w.publish("news", "2")
		w.pass(15 * time.Second)
		got := c.next()
		gaps := only(got, protocol.TypeGap)
		if len(gaps) != 1 || gaps[0].Reason != string(protocol.GapEpochChanged) || *gaps[0].Last != last || gaps[0].ID != 0 {
			t.Errorf("gaps: %+v", gaps)
		}
		if s := w.bus.Stats(); s.Gaps[protocol.GapEpochChanged] != 1 {
			t.Errorf("counted gaps: %v", s.Gaps)
		}
	})
}

// A client that subscribes again and again from the same position, since a frame of what it is sent never arrives, is
// sent its history at a bounded rate, and hears all in the end.
func Test_F87_recoveriesWithoutProgressAreSlowedDown(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		big := []byte(`"` + strings.Repeat("x", 50<<10) + `"`)
		first := w.publish("news", "0")
		for range 60 { // 3 MB
			w.bus.Publish(context.Background(), Publish{Channel: "news", Data: big})
		}
		c := w.connect()
		c.link.forget.Store(true)
		const seconds, each = 10, 10
		for i := range uint64(seconds * each) {
			c.say(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, ID: 2*i + 1, Channel: "news"},
				protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 2*i + 2, Channel: "news", Since: &first})
			w.pass(time.Second / each)
		}
		sent := int(w.bus.Stats().Replayed) * len(big)
		if most := protocol.MaxReplayBurst + seconds*protocol.MaxReplayRate; sent > most+(4<<20) || sent < protocol.MaxReplayBurst {
			t.Errorf("%d recoveries of 3 MB in %d s brought %d bytes, want at most %d and one recovery more", seconds*each, seconds, sent, most)
		}
		w.pass(time.Minute)
		c.link.forget.Store(false)
		w.publish("news", "1")
		w.settle()
		if got := only(c.frames(), protocol.TypeMessage); len(got) != 1 {
			t.Errorf("afterwards %d messages were heard, want the live one", len(got))
		}
	})
}
