package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/protocol"
	"tidings/sim/check"
)

// told is a run as a test tells it: one client that hears a calm channel and the busy one, a message a second on each,
// from second 1 on.
type told struct {
	*stage
	ears map[string]*ear
	tops map[string]uint64
}

func tell(plan ...*phase) *told {
	t := &told{stage: &stage{log: newJournal(""), plan: plan}, ears: map[string]*ear{}, tops: map[string]uint64{}}
	t.log.began()
	t.log.lives[0] = 0
	t.log.tops = map[string]protocol.Position{}
	for _, transport := range []string{protocol.WebSocket, protocol.SSE, protocol.Poll} {
		t.log.status("go any 0", "connected", transport, nil)
		t.log.status("go any 0", "waiting", "", nil)
	}
	t.log.status("go any 0", "connected", protocol.SSE, nil)
	for _, channel := range []string{calm(0), busyChannel} {
		t.ears[channel] = t.log.ear("go any 0", channel)
		t.ears[channel].subscribed(0, at(0), false)
	}
	return t
}

func at(offset uint64) protocol.Position {
	p := protocol.Position{Epoch: "e1", Offset: offset}
	if offset > 0 {
		p.Tag = fmt.Sprint("t", offset)
	}
	return p
}

func (t *told) message(channel string, offset uint64) heard {
	when := t.log.begin.Add(time.Duration(offset) * time.Second).UnixMilli()
	return heard{channel, at(offset), fmt.Sprint("id", offset), fmt.Sprint("data", offset), when}
}

// publishes numbers and acknowledges messages up to an offset of both channels.
func (t *told) publishes(to uint64) {
	for channel := range t.ears {
		for o := t.tops[channel] + 1; o <= to; o++ {
			t.log.ack(fmt.Sprint(channel, o), t.message(channel, o))
		}
		t.tops[channel], t.log.tops[channel] = to, at(to)
	}
}

// hears tells the client of the messages of one channel, a second after each was published.
func (t *told) hears(channel string, from, to uint64) {
	for o := from; o <= to; o++ {
		t.ears[channel].message(time.Duration(o+1)*time.Second, t.message(channel, o))
	}
}

func played(name string, from, healed time.Duration) *phase {
	i := slices.IndexFunc(faults, func(f fault) bool { return f.name == name })
	return &phase{faults: []*fault{&faults[i]}, from: from * time.Second, healed: healed * time.Second}
}

// What must be found, and what must not.
func TestLaws(t *testing.T) {
	const (
		closed, order, lost, twice = "nobody was closed", "in order (I1)", "nothing lost without a gap (I2)", "nothing twice (I3)"
		acked, end, falseGap       = "what was acknowledged is there, once (I4)", "everybody has heard everything in the end (I5)", "no gap where history had everything (I6)"
		unexplained                = "a fault explains each gap"
	)
	gap := func(channel string, second time.Duration, reason protocol.GapReason, last, from uint64) func(*told) {
		return func(r *told) {
			r.publishes(200)
			r.hears(channel, 1, last)
			r.ears[channel].gap(second*time.Second, string(reason), at(last), at(from))
			r.hears(channel, from+1, 200)
			for other := range r.ears {
				if other != channel {
					r.hears(other, 1, 200)
				}
			}
		}
	}
	for _, tt := range []struct {
		name string
		plan []*phase
		do   func(*told)
		want []string
	}{
		{name: "all heard", do: func(r *told) { r.publishes(50); r.hears(calm(0), 1, 50); r.hears(busyChannel, 1, 50) }},
		{name: "a gap in a quiet phase", plan: []*phase{played("all bytes stall", 2, 12)}, do: gap(calm(0), 40, protocol.GapFeedLost, 10, 20), want: []string{falseGap, unexplained}},
		{name: "a loss", do: func(r *told) {
			r.publishes(50)
			r.hears(calm(0), 1, 20)
			r.hears(calm(0), 22, 50)
			r.hears(busyChannel, 1, 50)
		}, want: []string{lost}},
		{name: "a message that comes twice", do: func(r *told) {
			r.publishes(50)
			r.hears(calm(0), 1, 20)
			r.hears(calm(0), 20, 50)
			r.hears(busyChannel, 1, 50)
		}, want: []string{order, twice}},
		{name: "an end that one does not reach", do: func(r *told) { r.publishes(50); r.hears(calm(0), 1, 49); r.hears(busyChannel, 1, 50) }, want: []string{end}},
		{name: "a client that is closed", do: func(r *told) {
			r.publishes(50)
			r.hears(calm(0), 1, 50)
			r.hears(busyChannel, 1, 50)
			r.log.status("go any 0", "closed", "", fmt.Errorf("superseded"))
			r.log.status("go any 0", "connected", protocol.SSE, nil)
		}, want: []string{closed}},
		{name: "one key with two positions", do: func(r *told) {
			r.publishes(50)
			r.log.ack(calm(0)+"1", heard{calm(0), at(51), "id51", "data1", r.log.begin.Add(51 * time.Second).UnixMilli()})
			r.log.tops[calm(0)] = at(51)
			r.hears(calm(0), 1, 50)
			r.ears[calm(0)].message(52*time.Second, heard{calm(0), at(51), "id51", "data1", 0})
			r.hears(busyChannel, 1, 50)
		}, want: []string{acked}},

		{name: "an epoch that ended with the server", plan: []*phase{played("server killed", 30, 33)}, do: func(r *told) {
			r.publishes(30)
			r.hears(calm(0), 1, 30)
			r.hears(busyChannel, 1, 30)
			for channel, e := range r.ears {
				next := protocol.Position{Epoch: "e2"}
				e.gap(43*time.Second, string(protocol.GapEpochChanged), at(30), next)
				r.log.tops[channel] = next
			}
		}},
		{name: "the same, told more than ten seconds later", plan: []*phase{played("server killed", 30, 33)}, do: func(r *told) {
			r.publishes(30)
			r.hears(calm(0), 1, 30)
			r.hears(busyChannel, 1, 30)
			for channel, e := range r.ears {
				next := protocol.Position{Epoch: "e2"}
				e.gap(43001*time.Millisecond, string(protocol.GapEpochChanged), at(30), next)
				r.log.tops[channel] = next
			}
		}, want: []string{unexplained}},
		{name: "another reason than the server's end has", plan: []*phase{played("server killed", 30, 33)}, do: gap(calm(0), 35, protocol.GapPositionUnknown, 10, 20), want: []string{falseGap, unexplained}},
		{name: "away for longer than the busy channel's window", plan: []*phase{played("all bytes stall", 100, 115)}, do: gap(busyChannel, 120, protocol.GapHistoryExpired, 10, 119)},
		{name: "away for less", plan: []*phase{played("all bytes stall", 111, 115)}, do: gap(busyChannel, 120, protocol.GapHistoryExpired, 10, 119), want: []string{unexplained}},
		{name: "away, and a calm channel has a gap", plan: []*phase{played("all bytes stall", 100, 115)}, do: gap(calm(0), 120, protocol.GapHistoryExpired, 10, 119), want: []string{falseGap, unexplained}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tell(tt.plan...)
			tt.do(r)
			var got []string
			all := ""
			for _, l := range r.laws() {
				if len(l.broken) > 0 {
					got = append(got, l.name)
					all += fmt.Sprintf("\n%s: %v", l.name, l.broken)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("broken: got %q, want %q%s", got, tt.want, all)
			}
		})
	}
}

