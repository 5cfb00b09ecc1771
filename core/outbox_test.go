package core

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"tidings/protocol"
)

// frame is a counted frame that names itself.
func frame(n int) *protocol.Encoded {
	return protocol.NewEncoded(fmt.Append(nil, n), protocol.TypeMessage)
}

func sizedFrame(size int) *protocol.Encoded {
	return protocol.NewEncoded(make([]byte, size), protocol.TypeMessage)
}

func control(text string) *protocol.Encoded {
	return protocol.NewEncoded([]byte(text), protocol.TypePong)
}

// linkLog is a link that writes down what it is told.
type linkLog struct{ log []string }

func (l *linkLog) Wake() { l.log = append(l.log, "wake") }
func (l *linkLog) End(last *protocol.Encoded) {
	if last == nil {
		l.log = append(l.log, "end")
	} else {
		l.log = append(l.log, "end "+string(last.JSON))
	}
}

func attach(t *testing.T, o *Outbox, received uint64) (*linkLog, uint64) {
	t.Helper()
	l := &linkLog{}
	gen, ok := o.Attach(l, received, nil, control("superseded"))
	if !ok {
		t.Fatalf("attach after %d frames was refused", received)
	}
	return l, gen
}

func push(t *testing.T, o *Outbox, frames ...*protocol.Encoded) {
	t.Helper()
	for i, e := range frames {
		if !o.Push(e) {
			t.Fatalf("frame %d of %d did not fit", i+1, len(frames))
		}
	}
}

func numbered(first, last int) (frames []*protocol.Encoded) {
	for n := first; n <= last; n++ {
		frames = append(frames, frame(n))
	}
	return frames
}

const plenty = 1 << 30

func taken(o *Outbox, gen uint64) string { return texts(o.Take(gen, nil, plenty, plenty)) }

func texts(frames []*protocol.Encoded) string {
	var all []string
	for _, e := range frames {
		all = append(all, string(e.JSON))
	}
	return strings.Join(all, " ")
}

func wantTaken(t *testing.T, o *Outbox, gen uint64, want string) {
	t.Helper()
	if got := taken(o, gen); got != want {
		t.Fatalf("took %q, want %q", got, want)
	}
}

func wantWaiting(t *testing.T, o *Outbox, frames, bytes int) {
	t.Helper()
	if f, b := o.Waiting(); f != frames || b != bytes {
		t.Fatalf("%d frames and %d bytes wait, want %d and %d", f, b, frames, bytes)
	}
}

func TestOutboxOverflowsOnce(t *testing.T) {
	for _, c := range []struct {
		name     string
		attached bool
		fits     []*protocol.Encoded
		not      *protocol.Encoded
	}{
		{name: "frames", attached: true, fits: numbered(1, protocol.MaxOutboxFrames), not: frame(1)},
		{name: "bytes", attached: true, fits: slices.Repeat([]*protocol.Encoded{sizedFrame(protocol.MaxOutboxBytes / 16)}, 16), not: sizedFrame(1)},
		{name: "frames while parked", fits: numbered(1, protocol.MaxUnackedFrames), not: frame(1)},
		{name: "bytes while parked", fits: slices.Repeat([]*protocol.Encoded{sizedFrame(protocol.MaxUnackedBytes / 16)}, 16), not: sizedFrame(1)},
		{name: "one frame that is longer than all", attached: true, fits: []*protocol.Encoded{sizedFrame(2 * protocol.MaxOutboxBytes)}, not: sizedFrame(1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := NewOutbox(true)
			var link *linkLog
			var gen uint64
			if c.attached {
				link, gen = attach(t, o, 0)
			}
			push(t, o, c.fits...)
			o.WhenSpace(func() { t.Error("a broken outbox says that it has space") })
			if o.Push(c.not) {
				t.Fatal("one frame too many fits")
			}
			if !o.Push(c.not) {
				t.Error("the overflow was told twice")
			}
			wantWaiting(t, o, 0, 0)
			if c.attached {
				wantTaken(t, o, gen, "")
				o.End(control("slow_consumer"))
				if !slices.Equal(link.log, []string{"end slow_consumer"}) {
					t.Errorf("the link was told %q", link.log)
				}
			}
			if err := o.Ack(0); err != nil {
				t.Errorf("a late report: %v", err)
			}
			if _, ok := o.Attach(&linkLog{}, 0, nil, nil); ok {
				t.Error("a broken outbox takes a link")
			}
		})
	}
}

