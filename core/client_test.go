package core

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tidings/protocol"
)

// clientStory is a client's machine whose port keeps what was asked of it.
type clientStory struct {
	*testing.T
	c   *Client
	log []string
}

func newClientStory(t *testing.T) *clientStory {
	s := &clientStory{T: t}
	s.c = NewClient(s)
	return s
}

func (s *clientStory) say(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

func (s *clientStory) Send(link int, frames ...protocol.ClientFrame) {
	for _, f := range frames {
		text := fmt.Sprintf("%d: %s", link, f.Type)
		if f.ID != 0 {
			text += fmt.Sprint(" #", f.ID)
		}
		if f.Channel != "" {
			text += " " + string(f.Channel)
		}
		if f.Since != nil {
			text += " since " + place(*f.Since)
		}
		if f.Session != "" {
			text += " " + f.Session
		}
		if f.Received != nil {
			text += fmt.Sprint(" received ", *f.Received)
		}
		s.say("%s", text)
	}
}
func (s *clientStory) Message(_ *Subscription, m *protocol.Message) { s.say("message %s", m.Data) }
func (s *clientStory) Gap(_ *Subscription, g Gap) {
	s.say("gap %s from %s to %s", g.Reason, place(g.Last), place(g.From))
}
func (s *clientStory) Subscribed(sub *Subscription, recovered bool) {
	s.say("subscribed at %s, recovered %v", place(sub.Cursor()), recovered)
}
func (s *clientStory) Ended(_ *Subscription, fault *protocol.Error) { s.say("ended %s", fault.Code) }
func (s *clientStory) Answered(r *Request, _ *protocol.ServerFrame, fault *protocol.Error) {
	if fault != nil {
		s.say("answered %s: %s", r.Frame.Type, fault.Code)
		return
	}
	s.say("answered %s", r.Frame.Type)
}
func (s *clientStory) Connected(link int, resumed bool) {
	s.say("connected %d, resumed %v", link, resumed)
}
func (s *clientStory) Disconnected(link int, d *protocol.ServerFrame) {
	s.say("disconnected %d: %s", link, d.Code)
}
func (s *clientStory) News(of *Subscription, f *protocol.ServerFrame) {
	s.say("news %s of %s %s", f.Type, of.Channel, of.Room)
}

func (s *clientStory) Other(f *protocol.ServerFrame) { s.say("other %s", f.Type) }
func (s *clientStory) Stuck(*Subscription)           { s.say("stuck") }
func (s *clientStory) RetryLater()                   { s.say("retry later") }
func (s *clientStory) AskLater(tries int)            { s.say("ask later, after %d tries", tries) }

// hear lets a link bring frames, as the wire has them.
func (s *clientStory) hear(link int, wire ...string) {
	s.Helper()
	for _, w := range wire {
		frames, err := protocol.DecodeServerFrames([]byte(w))
		if err != nil {
			s.Fatalf("%s: %v", w, err)
		}
		for i := range frames {
			s.c.Frame(link, &frames[i])
		}
	}
}

// want compares what was asked of the port since the last want.
func (s *clientStory) want(want ...string) {
	s.Helper()
	if !slices.Equal(s.log, want) {
		s.Fatalf("asked of the port:\n%s\nwant:\n%s", strings.Join(s.log, "\n"), strings.Join(want, "\n"))
	}
	s.log = nil
}

func connectedFrame(resumed bool, generation int) string {
	return fmt.Sprintf(`{"type":"connected","session":"s1","connection":"c1","resumed":%v,"generation":%d,"version":1,"heartbeat":1,"park":1,"limits":{}}`, resumed, generation)
}

func subscribedFrame(id, offset uint64, recovered bool) string {
	p := at(offset)
	return fmt.Sprintf(`{"type":"subscribed","id":%d,"channel":"a","epoch":%q,"offset":%d,"tag":%q,"recovered":%v}`, id, p.Epoch, p.Offset, p.Tag, recovered)
}

func messageFrame(offset uint64) string {
	return fmt.Sprintf(`{"type":"message","channel":"a","offset":%d,"tag":%q,"id":"m%d","time":1,"data":%d}`, offset, at(offset).Tag, offset, offset)
}

// connected is a client with one live subscription to "a" at 0, over link 1.
func connectedClient(t *testing.T) *clientStory {
	s := newClientStory(t)
	s.c.Subscribe("a", nil, protocol.Position{})
	s.c.Open(1, "")
	s.hear(1, connectedFrame(false, 1), subscribedFrame(1, 0, false))
	s.want("1: connect", "1: subscribe #1 a", "connected 1, resumed false", "subscribed at "+place(at(0))+", recovered false")
	return s
}

func TestClientHandsOutInOrderAndOnce(t *testing.T) {
	s := connectedClient(t)
	s.hear(1, messageFrame(1), messageFrame(2), messageFrame(2), messageFrame(1), messageFrame(3))
	s.want("message 1", "message 2", "message 3")
}

func TestClientSubscribesAgainFromItsCursorAtAHole(t *testing.T) {
	s := connectedClient(t)
	s.hear(1, messageFrame(1), messageFrame(3), messageFrame(4))
	s.want("message 1", "1: subscribe #2 a since "+place(at(1))) // and nothing of the old subscription is handed out
	s.hear(1, subscribedFrame(1, 1, true), messageFrame(2))
	s.want() // the answer to an older subscribe, and a message before the answer to the new one
	s.hear(1, subscribedFrame(2, 1, true), messageFrame(2), messageFrame(3))
	s.want("subscribed at "+place(at(1))+", recovered true", "message 2", "message 3")
}

// A path drops what answers a subscribe, and carries all else: the link lives, and the subscription must not wait for good.
func TestF87_ASubscribeWhoseAnswerIsLostIsSentAgain(t *testing.T) {
	s := connectedClient(t)
	s.hear(1, messageFrame(2))
	s.want("1: subscribe #2 a since " + place(at(0)))
	s.c.Ping()
	s.c.Ping()
	s.want("1: ping received 2", "1: ping received 2")
	s.c.Ping()
	s.want("1: ping received 2", "1: subscribe #3 a since "+place(at(0)))
	s.hear(1, subscribedFrame(3, 0, true), messageFrame(1), messageFrame(2))
	s.want("subscribed at "+place(at(0))+", recovered true", "message 1", "message 2")
	for range 4 {
		s.c.Ping()
	}
	s.want("1: ping received 5", "1: ping received 5", "1: ping received 5", "1: ping received 5")
}

// A path that drops message 2 each time: asking again at once would be a loop without end.
func TestF87_AHoleThatStaysIsNoLoop(t *testing.T) {
	s := connectedClient(t)
	s.hear(1, messageFrame(1), messageFrame(3))
	s.want("message 1", "1: subscribe #2 a since "+place(at(1)))
	recovered := "subscribed at " + place(at(1)) + ", recovered true"
	s.hear(1, subscribedFrame(2, 1, true), messageFrame(3), messageFrame(4))
	s.want(recovered, "retry later", "stuck")
	s.c.Retry()
	s.hear(1, subscribedFrame(3, 1, true), messageFrame(3))
	s.want("1: subscribe #3 a since "+place(at(1)), recovered, "retry later", "stuck")
	if got := s.c.Holes(); got != 3 {
		t.Errorf("Holes: %d, want 3", got)
	}
	s.c.Retry()
	s.hear(1, subscribedFrame(4, 1, true), messageFrame(2), messageFrame(4))
	s.want("1: subscribe #4 a since "+place(at(1)), recovered, "message 2", "1: subscribe #5 a since "+place(at(2))) // there was progress: at once again
}

func TestClientTellsOneGapForWhatWasNotRecovered(t *testing.T) {
	s := connectedClient(t)
	s.hear(1, messageFrame(1), messageFrame(3))
	s.want("message 1", "1: subscribe #2 a since "+place(at(1)))
	from := at(7)
	s.hear(1, fmt.Sprintf(`{"type":"gap","id":2,"channel":"a","reason":"history_expired","from":{"epoch":%q,"offset":7,"tag":%q}}`, from.Epoch, from.Tag), subscribedFrame(2, 7, false))
	s.want("gap history_expired from "+place(at(1))+" to "+place(from), "subscribed at "+place(from)+", recovered false")
	s.hear(1, messageFrame(8))
	s.want("message 8")
}

func TestClientResumesWithItsCount(t *testing.T) {
	s := connectedClient(t)
	s.hear(1, messageFrame(1), messageFrame(2))
	s.c.Lost(1)
	s.c.Open(2, "")
	s.want("message 1", "message 2", "2: connect s1 received 3")
	s.hear(1, messageFrame(3)) // of a link that was lost
	s.hear(2, connectedFrame(true, 2), messageFrame(3))
	s.want("connected 2, resumed true", "message 3")
	if got := s.c.Received(); got != 4 {
		t.Errorf("Received: %d, want 4", got)
	}
}

// Make before break: what the old link brings until connected counts, and is dropped when the new one brings it again.
func TestClientDropsWhatTheNewLinkRepeats(t *testing.T) {
	s := connectedClient(t)
	s.hear(1, messageFrame(1))
	s.c.Open(2, "")
	s.want("message 1", "2: connect s1 received 2")
	s.hear(1, messageFrame(2))
	s.c.Ping() // which reports no newer count than the connect
	s.hear(2, connectedFrame(true, 2))
	s.hear(1, messageFrame(3)) // of the older transport, once connected came on the newer one
	s.want("message 2", "1: ping", "connected 2, resumed true")
	s.hear(2, messageFrame(2), messageFrame(3))
	s.want("message 3")
	if got := s.c.Received(); got != 4 {
		t.Errorf("Received: %d, want 4", got)
	}
}

func TestClientBeginsANewSessionFromItsCursors(t *testing.T) {
	s := connectedClient(t)
	s.c.Request(protocol.ClientFrame{Type: protocol.TypePublish, Channel: "b", Data: []byte(`1`)})
	s.hear(1, messageFrame(1))
	s.c.Lost(1)
	s.c.Open(2, "")
	s.hear(2, connectedFrame(false, 1))
	s.want("1: publish #2 b", "message 1", "2: connect s1 received 2", "2: subscribe #3 a since "+place(at(1)), "2: publish #4 b", "connected 2, resumed false")
	if got := s.c.Received(); got != 0 {
		t.Errorf("Received: %d, want 0 in a new session", got)
	}
	s.hear(2, `{"type":"reply","id":2}`) // to an old id
	s.want()
	s.hear(2, `{"type":"reply","id":4}`)
	s.want("answered publish")
}

func TestClientReportsItsCountInTime(t *testing.T) {
	s := connectedClient(t)
	for i := range uint64(ackEvery) {
		s.hear(1, messageFrame(i+1))
	}
	pings := slices.DeleteFunc(s.log, func(line string) bool { return !strings.HasPrefix(line, "1: ping") })
	if want := []string{fmt.Sprint("1: ping received ", ackEvery)}; !slices.Equal(pings, want) {
		t.Errorf("pings %v, want %v: a report at each %d frames", pings, want, ackEvery)
	}
}

func TestClientEndsWhatWasRefused(t *testing.T) {
	s := connectedClient(t)
	s.c.Subscribe("b", nil, protocol.Position{})
	s.hear(1, `{"type":"error","id":2,"code":"overloaded","message":"m","hint":"h","retry":true}`)
	s.want("1: subscribe #2 b", "retry later")
	s.c.Retry()
	s.hear(1, `{"type":"error","id":3,"code":"forbidden","message":"m","hint":"h","retry":false}`)
	s.want("1: subscribe #3 b", "ended forbidden")
	s.hear(1, `{"type":"unsubscribed","channel":"a","code":"removed","message":"m","hint":"h"}`)
	s.want("ended removed")
	s.c.Ask()
	s.want()
}

const forbiddenA = `{"type":"unsubscribed","channel":"a","code":"forbidden","message":"m","hint":"h"}`

func refusedFrame(id uint64, code protocol.Code) string {
	return fmt.Sprintf(`{"type":"error","id":%d,"code":%q,"message":"m","hint":"h","retry":%v}`, id, code, code.Row().Retry)
}

func TestB133_ClientAsksAgainForWhatRulesEnded(t *testing.T) {
	s := connectedClient(t)
	s.hear(1, messageFrame(1), forbiddenA, messageFrame(2))
	s.want("message 1", "ask later, after 0 tries", "ended forbidden")
	if fault := s.c.Subscriptions()[0].Ended(); fault == nil || fault.Code != protocol.CodeForbidden {
		t.Errorf("Ended: %v, want forbidden", fault)
	}
	for id := uint64(2); id < 5; id++ {
		s.c.Ask()
		s.c.Ask() // once is enough
		s.hear(1, refusedFrame(id, protocol.CodeForbidden))
		s.want(fmt.Sprintf("1: subscribe #%d a since %s", id, place(at(1))), fmt.Sprintf("ask later, after %d tries", id-1))
	}
	s.c.Ask()
	s.hear(1, subscribedFrame(5, 1, true), messageFrame(2))
	s.want("1: subscribe #5 a since "+place(at(1)), "subscribed at "+place(at(1))+", recovered true", "message 2")
	s.hear(1, forbiddenA)
	s.want("ask later, after 0 tries", "ended forbidden") // which is told again, and the waits begin anew
}

func TestB133_ClientAsksAgainWhenConnectedAndNotWithoutALink(t *testing.T) {
	for _, resumed := range []bool{false, true} {
		t.Run(fmt.Sprint("resumed ", resumed), func(t *testing.T) {
			s := connectedClient(t)
			s.hear(1, messageFrame(1), forbiddenA)
			s.c.Lost(1)
			s.c.Ask()
			s.c.Open(2, "")
			s.log = nil
			s.hear(2, connectedFrame(resumed, 2), refusedFrame(2, protocol.CodeForbidden))
			s.want("2: subscribe #2 a since "+place(at(1)), fmt.Sprintf("connected 2, resumed %v", resumed), "ask later, after 1 tries")
		})
	}
}

func TestB133_ClientAsksNoMoreForWhatWasUnsubscribed(t *testing.T) {
	for _, asked := range []bool{false, true} {
		t.Run(fmt.Sprint("asked ", asked), func(t *testing.T) {
			s := connectedClient(t)
			s.hear(1, forbiddenA)
			id := 2
			if asked {
				s.c.Ask()
				id = 3
			}
			s.log = nil
			s.c.Unsubscribe(s.c.Subscriptions()[0])
			s.hear(1, subscribedFrame(2, 0, true), messageFrame(1)) // the server may just have allowed it
			s.c.Ask()
			s.want(fmt.Sprintf("1: unsubscribe #%d a", id))
		})
	}
}

// Filters that are equal and not written alike are one subscription at the server, which the last to leave ends.
func TestClientWithTwoSubscriptionsInOneRoom(t *testing.T) {
	s := connectedClient(t)
	one := s.c.Subscribe("a", []byte(`{"equals":{"k":1}}`), protocol.Position{})
	two := s.c.Subscribe("a", []byte(`{"in":{"k":[1]}}`), protocol.Position{})
	room := func(frame string) string { return strings.Replace(frame, `","channel"`, `","room":"r","channel"`, 1) }
	named := func(id uint64) string {
		return strings.Replace(subscribedFrame(id, 0, false), `"channel"`, `"room":"r","channel"`, 1)
	}
	s.hear(1, named(2), named(3))
	s.log = nil
	s.hear(1, room(messageFrame(1)))
	s.want("message 1", "message 1")
	s.c.Unsubscribe(one)
	s.hear(1, room(messageFrame(2)))
	s.want("message 2")
	s.c.Unsubscribe(two)
	s.want("1: unsubscribe #4 a")
}

// The server comes to the unsubscribe behind the second subscribe, and ends the room that both have.
func TestClientAsksAgainForARoomThatWasLeftMeanwhile(t *testing.T) {
	s := connectedClient(t)
	named := func(id uint64) string {
		return strings.Replace(subscribedFrame(id, 0, false), `"channel"`, `"room":"r","channel"`, 1)
	}
	one := s.c.Subscribe("a", []byte(`{"equals":{"k":1}}`), protocol.Position{})
	s.hear(1, named(2))
	two := s.c.Subscribe("a", []byte(`{"in":{"k":[1]}}`), protocol.Position{})
	s.c.Unsubscribe(one)
	s.log = nil
	s.hear(1, named(3))
	s.want("1: subscribe #5 a")
	s.hear(1, `{"type":"reply","id":4}`, named(5))
	s.log = nil
	s.hear(1, strings.Replace(messageFrame(1), `","channel"`, `","room":"r","channel"`, 1))
	s.want("message 1")
	if !two.Live() {
		t.Error("the second filter is not live")
	}
}

// Of two filters that mean the same, and are on their way together, the server answers the later one.
func TestClientAsksAgainForAFilterThatAnotherTookOver(t *testing.T) {
	s := connectedClient(t)
	one := s.c.Subscribe("a", []byte(`{"equals":{"k":1}}`), protocol.Position{})
	s.c.Subscribe("a", []byte(`{"in":{"k":[1]}}`), protocol.Position{})
	s.log = nil
	s.hear(1, refusedFrame(2, protocol.CodeSuperseded))
	s.want("retry later")
	s.c.Retry()
	s.want("1: subscribe #4 a")
	s.hear(1, strings.Replace(subscribedFrame(4, 0, false), `"channel"`, `"room":"r","channel"`, 1))
	if !one.Live() {
		t.Error("it is not live")
	}
}

func TestB133_ClientForgetsWhatIsRefusedForAnotherReason(t *testing.T) {
	s := connectedClient(t)
	s.hear(1, forbiddenA)
	s.c.Ask()
	s.log = nil
	s.hear(1, refusedFrame(2, protocol.CodeLimitExceeded))
	s.want("ended limit_exceeded")
	if subs := s.c.Subscriptions(); len(subs) != 0 {
		t.Errorf("subscriptions %v, want none", subs)
	}
}

func TestClientUnsubscribesAndForgets(t *testing.T) {
	s := connectedClient(t)
	sub := s.c.Subscriptions()[0]
	s.c.Unsubscribe(sub)
	s.hear(1, messageFrame(1))
	s.c.Lost(1)
	s.c.Open(2, "")
	s.hear(2, connectedFrame(true, 2))
	s.want("1: unsubscribe #2 a", "2: connect s1 received 2", "2: unsubscribe #3 a", "connected 2, resumed true")
	s.c.Subscribe("a", nil, protocol.Position{}) // replaces it: an unsubscribe that is sent again would end the new one
	s.c.Lost(2)
	s.c.Open(3, "")
	s.hear(3, connectedFrame(true, 3))
	s.want("2: subscribe #4 a", "3: connect s1 received 2", "3: subscribe #5 a", "connected 3, resumed true")
}

// What has no offset is known by its number alone.
func TestClientDropsARepeatedEvent(t *testing.T) {
	s := connectedClient(t)
	s.c.Open(2, "")
	s.hear(1, `{"type":"event","event":"bell","data":1}`)
	s.hear(2, connectedFrame(true, 2), `{"type":"event","event":"bell","data":1}`, `{"type":"event","event":"bell","data":2}`)
	s.want("2: connect s1 received 1", "other event", "connected 2, resumed true", "other event")
}

func TestClientIsNotResumedIntoAnotherSession(t *testing.T) {
	s := connectedClient(t)
	s.c.Lost(1)
	s.c.Open(2, "")
	s.hear(2, strings.Replace(connectedFrame(true, 2), "s1", "s2", 1))
	s.want("2: connect s1 received 1", "2: subscribe #2 a since "+place(at(0)), "connected 2, resumed false")
}

func TestClientIgnoresAGapOfASubscriptionThatIsReplaced(t *testing.T) {
	s := connectedClient(t)
	s.hear(1, messageFrame(1), messageFrame(3))
	from := at(7)
	s.hear(1, fmt.Sprintf(`{"type":"gap","channel":"a","reason":"feed_lost","from":{"epoch":%q,"offset":7,"tag":%q}}`, from.Epoch, from.Tag))
	s.want("message 1", "1: subscribe #2 a since "+place(at(1)))
}
