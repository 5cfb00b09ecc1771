package scenario

import (
	"slices"
	"testing"
	"time"

	"tidings/protocol"
	"tidings/sim/check"
)

// Promises that a broker can be made to break.
const (
	plantNoKeys    = "forgets idempotency keys"
	plantLostWrite = "acknowledges what it does not keep"
	plantSameEpoch = "begins anew under its old epoch and tags, and tells nobody"
)

// TestPlanted plants faults where nothing of ours looks any more, and wants the checker to wake: one that cannot fail
// proves nothing.
func TestPlanted(t *testing.T) {
	for _, p := range []struct {
		name  string
		setup func(*World)
		play  func(*World)
		want  []string // one of them; none: nothing may be found
	}{
		{
			name: "a reader without a continuity check, and no fault",
			play: trusting(func(frames []protocol.ServerFrame) []protocol.ServerFrame { return frames }),
		},
		{
			name: "one frame is lost below a reader without a continuity check",
			play: trusting(func(frames []protocol.ServerFrame) []protocol.ServerFrame { return slices.Delete(frames, 20, 21) }),
			want: []string{"I2 skip"},
		},
		{
			name: "one frame comes twice below a reader without a continuity check",
			play: trusting(func(frames []protocol.ServerFrame) []protocol.ServerFrame {
				return slices.Insert(frames, 21, frames[20])
			}),
			want: []string{"I3 duplicate"},
		},
		{
			name: "two frames change places below a reader without a continuity check",
			play: trusting(func(frames []protocol.ServerFrame) []protocol.ServerFrame {
				frames[20], frames[21] = frames[21], frames[20]
				return frames
			}),
			want: []string{"I1 nonmonotonic"},
		},
		{
			name: "the last frame is lost below a reader without a continuity check",
			play: trusting(func(frames []protocol.ServerFrame) []protocol.ServerFrame { return frames[:len(frames)-1] }),
			want: []string{"I5 unseen"},
		},
		{
			name:  "the last message of a burst is lost, and nobody compares positions",
			setup: func(w *World) { w.actors.CheckInterval = 24 * time.Hour },
			play: func(w *World) {
				w.Client("dash", w.Transport).Subscribe(arrivals)
				w.Publish(arrivals, Times(20))
				w.At(time.Second, func() { w.Broker.Lose(100) })
				w.At(2*time.Second, func() { w.Publish(arrivals, Times(1)) })
				w.At(3*time.Second, w.Broker.Up)
				w.Run(time.Minute)
			},
			want: []string{"I5 unseen"},
		},
		{
			name:  "the broker " + plantNoKeys,
			setup: func(w *World) { w.plant = plantNoKeys },
			play: func(w *World) {
				w.Client("dash", w.Transport).Subscribe(arrivals)
				w.Publish(arrivals, Every(time.Second), For(20*time.Second))
				w.At(5500*time.Millisecond, func() { w.Broker.Mute(2) })
				w.Run(time.Minute)
			},
			want: []string{"I4 duplicate"},
		},
		{
			name:  "the broker " + plantLostWrite,
			setup: func(w *World) { w.plant = plantLostWrite },
			play: func(w *World) {
				w.Client("dash", w.Transport).Subscribe(arrivals)
				w.Publish(arrivals, Every(time.Second), For(time.Minute))
				w.Run(90 * time.Second)
			},
			want: []string{"I4 lost write"},
		},
		{
			name:  "the broker " + plantSameEpoch,
			setup: func(w *World) { w.plant = plantSameEpoch },
			play: func(w *World) {
				w.Client("dash", w.Transport).Subscribe(arrivals)
				w.Publish(arrivals, Times(20))
				w.At(5*time.Second, func() { w.Broker.Forget(); w.Publish(arrivals, Times(50)) })
				w.Run(time.Minute)
			},
			want: []string{"I2 lost write", "I2 inconsistent offsets"},
		},
		{
			name: "history keeps less than it promises",
			setup: func(w *World) {
				w.stream.MaxMessages = 10
				w.promise = check.Window{Messages: 1000, Bytes: 4 << 20, Age: 10 * time.Minute, Keys: 5 * time.Minute}
			},
			play: away(time.Minute),
			want: []string{"I6 false gap"},
		},
	} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			play(t, 1, WebSocket, p.setup, p.play, func(w *World) {
				if len(p.want) == 0 && len(w.bad) > 0 {
					t.Errorf("a whole world is accused: %v", w.bad)
				}
				if len(p.want) > 0 && !slices.ContainsFunc(w.bad, func(v check.Violation) bool { return slices.Contains(p.want, v.Check+" "+v.Anomaly) }) {
					t.Errorf("want one of %q, got %v", p.want, w.bad)
				}
			})
		})
	}
}

// trusting is a page that hands out whatever frames come, after a fault changed them.
func trusting(fault func([]protocol.ServerFrame) []protocol.ServerFrame) func(*World) {
	return func(w *World) {
		page := w.Tab("page", protocol.ClientFrame{Type: protocol.TypeConnect}, protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: arrivals})
		w.Publish(arrivals, Every(500*time.Millisecond), Times(60))
		w.Run(35 * time.Second)
		page.mu.Lock()
		frames := fault(slices.Clone(page.got))
		page.mu.Unlock()
		l := &check.Listener{Name: "page", Channel: arrivals, Live: true, Final: true}
		epoch := ""
		for _, f := range frames {
			switch f.Type {
			case protocol.TypeSubscribed:
				epoch = f.Position.Epoch
				l.Events = append(l.Events, check.Event{Kind: check.Subscribed, Position: f.Position})
			case protocol.TypeMessage:
				at := f.Msg.Position()
				at.Epoch = epoch
				l.Events = append(l.Events, check.Event{Kind: check.Message, Position: at, ID: f.Msg.ID, Data: string(f.Msg.Data)})
			}
		}
		w.book.Tops = map[string]protocol.Position{arrivals: w.Broker.top(arrivals)}
		w.book.Listeners = append(w.book.Listeners, l)
		page.close()
	}
}