// A client may report what it received while its connection is being cut: that is no fault of the client.
func TestOutboxTakesAReportAfterItBroke(t *testing.T) {
	o := NewOutbox(true)
	_, gen := attach(t, o, 0)
	push(t, o, numbered(1, 10)...)
	wantTaken(t, o, gen, "1 2 3 4 5 6 7 8 9 10")
	o.End(nil)
	if err := o.Ack(10); err != nil {
		t.Errorf("report of what was sent: %v", err)
	}
}

func TestOutboxFencesByGeneration(t *testing.T) {
	o := NewOutbox(true)
	old, oldGen := attach(t, o, 0)
	push(t, o, numbered(1, 3)...)
	wantTaken(t, o, oldGen, "1 2 3")
	fresh, gen := attach(t, o, 1)
	if gen <= oldGen {
		t.Errorf("generation %d follows %d", gen, oldGen)
	}
	if !slices.Equal(old.log, []string{"end superseded"}) {
		t.Errorf("the old link was told %q, want its end", old.log)
	}
	wantTaken(t, o, oldGen, "") // a zombie gets nothing
	if o.Detach(oldGen) {
		t.Error("a fenced link could take the new one away")
	}
	o.Flush()
	if !slices.Equal(fresh.log, []string{"wake"}) {
		t.Errorf("the new link was told %q, want wake", fresh.log)
	}
	wantTaken(t, o, gen, "2 3")
	if !o.Detach(gen) || o.Detach(gen) {
		t.Error("the link goes once")
	}
	wantTaken(t, o, gen, "")
	if g, ok := o.Attached(); ok || g != gen {
		t.Errorf("attached %t, generation %d, want none and %d", ok, g, gen)
	}
}

func TestOutboxGoesOnAfterWhatWasReceived(t *testing.T) {
	for received, want := range map[uint64]string{0: "1 2 3 4 5", 2: "3 4 5", 3: "4 5"} {
		o := NewOutbox(true)
		_, gen := attach(t, o, 0)
		push(t, o, numbered(1, 3)...)
		taken(o, gen)
		o.Detach(gen)
		push(t, o, numbered(4, 5)...)
		if _, ok := o.Attach(&linkLog{}, 4, nil, nil); ok {
			t.Error("more than was ever written is taken as received")
		}
		_, gen = attach(t, o, received)
		wantWaiting(t, o, 5-int(received), 5-int(received))
		wantTaken(t, o, gen, want)
		if o.Sent() != 5 {
			t.Errorf("sent %d, want 5", o.Sent())
		}
		wantWaiting(t, o, 0, 0)
	}
}

// Make before break: what the old link brings while the new one opens is written again, since the client counts it
// there.
func TestOutboxRewinds(t *testing.T) {
	o := NewOutbox(true)
	_, gen := attach(t, o, 0)
	push(t, o, numbered(1, 4)...)
	wantTaken(t, o, gen, "1 2 3 4")
	_, gen = attach(t, o, 1)
	if err := o.Ack(4); err != nil { // the client's ping, sent over either link
		t.Errorf("a report of what the older link brought: %v", err)
	}
	wantTaken(t, o, gen, "2 3 4")
	_, gen = attach(t, o, 2)
	o.Take(gen, nil, 1, plenty) // 3
	if _, ok := o.Attach(&linkLog{}, 1, nil, nil); ok {
		t.Error("a link goes on after frames that were reported as received, and forgotten")
	}
	_, gen = attach(t, o, 4) // which an older link brought
	wantTaken(t, o, gen, "")
	push(t, o, frame(5))
	wantTaken(t, o, gen, "5")
}

