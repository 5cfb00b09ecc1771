package core

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tidings/protocol"
)

// feedStory plays a feed's node, broker and members: it writes down what the feed asks for, and compares.
type feedStory struct {
	t *testing.T
	*Feed[string]
	log []string
}

func newFeedStory(t *testing.T) *feedStory {
	s := &feedStory{t: t}
	s.Feed = NewFeed[string](s, nil)
	return s
}

// liveAt is a feed that is live at an offset of epoch "e".
func liveAt(t *testing.T, offset uint64) *feedStory {
	s := newFeedStory(t)
	s.Start()
	s.HistoryRead(1, page(at(offset)))
	s.want("read 1 top")
	return s
}

// want compares what the feed asked for since the last call.
func (s *feedStory) want(lines ...string) {
	s.t.Helper()
	if !slices.Equal(s.log, lines) {
		s.t.Fatalf("the feed asked for\n\t%s\nwant\n\t%s", strings.Join(s.log, "\n\t"), strings.Join(lines, "\n\t"))
	}
	s.log = nil
}

func (s *feedStory) say(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

func (s *feedStory) Read(ticket uint64, after protocol.Position) {
	if after.IsZero() {
		s.say("read %d top", ticket)
	} else {
		s.say("read %d after %s", ticket, place(after))
	}
}

func (s *feedStory) Subscribed(j *Join[string], at protocol.Position, recovered bool) {
	if recovered {
		s.say("%s subscribed at %s, recovered", j.Member, place(at))
	} else {
		s.say("%s subscribed at %s", j.Member, place(at))
	}
}

func (s *feedStory) Refused(j *Join[string]) { s.say("%s refused", j.Member) }

func (s *feedStory) Replay(j *Join[string], messages []Replayed, prev uint64, more bool) {
	s.say("%s replay %s, prev %d, more %t", j.Member, replayed(messages), prev, more)
}

func (s *feedStory) Gap(j *Join[string], g Gap, answering bool) {
	s.say("%s gap %s from %s to %s, answering %t", j.Member, g.Reason, place(g.Last), place(g.From), answering)
}

func (s *feedStory) Position(j *Join[string], at protocol.Position) {
	s.say("%s position %s", j.Member, place(at))
}

func (s *feedStory) Enter(j *Join[string]) { s.say("%s enter", j.Member) }

func (s *feedStory) Live(m *protocol.Message, hits []Hit) {
	for _, h := range hits {
		if m.Volatile {
			s.say("live%s volatile", h.Group)
			continue
		}
		out := ""
		if h.Scope == Out {
			out = " out"
		}
		s.say("live%s %s%s, prev %d", h.Group, place(m.Position()), out, h.Prev)
	}
}

func (s *feedStory) GapAll(g Gap) {
	s.say("gap %s from %s to %s", g.Reason, place(g.Last), place(g.From))
}

func (s *feedStory) PositionAll(groups []string, at protocol.Position) {
	s.say("position%s %s", strings.Join(groups, ""), place(at))
}

// place writes a position of epoch "e" as its offset.
func place(p protocol.Position) string {
	if p.Epoch == "e" && p.Tag == at(p.Offset).Tag {
		return fmt.Sprint(p.Offset)
	}
	return fmt.Sprintf("%s%d%s", p.Epoch, p.Offset, strings.TrimPrefix(p.Tag, in("", p.Offset).Tag))
}

func offsets(messages []*protocol.Message) string {
	var all []string
	for _, m := range messages {
		all = append(all, place(m.Position()))
	}
	return strings.Join(all, " ")
}

func replayed(messages []Replayed) string {
	var all []string
	for _, m := range messages {
		all = append(all, place(m.Position()))
		if m.Scope == Out {
			all = append(all, "out")
		}
	}
	return strings.Join(all, " ")
}

// at is the position of an offset in epoch "e".
func at(offset uint64) protocol.Position { return in("e", offset) }

func in(epoch string, offset uint64) protocol.Position {
	p := protocol.Position{Epoch: epoch, Offset: offset}
	if offset > 0 {
		p.Tag = fmt.Sprint("t", offset)
	}
	return p
}

// foreign is an offset of epoch "e" as another past had it.
func foreign(offset uint64) protocol.Position {
	return protocol.Position{Epoch: "e", Offset: offset, Tag: "x"}
}

func message(p protocol.Position) *protocol.Message {
	return &protocol.Message{
		Channel: "c", Epoch: p.Epoch, Offset: p.Offset, Prev: p.Offset - 1, Tag: p.Tag,
		ID: p.String(), Data: fmt.Append(nil, p.Offset),
	}
}

// messages are those of epoch "e" with the offsets from first to last.
func messages(first, last uint64) (out []*protocol.Message) {
	for n := first; n <= last; n++ {
		out = append(out, message(at(n)))
	}
	return out
}

func page(top protocol.Position, messages ...*protocol.Message) Page {
	return Page{Top: top, Messages: messages}
}

func lost(reason protocol.GapReason, top protocol.Position) Page { return Page{Top: top, Lost: reason} }

func join(member string, since ...protocol.Position) Join[string] {
	j := Join[string]{Member: member}
	if len(since) > 0 {
		j.Since = &since[0]
	}
	return j
}

// odd subscribes to the messages with odd offsets, in the group "-odd".
func odd(j Join[string]) Join[string] {
	j.Group, j.Match = "-odd", func(m *protocol.Message) Scope {
		if m.Offset%2 == 1 {
			return In
		}
		return Passes
	}
	return j
}

// silent subscribes to no message, in a group of that name.
func silent(group string, j Join[string]) Join[string] {
	j.Group, j.Match = group, func(*protocol.Message) Scope { return Passes }
	return j
}
