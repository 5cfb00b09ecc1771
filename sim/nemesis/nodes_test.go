package main

import (
	"bufio"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/protocol"
)

// echo answers what it is sent, line by line.
func echo(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
	return l
}

// What is said over a link is answered while it is whole. A mute link holds it back, and a cut one breaks.
func TestLink(t *testing.T) {
	k, err := newLink(echo(t).Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer k.close()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", k.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	says := func(c net.Conn, word string) {
		t.Helper()
		if _, err := io.WriteString(c, word+"\n"); err != nil {
			t.Fatalf("%s: %v", word, err)
		}
	}
	hears := func(c net.Conn, want string) {
		t.Helper()
		c.SetReadDeadline(time.Now().Add(time.Minute))
		if got, err := bufio.NewReader(c).ReadString('\n'); err != nil || got != want+"\n" {
			t.Fatalf("heard %q, %v, want %q", got, err, want)
		}
	}
	before := dial()
	says(before, "whole")
	hears(before, "whole")

	k.set(mute)
	says(before, "mute")
	before.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := before.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("a mute link brought %d bytes, %v", n, err)
	}
	k.set(whole)
	hears(before, "mute")

	k.set(cut)
	for name, c := range map[string]net.Conn{"an old connection": before, "a new one": dial()} {
		c.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := c.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s of a cut link: %v, want it broken", name, err)
		}
	}
	k.set(whole)
	after := dial()
	says(after, "again")
	hears(after, "again")
}

// A node, or Redis, that is killed, and a rolling restart are in each run of nodes, and the server's faults in none.
func TestPlanOfNodes(t *testing.T) {
	for name, tt := range map[string]struct {
		o    options
		none string // of the faults that it may not have
	}{
		"behind the proxy": {options{nodes: 3}, "server"},
		"direct":           {options{nodes: 3, direct: true}, "connections reset"},
	} {
		kinds := tt.o.kinds()
		if slices.ContainsFunc(kinds, func(f fault) bool { return strings.HasPrefix(f.name, tt.none) }) {
			t.Errorf("%s: there is a fault %q", name, tt.none)
		}
		for seed := range uint64(20) {
			var first []string
			for _, p := range draw(rand.New(rand.NewPCG(seed, 1)), kinds, time.Minute, 0.25)[:3] {
				first = append(first, p.String())
			}
			for _, want := range []string{"node killed", "Redis ends", "one after the other"} {
				if got := strings.Join(first, "; "); !strings.Contains(got, want) {
					t.Errorf("%s: seed %d begins with %s, without %q", name, seed, got, want)
				}
			}
		}
	}
	if kinds := (options{nodes: 1}).kinds(); slices.ContainsFunc(kinds, func(f fault) bool { return strings.HasPrefix(f.name, "node") }) {
		t.Error("a run of one server has a fault of nodes")
	}
}

// Nodes may end without a gap. Redis may not forget without one, and explains no other.
func TestWhatNodeFaultsExplain(t *testing.T) {
	for _, tt := range []struct {
		fault   string
		length  time.Duration
		reason  protocol.GapReason
		channel string
		want    bool
	}{
		{"node killed", 5 * time.Second, protocol.GapEpochChanged, calm(0), false},
		{"nodes restarted one after the other", 20 * time.Second, protocol.GapHistoryExpired, calm(0), false},
		{"nodes restarted one after the other", 20 * time.Second, protocol.GapEpochChanged, busyChannel, false},
		{"node stopped past its lease", 20 * time.Second, protocol.GapHistoryExpired, busyChannel, true},
		{"node stopped past its lease", 5 * time.Second, protocol.GapHistoryExpired, busyChannel, false},
		{"Redis stopped and continued", 5 * time.Second, protocol.GapEpochChanged, calm(0), false},
		{"Redis ends and starts with all it had", 5 * time.Second, protocol.GapEpochChanged, calm(0), true},
		{"Redis flushed", 0, protocol.GapEpochChanged, calm(0), true},
		{"Redis flushed", 0, protocol.GapFeedLost, calm(0), false},
	} {
		i := slices.IndexFunc(nodeFaults, func(f fault) bool { return f.name == tt.fault })
		if i < 0 {
			t.Fatalf("there is no fault %q", tt.fault)
		}
		p := &phase{faults: []*fault{&nodeFaults[i]}, from: time.Minute, healed: time.Minute + tt.length}
		if got := p.explains(p.healed+grace, tt.reason, tt.channel) != nil; got != tt.want {
			t.Errorf("%s for %v explains %s of %s: %v, want %v", tt.fault, tt.length, tt.reason, tt.channel, got, tt.want)
		}
	}
}

// How long clients were away is measured from one connection to the next.
func TestAbsences(t *testing.T) {
	j := newJournal("")
	j.status("go sse 0", "connecting", "", nil)
	j.status("go sse 0", "connected", protocol.SSE, nil)
	if got := j.absences(); got != "never" {
		t.Errorf("after its first connection: %s", got)
	}
	for _, state := range []string{"waiting", "connecting", "connected"} {
		j.status("go sse 0", state, protocol.SSE, nil)
	}
	if got := j.absences(); !strings.HasPrefix(got, "1 time; half of them up to 0s,") || !strings.Contains(got, "(go sse 0, from 0s)") {
		t.Errorf("after a second one: %s", got)
	}
}