// A run that heard nothing proves nothing.
func TestVainRuns(t *testing.T) {
	s := &stage{log: newJournal("gap")}
	s.log.ear("go poll 0", calm(0)).subscribed(0, at(0), false)
	s.log.status("go poll 0", "connected", protocol.Poll, nil)
	got := fmt.Sprint(s.log.vain())
	for _, want := range []string{"no publish was acknowledged", "over websocket", "over sse", "go poll 0 heard nothing of calm/0", "nothing was planted"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s, which lacks %q", got, want)
		}
	}
	if strings.Contains(got, "over poll") {
		t.Errorf("got %s, though a client connected over poll", got)
	}
}

// What -plant does is done once, when it is quiet, and leaves what the laws find.
func TestPlant(t *testing.T) {
	for plant, want := range map[string]string{"gap": "1 gap 3", "loss": "1 3", "twice": "1 2 2 3"} {
		j := newJournal(plant)
		e := j.ear("go any 0", calm(0))
		for o := uint64(1); o <= 3; o++ {
			j.setQuiet(o == 2)
			e.message(0, heard{calm(0), at(o), fmt.Sprint(o), fmt.Sprint(o), 0})
		}
		var got []string
		for _, ev := range e.Events {
			got = append(got, map[check.Kind]string{check.Message: ev.Data, check.Gap: "gap"}[ev.Kind])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("-plant %s: got %v, want %s", plant, got, want)
		}
	}
}

// The same seed plays the same plan; the server's faults are among the first; and every kind comes.
func TestPlan(t *testing.T) {
	plan := func(seed uint64, length time.Duration) (names []string) {
		for _, p := range draw(rand.New(rand.NewPCG(seed, 1)), options{nodes: 1}.kinds(), length, 1) {
			names = append(names, fmt.Sprintf("%v for %v", p, p.length))
		}
		return names
	}
	if a, b, c := plan(1, time.Minute), plan(1, time.Minute), plan(2, time.Minute); !slices.Equal(a, b) || slices.Equal(a, c) {
		t.Errorf("seeds 1, 1 and 2 play %q, %q and %q", a, b, c)
	}
	for seed := range uint64(20) {
		first := strings.Join(plan(seed, time.Minute)[:3], "; ")
		for _, want := range []string{"server killed", "server stopped"} {
			if !strings.Contains(first, want) {
				t.Errorf("seed %d begins with %s, without %q", seed, first, want)
			}
		}
		all := strings.Join(plan(seed, 15*time.Minute), "; ")
		for _, f := range faults {
			if !strings.Contains(all, f.name) {
				t.Errorf("fifteen minutes of seed %d lack %q", seed, f.name)
			}
		}
	}
}

func TestTAP(t *testing.T) {
	got := tap([]law{{"nobody was closed", nil}, {"in order", []string{"a", "b"}}})
	const want = "ok 1 - nobody was closed\nnot ok 2 - in order: 2 times\n  a\n  b\n# pass 1\n# fail 1\n"
	if got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}