func TestOutboxForgetsWhatIsReported(t *testing.T) {
	o := NewOutbox(true)
	_, gen := attach(t, o, 0)
	push(t, o, numbered(1, 5)...)
	o.Take(gen, nil, 3, plenty)
	for _, step := range []struct {
		received uint64
		code     protocol.Code
	}{{2, ""}, {1, ""}, {2, ""}, {4, protocol.CodeBadCursor}, {1 << 60, protocol.CodeBadCursor}, {3, ""}} {
		err := o.Ack(step.received)
		if step.code == "" && err != nil || step.code != "" && !errors.Is(err, &protocol.Error{Code: step.code}) {
			t.Errorf("report of %d of 3: %v, want %q", step.received, err, step.code)
		}
	}
	if _, ok := o.Attach(&linkLog{}, 2, nil, nil); ok {
		t.Error("a link goes on after frame 2, when 3 was reported")
	}
	_, gen = attach(t, o, 3)
	wantTaken(t, o, gen, "4 5")
}

func TestOutboxKeepsABoundedNumberForAResume(t *testing.T) {
	for name, c := range map[string]struct{ size, keeps int }{
		"frames": {1, protocol.MaxUnackedFrames}, "bytes": {protocol.MaxUnackedBytes / 16, 16},
	} {
		t.Run(name, func(t *testing.T) {
			o := NewOutbox(true)
			_, gen := attach(t, o, 0)
			for range c.keeps + 1 {
				push(t, o, sizedFrame(c.size))
				o.Take(gen, nil, plenty, plenty)
			}
			if _, ok := o.Attach(&linkLog{}, 0, nil, nil); ok {
				t.Errorf("%d frames of %d bytes are kept", c.keeps+1, c.size)
			}
			if _, ok := o.Attached(); !ok {
				t.Error("a refused link has changed something")
			}
			_, gen = attach(t, o, 1)
			if got := len(o.Take(gen, nil, plenty, plenty)); got != c.keeps {
				t.Errorf("%d frames were kept, want %d", got, c.keeps)
			}
		})
	}
}

func TestOutboxTakesInBounds(t *testing.T) {
	o := NewOutbox(true)
	_, gen := attach(t, o, 0)
	push(t, o, sizedFrame(100), sizedFrame(100), sizedFrame(100), sizedFrame(1000), sizedFrame(1))
	for i, want := range []struct{ maxFrames, maxBytes, frames int }{{1, plenty, 1}, {plenty, 200, 2}, {plenty, 10, 1}, {plenty, 10, 1}, {plenty, 10, 0}} {
		if got := o.Take(gen, nil, want.maxFrames, want.maxBytes); len(got) != want.frames {
			t.Fatalf("take %d gives %d frames, want %d", i, len(got), want.frames)
		}
	}
	before := []*protocol.Encoded{frame(0)}
	push(t, o, frame(1), frame(2))
	if got := texts(o.Take(gen, before, 1, plenty)); got != "0 1" {
		t.Errorf("took %q behind one that was there, want it and one more", got)
	}
}

