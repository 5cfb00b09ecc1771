package memory_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tidings/broker"
	"tidings/broker/memory"
	"tidings/core"
	"tidings/protocol"
)

func top(t *testing.T, b *memory.Broker, ch protocol.Channel) protocol.Position {
	t.Helper()
	p, err := b.History(t.Context(), ch, protocol.Position{}, 1)
	if err != nil {
		t.Fatalf("history of %s: %v", ch, err)
	}
	return p.Top
}

func must(t *testing.T, b *memory.Broker, ch protocol.Channel) broker.Receipt {
	t.Helper()
	r, err := b.Publish(t.Context(), broker.Publish{Channel: ch, Data: []byte(`1`)})
	if err != nil {
		t.Fatalf("publish to %s: %v", ch, err)
	}
	return r
}

func TestPositionsAreShortAndValid(t *testing.T) {
	b := memory.New(memory.DefaultConfig())
	defer b.Close()
	epochs := map[string]bool{}
	for i := range 1000 {
		at := must(t, b, protocol.Channel(fmt.Sprint("c", i))).Position
		if err := at.Check(); err != nil || len(at.Epoch) != 14 || len(at.Tag) != 6 {
			t.Fatalf("position %v: %v, want an epoch of 14 and a tag of 6 characters", at, err)
		}
		epochs[at.Epoch] = true
	}
	if len(epochs) != 1000 {
		t.Errorf("%d epochs of 1,000 channels", len(epochs))
	}
}

func TestIdleChannelIsForgottenAfterItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := memory.DefaultConfig()
		cfg.Remember = time.Hour
		b := memory.New(cfg)
		defer b.Close()
		quiet, heard := must(t, b, "quiet").Position, must(t, b, "heard").Position
		stop, err := b.Subscribe(t.Context(), "heard", nobody{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Minute) // history is empty long since
		if got := top(t, b, "quiet"); got != quiet {
			t.Errorf("before its time the channel is at %v, want %v: a client that missed nothing has no gap", got, quiet)
		}
		time.Sleep(62 * time.Minute)
		if got := top(t, b, "quiet"); got.Offset != 0 || got.Epoch == quiet.Epoch {
			t.Errorf("after its time the channel is at %v, want offset 0 of a new epoch", got)
		}
		if got := top(t, b, "heard"); got != heard {
			t.Errorf("a channel with a sink is at %v, want %v", got, heard)
		}
		stop()
		time.Sleep(62 * time.Minute)
		if got := top(t, b, "heard"); got.Epoch == heard.Epoch {
			t.Errorf("after its last sink left and its time the channel is at %v, want a new epoch", got)
		}
	})
}

// A channel that was used once, as a page's or a job's own, is forgotten in hours, and others in weeks.
func TestAChannelThatWasHardlyUsedIsForgottenSooner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := memory.DefaultConfig()
		cfg.Sweep = time.Hour
		b := memory.New(cfg)
		defer b.Close()
		begin := time.Now()
		const reply = "$reply/zzzzzz.one.two.proof"
		at := map[protocol.Channel]protocol.Position{"read": top(t, b, "read"), reply: top(t, b, reply)}
		for channel, messages := range map[protocol.Channel]int{"once": 1, "few": 8, "used": 9} {
			for range messages {
				at[channel] = must(t, b, channel).Position
			}
		}
		for _, row := range []struct {
			wait time.Duration
			gone map[protocol.Channel]bool
		}{
			{5 * time.Hour, nil},
			{8 * time.Hour, map[protocol.Channel]bool{"read": true, reply: true, "once": true, "few": true}},
			{29*24*time.Hour + 23*time.Hour, map[protocol.Channel]bool{"read": true, reply: true, "once": true, "few": true}},
			{30*24*time.Hour + 2*time.Hour, map[protocol.Channel]bool{"read": true, reply: true, "once": true, "few": true, "used": true}},
		} {
			time.Sleep(time.Until(begin.Add(row.wait)))
			if got, want := b.Holdings().Channels, len(at)-len(row.gone); got != want {
				t.Errorf("after %s %d channels are kept, want %d", row.wait, got, want)
			}
		}
		for channel, was := range at {
			page, err := b.History(t.Context(), channel, was, 10)
			if err != nil || page.Lost != protocol.GapEpochChanged || page.Top.Epoch == was.Epoch {
				t.Errorf("%s: back from %v: %+v, %v; want a gap, and another epoch", channel, was, page, err)
			}
		}
	})
}

func TestLiveKeyKeepsItsChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := memory.DefaultConfig()
		cfg.Remember = 0
		cfg.Stream = func(protocol.Channel) core.StreamConfig {
			c := core.DefaultStreamConfig()
			c.MaxMessages = 0
			return c
		}
		b := memory.New(cfg)
		defer b.Close()
		p := broker.Publish{Channel: "c", Data: []byte(`1`), IdempotencyKey: "k"}
		first, err := b.Publish(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Minute)
		if again, err := b.Publish(t.Context(), p); err != nil || again.Position != first.Position || !again.Duplicate {
			t.Errorf("inside 5 minutes: %+v, %v, want %+v", again, err, first)
		}
		time.Sleep(4 * time.Minute)
		if got := top(t, b, "c"); got.Epoch == first.Position.Epoch {
			t.Errorf("the channel is still at %v when its key is over its time", got)
		}
	})
}

func TestChannelsAreBounded(t *testing.T) {
	var c clock
	cfg := memory.DefaultConfig()
	cfg.Now, cfg.MaxChannels = c.now, 3
	b := memory.New(cfg)
	defer b.Close()
	kept := must(t, b, "kept").Position
	if _, err := b.Subscribe(t.Context(), "heard", nobody{}); err != nil {
		t.Fatal(err)
	}
	top(t, b, "only read") // the third
	must(t, b, "a fourth") // takes the place of the one that was only read
	_, err := b.Publish(t.Context(), broker.Publish{Channel: "a fifth", Data: []byte(`1`)})
	if !errors.Is(err, &protocol.Error{Code: protocol.CodeOverloaded}) {
		t.Fatalf("a channel too many: %v, want overloaded, since all others have messages or sinks", err)
	}
	if got := must(t, b, "kept").Position; got.Epoch != kept.Epoch || got.Offset != 2 {
		t.Errorf("a channel that is there is at %v, want offset 2 in epoch %s", got, kept.Epoch)
	}
	c.advance(11 * time.Minute) // all messages are over their time
	must(t, b, "a fifth")
	if got := top(t, b, "heard"); got.Offset != 0 {
		t.Errorf("the channel with a sink is at %v", got)
	}
}

// A publisher must not lose its message in a channel that is forgotten beneath it.
func TestForgettingDoesNotLoseMessages(t *testing.T) {
	cfg := memory.DefaultConfig()
	cfg.Remember, cfg.Sweep = 0, 256*time.Millisecond                                    // each millisecond a 256th
	cfg.Stream = func(protocol.Channel) core.StreamConfig { return core.StreamConfig{} } // at once idle
	b := memory.New(cfg)
	defer b.Close()
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 500 {
				ch := protocol.Channel(fmt.Sprint("c", i, "/", n%50))
				if _, err := b.History(t.Context(), ch, protocol.Position{}, 1); err != nil {
					t.Error(err)
				}
				sink := &counter{}
				stop, err := b.Subscribe(t.Context(), ch, sink)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := b.Publish(t.Context(), broker.Publish{Channel: ch, Data: []byte(`1`)}); err != nil {
					t.Error(err)
				}
				stop()
				if sink.n != 1 {
					t.Errorf("the sink heard %d messages, want 1", sink.n)
				}
			}
		})
	}
	all.Wait()
}

type counter struct{ n int }

func (c *counter) Message(*protocol.Message) { c.n++ }
func (c *counter) Interrupted()              {}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
		b := memory.New(memory.DefaultConfig())
		must(t, b, "c")
		time.Sleep(24 * time.Hour)
		b.Close()
	})
}

func TestBoundsFollowTheChannel(t *testing.T) {
	cfg := memory.DefaultConfig()
	cfg.Stream = func(ch protocol.Channel) core.StreamConfig {
		c := core.DefaultStreamConfig()
		if strings.HasPrefix(string(ch), "short/") {
			c.MaxMessages = 1
		}
		return c
	}
	b := memory.New(cfg)
	defer b.Close()
	for ch, want := range map[protocol.Channel]int{"short/a": 1, "long": 3} {
		for range 3 {
			must(t, b, ch)
		}
		if p, err := b.Last(t.Context(), ch, 10); err != nil || len(p.Messages) != want {
			t.Errorf("%s keeps %d messages, want %d (%v)", ch, len(p.Messages), want, err)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	if err := memory.DefaultConfig().Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
	for field, change := range map[string]func(*memory.Config){
		"MaxChannels":   func(c *memory.Config) { c.MaxChannels = 0 },
		"OwnerChannels": func(c *memory.Config) { c.OwnerChannels = 0 },
		"Remember":      func(c *memory.Config) { c.Remember = -1 },
		"RememberBrief": func(c *memory.Config) { c.RememberBrief = -1 },
		"Sweep":         func(c *memory.Config) { c.Sweep = 0 },
		"Now":           func(c *memory.Config) { c.Now = nil },
		"Random":        func(c *memory.Config) { c.Random = nil },
	} {
		cfg := memory.DefaultConfig()
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), "memory: "+field+" ") {
			t.Errorf("%s: error %v, want one that names the field", field, err)
		}
	}
}
