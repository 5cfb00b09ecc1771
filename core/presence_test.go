package core

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidings/protocol"
)

func user(i int) protocol.Member { return protocol.Member{User: fmt.Sprintf("u%d", i)} }

func users(from, to int) (list []protocol.Member) {
	for i := from; i <= to; i++ {
		list = append(list, user(i))
	}
	return list
}

// took is what Take gives, sorted.
func took(a *Attendance, now time.Duration) string {
	joined, left := a.Take(now)
	for _, list := range [][]protocol.Member{joined, left} {
		slices.SortFunc(list, protocol.Member.Compare)
	}
	return fmt.Sprint(names(joined), names(left))
}

func names(list []protocol.Member) (out []string) {
	for _, m := range list {
		out = append(out, m.User)
	}
	return out
}

func TestAttendance(t *testing.T) {
	const ms = time.Millisecond
	a := NewAttendance()
	want := func(what string, now time.Duration, say string) {
		t.Helper()
		if got := took(a, now); got != say {
			t.Errorf("%s: the broker hears %s, want %s", what, got, say)
		}
	}
	a.Enter(user(1))
	a.Enter(user(1))
	want("twice there is once", 0, "[u1] []")
	a.Leave(user(1), 10*ms)
	want("still there", 500*ms, "[] []")
	a.Leave(user(1), 500*ms)
	want("gone, before the grace", 599*ms, "[] []")
	a.Enter(user(1))
	want("back within the grace", 600*ms, "[] []")
	a.Leave(user(1), 600*ms)
	a.Enter(user(1))
	a.Leave(user(1), 690*ms)
	want("gone again: the grace begins anew", 700*ms, "[] []")
	want("gone for good", 790*ms, "[] [u1]")
	a.Leave(user(1), 790*ms)
	want("who is not there cannot leave", 900*ms, "[] []")
	a.Enter(user(2))
	a.Leave(user(2), 900*ms)
	want("came and went in between", time.Second, "[] []")
	if _, any := a.Due(); a.Len() != 0 || any {
		t.Errorf("%d are left, and there is more to say: %v", a.Len(), any)
	}
}

func TestAttendanceAfterAFailedCall(t *testing.T) {
	a := NewAttendance()
	a.Enter(user(1))
	a.Enter(user(2))
	joined, left := a.Take(0)
	a.Failed(joined, left)
	a.Leave(user(2), 0) // the broker may have taken it, so that it has to hear this
	if got := took(a, time.Second); got != "[u1] [u2]" {
		t.Errorf("after a join that failed: %s", got)
	}
	a.Leave(user(1), time.Second)
	joined, left = a.Take(2 * time.Second)
	a.Failed(joined, left)
	if got := took(a, 2*time.Second); got != "[] [u1]" {
		t.Errorf("after a leave that failed: %s", got)
	}
	a.Enter(user(1))
	joined, left = a.Take(3 * time.Second)
	a.Failed(joined, left)
	a.Restate()
	if got := took(a, 3*time.Second); got != "[u1] []" {
		t.Errorf("said again: %s", got)
	}
}

// telling checks what a herald tells.
type telling struct {
	*testing.T
	h *Herald
}

func (t telling) want(now time.Duration, want string) {
	t.Helper()
	got := ""
	for _, n := range t.h.Tell(now) {
		slices.SortFunc(n.Members, protocol.Member.Compare)
		switch {
		case n.Members == nil:
			got += fmt.Sprintf("%s unnamed %d;", n.Type, n.Count)
		case len(n.Members) > 3:
			got += fmt.Sprintf("%s %d names %d;", n.Type, len(n.Members), n.Count)
		default:
			got += fmt.Sprintf("%s %v %d;", n.Type, names(n.Members), n.Count)
		}
	}
	if got != want {
		t.Errorf("at %v told %q, want %q", now, got, want)
	}
}