func TestOutboxControlFramesGoFirst(t *testing.T) {
	o := NewOutbox(true)
	push(t, o, control("lost"), frame(1)) // no link: nobody is there for a pong
	l := &linkLog{}
	gen, ok := o.Attach(l, 0, func(gen uint64) *protocol.Encoded { return control(fmt.Sprint("connected:", gen)) }, nil)
	if !ok {
		t.Fatal("attach was refused")
	}
	push(t, o, frame(2), control("pong"))
	wantTaken(t, o, gen, fmt.Sprintf("connected:%d pong 1 2", gen))
	if o.Sent() != 2 {
		t.Errorf("%d frames count, want 2", o.Sent())
	}
	for range 100 {
		push(t, o, control("x"))
	}
	if got := len(o.Take(gen, nil, plenty, plenty)); got != maxControlFrames {
		t.Errorf("%d pongs waited for a stuck link, want %d", got, maxControlFrames)
	}
	push(t, o, control("of the old link"))
	gen, _ = o.Attach(l, 2, func(uint64) *protocol.Encoded { return control("connected") }, nil)
	wantTaken(t, o, gen, "connected")
}

func TestOutboxKeepsAPongBetweenTwoPolls(t *testing.T) {
	o := NewOutbox(true)
	attach(t, o, 0)
	push(t, o, control("pong"), frame(1))
	_, gen := attach(t, o, 0)
	wantTaken(t, o, gen, "pong 1")
}

func TestOutboxPushesWithoutAllocating(t *testing.T) {
	o := NewOutbox(true)
	_, gen := attach(t, o, 0)
	dst, e, n := make([]*protocol.Encoded, 0, 4), frame(1), uint64(0)
	round := func(acked uint64) {
		o.Push(e)
		dst = o.Take(gen, dst[:0], 4, plenty)
		if n++; n%acked == 0 {
			o.Ack(n)
		}
	}
	if got := testing.AllocsPerRun(100, func() { round(1) }); got != 0 {
		t.Errorf("one frame, acknowledged: %v allocations", got)
	}
	for range 2048 {
		round(256)
	}
	if got := testing.AllocsPerRun(4096, func() { round(256) }); got > 0.1 {
		t.Errorf("a ping each 256 frames: %v allocations a frame", got)
	}
}

func TestOutboxWakesWhereFramesWait(t *testing.T) {
	o := NewOutbox(true)
	o.Flush()
	l, gen := attach(t, o, 0)
	o.Flush()
	if len(l.log) != 0 {
		t.Errorf("the link was told %q with nothing waiting", l.log)
	}
	push(t, o, frame(1))
	o.Flush()
	taken(o, gen)
	o.Flush()
	push(t, o, control("pong"))
	o.Flush()
	if !slices.Equal(l.log, []string{"wake", "wake"}) {
		t.Errorf("the link was told %q, want two wakes", l.log)
	}
}

func TestOutboxThatDoesNotResume(t *testing.T) {
	o := NewOutbox(false)
	_, gen := attach(t, o, 0)
	push(t, o, numbered(1, 3)...)
	wantTaken(t, o, gen, "1 2 3")
	if o.slots != nil || o.one[0] != nil || o.unacked != 0 {
		t.Errorf("%d frames are kept", o.kept())
	}
	if err := o.Ack(2); err != nil {
		t.Errorf("a report: %v", err)
	}
	if _, ok := o.Attach(&linkLog{}, 2, nil, nil); ok {
		t.Error("it went on from frames that are gone")
	}
}

func TestOutboxWhenSpace(t *testing.T) {
	var log []string
	say := func(what string) func() { return func() { log = append(log, what) } }
	o := NewOutbox(true)
	o.WhenSpace(say("no link"))
	o.WhenSpace(say("replaces it"))
	_, gen := attach(t, o, 0) // nothing waits, so no Take need come
	o.WhenSpace(say("at once"))
	push(t, o, numbered(1, protocol.RecoveryPageFrames)...)
	o.WhenSpace(say("after take"))
	if want := []string{"replaces it", "at once"}; !slices.Equal(log, want) {
		t.Fatalf("called %q, want %q", log, want)
	}
	o.Take(gen, nil, 1, plenty)
	o.Take(gen, nil, 1, plenty) // calls once
	push(t, o, sizedFrame(protocol.RecoveryPageBytes))
	o.WhenSpace(func() {
		o.Push(frame(0)) // may use the outbox
		log = append(log, "bytes")
	})
	taken(o, gen)
	if want := []string{"replaces it", "at once", "after take", "bytes"}; !slices.Equal(log, want) {
		t.Fatalf("called %q, want %q", log, want)
	}
}

