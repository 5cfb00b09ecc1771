package actors

import (
	"context"
	"fmt"
	"testing"
	"tidings/broker/memory"
	"tidings/protocol"
	"time"
)

// withMemory puts a broker with other bounds under a world.
func withMemory(change func(*memory.Config), more func(*Config)) func(*Config) {
	return func(c *Config) {
		cfg := memory.DefaultConfig()
		change(&cfg)
		if more != nil {
			more(c)
		}
		c.Broker.Close()
		c.Broker = memory.New(cfg)
	}
}

// B124: one user makes channels as fast as it may. It alone is refused, in whatever way it makes them, and everybody
// else's new channels are there.
func TestB124_OneUserMakesChannelsWithoutEnd(t *testing.T) {
	const share = 25
	for _, row := range []struct {
		name string
		ask  func(channel protocol.Channel) []protocol.ClientFrame
	}{
		{"subscribe", func(ch protocol.Channel) []protocol.ClientFrame {
			return []protocol.ClientFrame{{Type: protocol.TypeSubscribe, Channel: ch}, {Type: protocol.TypeUnsubscribe, Channel: ch}}
		}},
		{"publish", func(ch protocol.Channel) []protocol.ClientFrame {
			return []protocol.ClientFrame{{Type: protocol.TypePublish, Channel: ch, Data: []byte("1")}}
		}},
		{"history", func(ch protocol.Channel) []protocol.ClientFrame {
			return []protocol.ClientFrame{{Type: protocol.TypeHistory, Channel: ch}}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			rules := openOrNot("user", "nobody")
			rules.Channels[0].Publish = "user"
			inBubble(t, withMemory(func(c *memory.Config) { c.MaxChannels, c.OwnerChannels = 100, share }, withTokens(t, rules)), func(w *world) {
				b := w.bus.broker.(*memory.Broker)
				flood := w.signIn(sign(t, "ann", time.Hour), "")
				refused := 0
				for i := range 4 * share {
					for _, f := range row.ask(protocol.Channel(fmt.Sprint("dm/flood/", i))) {
						answer, _ := flood.ask(f)
						switch {
						case answer.Code == protocol.CodeLimitReached && f.Type != protocol.TypeUnsubscribe:
							refused++
						case answer.Code != "" && answer.Code != protocol.CodeNotSubscribed:
							t.Fatalf("%s %s: %+v", f.Type, f.Channel, answer)
						}
					}
					w.pass(time.Second)
				}
				if got := b.Holdings(); refused != 3*share || got.Channels != share || got.ChannelsRefused != 3*share {
					t.Errorf("refused %d, with %+v; want %d, and %d channels", refused, got, 3*share, share)
				}
				if answer, _ := flood.ask(row.ask("dm/flood/0")[0]); answer.Code != "" {
					t.Errorf("in a channel that there is: %+v", answer)
				}
				w.signIn(sign(t, "bob", time.Hour), "").may("dm/bob", true)
				if _, err := w.bus.Publish(context.Background(), Publish{Channel: "dm/backend", Data: []byte("1")}); err != nil {
					t.Errorf("a backend: %v", err)
				}
			})
		})
	}
}

// B124: a client that comes back to a channel that was forgotten meanwhile is told a gap, never that it missed nothing.
func TestB124_BackInAForgottenChannel(t *testing.T) {
	inBubble(t, withMemory(func(*memory.Config) {}, nil), func(w *world) {
		c := w.connect()
		c.subscribe("job/1", nil)
		at := w.publish("job/1", "1")
		c.next()
		c.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		w.pass(5 * time.Hour)
		if _, rest := w.connect().subscribe("job/1", &at); len(only(rest, protocol.TypeGap)) != 0 {
			t.Errorf("after five hours it is told %+v, want no gap: it missed nothing", rest)
		}
		for _, each := range w.bus.registry.all() {
			w.bus.Disconnect(each.id, "")
		}
		w.pass(7 * time.Hour)
		w.publish("job/1", "2") // the first of another channel of that name
		_, rest := w.connect().subscribe("job/1", &at)
		gaps := only(rest, protocol.TypeGap)
		if len(gaps) != 1 || gaps[0].Reason != string(protocol.GapEpochChanged) || gaps[0].From.Epoch == at.Epoch {
			t.Errorf("it is told %+v, want one gap, epoch_changed", rest)
		}
	})
}

// The address of anonymous clients counts if it is known for sure; else they are one crowd.
func TestAnonymousClientsAreCountedByAddress(t *testing.T) {
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprint("known: ", known), func(t *testing.T) {
			inBubble(t, withMemory(func(c *memory.Config) { c.MaxChannels, c.OwnerChannels = 100, 3 }, func(c *Config) {
				if known {
					c.ConnectionsPerAddress = 10
				}
			}), func(w *world) {
				for i, address := range []string{"192.0.2.1", "192.0.2.2"} {
					c, err := w.open(protocol.Peer{Transport: protocol.WebSocket, Address: address}, &protocol.ClientFrame{Type: protocol.TypeConnect})
					if err != nil {
						t.Fatal(err)
					}
					made := 0
					for n := range 6 {
						answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: protocol.Channel(fmt.Sprint("c/", i, "/", n))})
						switch {
						case answer.Type == protocol.TypeSubscribed:
							made++
						case answer.Code != protocol.CodeLimitReached:
							t.Fatalf("answered %+v", answer)
						}
					}
					if want := map[bool]int{true: 3, false: 6}[known]; made != want {
						t.Errorf("%s made %d channels, want %d", address, made, want)
					}
				}
			})
		})
	}
}