func TestHerald(t *testing.T) {
	const ms = time.Millisecond
	h := NewHerald()
	w := telling{t, h}
	h.Changed(MembersChange{Version: 8, Joined: users(2, 2), Count: 2}) // while it reads
	w.want(0, "")
	h.Read(MembersPage{Members: users(1, 1), Count: 1, Version: 7})
	w.want(0, "presence [u1 u2] 2;")
	h.Changed(MembersChange{Version: 9, Joined: users(3, 3), Left: users(1, 1), Count: 2})
	w.want(199*ms, "")
	w.want(200*ms, "left [u1] 1;joined [u3] 2;")
	h.Changed(MembersChange{Version: 10, Joined: users(4, 4), Count: 3})
	h.Changed(MembersChange{Version: 11, Left: users(4, 4), Count: 2})
	w.want(time.Second, "")
	h.Changed(MembersChange{Version: 12, Joined: users(10, 265), Count: 258})
	w.want(time.Second, "joined 256 names 258;")
	h.Changed(MembersChange{Version: 13, Left: users(2, 2), Count: 257})
	w.want(time.Second+511*ms, "") // 2 ms a name
	w.want(time.Second+512*ms, "left [u2] 257;")
	h.Changed(MembersChange{Version: 14, Joined: users(300, 556), Count: 514})
	w.want(5*time.Second, "presence 514 names 514;") // shorter than 257 names and a list that may be wrong
	h.Changed(MembersChange{Version: 15, Joined: users(1000, 1486), Count: 1001})
	w.want(10*time.Second, "presence unnamed 1001;")
	h.Changed(MembersChange{Version: 16, Joined: users(9000, 9999), Count: 2001})
	w.want(11*time.Second, "presence unnamed 2001;")
	h.Changed(MembersChange{Version: 17, Left: users(1, 1), Count: 1000})
	if !h.MustRead() {
		t.Error("it does not want to read who is left")
	}
	w.want(12*time.Second, "")
	h.Read(MembersPage{Members: users(1, 1000), Count: 1000, Version: 17})
	w.want(12*time.Second, "presence 1000 names 1000;")
	if h.Lost != 0 {
		t.Errorf("lost track %d times", h.Lost)
	}
	h.Changed(MembersChange{Version: 19, Left: users(1, 2), Count: 998})
	w.want(20*time.Second, "")
	h.Read(MembersPage{Members: users(3, 1000), Count: 998, Version: 19})
	w.want(20*time.Second, "presence 998 names 998;")
	h.Check(20) // it may be under way
	if h.MustRead() {
		t.Error("a change that is under way is taken for lost")
	}
	h.Check(20)
	if !h.MustRead() {
		t.Error("the loss of a last change is not found")
	}
	h.Read(MembersPage{Members: users(3, 1000), Count: 998, Version: 19})
	w.want(25*time.Second, "presence 998 names 998;")
	h.Changed(MembersChange{Version: 20, Joined: users(1, 1), Count: 500}) // contradicts what went before
	w.want(30*time.Second, "")
	if h.Lost != 3 || !h.MustRead() {
		t.Errorf("lost track %d times, must read %v", h.Lost, h.MustRead())
	}
}

// naive is a broker that keeps who is there in the plainest way.
type naive struct {
	members map[protocol.Member]bool
	version uint64
}

func (b *naive) attend(joined, left []protocol.Member) (c MembersChange) {
	for _, m := range joined {
		if !b.members[m] {
			b.members[m] = true
			c.Joined = append(c.Joined, m)
		}
	}
	for _, m := range left {
		if b.members[m] {
			delete(b.members, m)
			c.Left = append(c.Left, m)
		}
	}
	b.version++
	c.Version, c.Count = b.version, len(b.members)
	return c
}

func (b *naive) page() MembersPage {
	p := MembersPage{Count: len(b.members), Version: b.version}
	for m := range b.members {
		if len(p.Members) < protocol.MaxPresenceMembers {
			p.Members = append(p.Members, m)
		}
	}
	p.More = p.Count > len(p.Members)
	return p
}

// Whatever comes, goes, fails and is lost: when all is at rest a client sees who is there.
func TestPresenceComesToTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		truth := map[protocol.Member]int{}
		broker := &naive{members: map[protocol.Member]bool{}}
		a, h, now := NewAttendance(), NewHerald(), time.Duration(0)
		var early, late PresenceView
		begun := false
		hear := func(v *PresenceView, n News) {
			count := uint64(n.Count)
			v.Take(&protocol.ServerFrame{Type: n.Type, Members: n.Members, Count: &count})
		}
		tell := func() {
			for _, n := range h.Tell(now) {
				hear(&early, n)
				if begun {
					hear(&late, n)
				}
			}
		}
		step := func(fail, lose bool) {
			if joined, left := a.Take(now); len(joined)+len(left) > 0 {
				taken := !fail || rapid.Bool().Draw(t, "taken all the same")
				if taken {
					if c := broker.attend(joined, left); !lose {
						h.Changed(c)
					}
				}
				if fail {
					a.Failed(joined, left)
				}
			}
			if h.MustRead() && !fail {
				h.Read(broker.page())
			}
			tell()
		}
		many := rapid.SampledFrom([]int{3, 30, 1500}).Draw(t, "members")
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			first, leave := rapid.IntRange(0, many).Draw(t, "first"), rapid.Bool().Draw(t, "leave")
			last := min(many, first+rapid.SampledFrom([]int{0, 0, 2, 300, 1200}).Draw(t, "more"))
			for i := first; i <= last; i++ {
				switch {
				case !leave:
					truth[user(i)]++
					a.Enter(user(i))
				case truth[user(i)] > 0:
					truth[user(i)]--
					a.Leave(user(i), now)
				}
			}
			now += time.Duration(rapid.SampledFrom([]int{0, 30, 100, 1000}).Draw(t, "ms")) * time.Millisecond
			lost := rapid.IntRange(0, 9).Draw(t, "lose") == 0
			step(rapid.IntRange(0, 4).Draw(t, "fail") == 0, lost)
			if lost {
				h.Interrupted()
			}
			if !begun && h.Ready() {
				begun = true
				hear(&late, h.Snapshot())
			}
		}
		for range 4 {
			now += 3 * time.Second
			step(false, false)
		}
		var want []protocol.Member
		for m, n := range truth {
			if n > 0 {
				want = append(want, m)
			}
		}
		slices.SortFunc(want, protocol.Member.Compare)
		for name, v := range map[string]*PresenceView{"early": &early, "late": &late} {
			if name == "late" && !begun {
				continue
			}
			if v.Count() != len(want) {
				t.Fatalf("%s: count %d, want %d", name, v.Count(), len(want))
			}
			named := want
			if len(want) > protocol.MaxPresenceMembers {
				named = nil
			}
			if got := v.Members(); !slices.Equal(got, named) {
				t.Fatalf("%s: members %v, want %v", name, got, named)
			}
		}
	})
}