func TestOutboxEnd(t *testing.T) {
	o := NewOutbox(true)
	l, gen := attach(t, o, 0)
	push(t, o, frame(1))
	o.End(control("bye"))
	o.End(control("again"))
	push(t, o, frame(2))
	o.Flush()
	wantTaken(t, o, gen, "")
	if !slices.Equal(l.log, []string{"end bye"}) {
		t.Errorf("the link was told %q, want one end", l.log)
	}
}

// A client that counts, over links that break anywhere, gets each frame once and in order, and the sizes come out even.
func TestOutboxCarriesASessionOverCuts(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		o := NewOutbox(true)
		var pushed, received int
		var gen uint64
		attached, next := false, 0
		for range 400 {
			switch rng.IntN(6) {
			case 0, 1:
				if pushed-received < 500 {
					pushed++
					push(t, o, frame(pushed))
				}
			case 2, 3:
				if !attached {
					continue
				}
				for _, e := range o.Take(gen, nil, 1+rng.IntN(5), plenty) {
					if rng.IntN(10) == 0 { // the link breaks: this frame and the rest are lost
						attached = !o.Detach(gen)
						break
					}
					next++ // counted over this link, as the client does
					if next <= received {
						continue // an older link brought it
					}
					if received++; string(e.JSON) != fmt.Sprint(received) {
						t.Fatalf("seed %d: frame %s came as number %d", seed, e.JSON, received)
					}
				}
			case 4:
				if err := o.Ack(uint64(rng.IntN(received + 1))); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			case 5:
				said := received
				g, ok := o.Attach(&linkLog{}, uint64(said), nil, nil)
				if !ok {
					t.Fatalf("seed %d: resume after %d frames was refused", seed, said)
				}
				gen, attached, next = g, true, said
			}
			waiting, bytes := o.Waiting()
			sum := 0
			for _, e := range o.slots[o.head+o.written:] {
				sum += e.Size()
			}
			if waiting != o.kept()-o.written || bytes != sum {
				t.Fatalf("seed %d: %d frames and %d bytes wait, says it; it is %d and %d", seed, waiting, bytes, o.kept()-o.written, sum)
			}
		}
	}
}

type quietLink struct{}

func (quietLink) Wake()                 {}
func (quietLink) End(*protocol.Encoded) {}

// All at once: shards push, a link takes, transports come and go, the client reports.
func TestOutboxUnderRace(t *testing.T) {
	o := NewOutbox(true)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for n := range 1000 {
				o.Push(frame(n))
				o.Flush()
			}
		})
	}
	for range 2 {
		all.Go(func() {
			for range 300 {
				gen, ok := o.Attach(quietLink{}, o.Sent(), nil, nil)
				if !ok {
					continue // another took frames meanwhile, or it overflowed
				}
				o.WhenSpace(func() { o.Push(control("page")) })
				for range 5 {
					o.Take(gen, nil, 10, plenty)
				}
				_ = o.Ack(o.Sent())
				if n, _ := o.Waiting(); n < 0 {
					t.Error("fewer than no frames wait")
				}
				o.Detach(gen)
			}
		})
	}
	all.Wait()
	o.End(nil)
}

func BenchmarkOutboxPushTake(b *testing.B) {
	o := NewOutbox(true)
	gen, _ := o.Attach(quietLink{}, 0, nil, nil)
	e, dst := frame(1), make([]*protocol.Encoded, 0, 64)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		o.Push(e)
		if i%16 == 15 {
			dst = o.Take(gen, dst[:0], 64, plenty)
			if err := o.Ack(o.Sent()); err != nil {
				b.Fatal(err)
			}
		}
	}
}
