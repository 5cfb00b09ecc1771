package transports

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

func TestPollHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		session, cursor := r.openPoll(t)
		start := time.Now()
		p := r.mustPoll(t, "", pollBody(session, cursor))
		if len(p.frames) != 0 || p.cursor != cursor || time.Since(start) != protocol.DefaultPollHold {
			t.Errorf("got %+v after %v", p, time.Since(start))
		}
	})
}

func TestPollAnswersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		session, cursor := r.openPoll(t)
		go func() {
			time.Sleep(7 * time.Second)
			r.bus.publish("a", "1")
		}()
		within(t, 7*time.Second, func() {
			p := r.mustPoll(t, "", pollBody(session, cursor))
			if !slices.Equal(p.data(), []string{"1"}) || p.cursor != "2" {
				t.Errorf("got %+v", p)
			}
		})
	})
}

// A path that cuts what is long lets an answer of one message through.
func Test_F88_anAnswerIsAsShortAsItsClientAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		session, cursor := r.openPoll(t)
		for i := range 3 {
			r.bus.publish("a", fmt.Sprint(i))
		}
		all := r.mustPoll(t, "", pollBody(session, cursor))
		if len(all.frames) != 3 {
			t.Fatalf("got %v, want three messages in one answer", all)
		}
		for i := range 3 { // 1 byte: one message, however long it is
			p := r.mustPoll(t, "", fmt.Sprintf(`[{"type":"poll","session":%q,"received":%s,"max":1}]`, session, cursor))
			if want := []string{fmt.Sprint(i)}; !slices.Equal(p.data(), want) {
				t.Errorf("answer %d with max 1: got %v, want %v", i, p.data(), want)
			}
			cursor = p.cursor
		}
		if cursor != all.cursor {
			t.Errorf("cursor %s after three short answers, want %s as after one long one", cursor, all.cursor)
		}
	})
}

func Test_F16_aLostAnswerComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		session, cursor := r.openPoll(t)
		for i := range 3 {
			r.bus.publish("a", fmt.Sprint(i))
		}
		first := r.mustPoll(t, "", pollBody(session, cursor))
		again := r.mustPoll(t, "", pollBody(session, cursor))
		if !slices.Equal(first.data(), again.data()) || first.cursor != again.cursor || len(first.frames) != 3 {
			t.Errorf("got %v, then %v", first, again)
		}
		r.bus.publish("a", "3")
		if next := r.mustPoll(t, "", pollBody(session, again.cursor)); !slices.Equal(next.data(), []string{"3"}) {
			t.Errorf("then got %v", next)
		}
	})
}

func Test_F27_pollAnswersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		session, cursor := r.openPoll(t)
		data := `"` + strings.Repeat("x", 10_000) + `"`
		for range 60 {
			r.bus.publish("a", data)
		}
		total := 0
		for total < 60 {
			p := r.mustPoll(t, "", pollBody(session, cursor))
			size := 0
			for _, f := range p.frames {
				size += len(f.Msg.Data)
			}
			if size > protocol.RecoveryPageBytes || size < protocol.RecoveryPageBytes*3/4 && total+len(p.frames) < 60 {
				t.Errorf("an answer of %d bytes", size)
			}
			total += len(p.frames)
			cursor = p.cursor
		}
	})
}

func TestPollClientThatGoesIsParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		session, cursor := r.openPoll(t)
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			time.Sleep(time.Second)
			cancel()
		}()
		r.poll(t, ctx, "", pollBody(session, cursor))
		synctest.Wait()
		if got := r.bus.find(session).losses(); !slices.Equal(got, []protocol.Code{""}) {
			t.Errorf("lost with %q", got)
		}
		if open := r.h.Stats().Poll.Open; open != 0 {
			t.Errorf("%d polls are open", open)
		}
	})
}

func TestPollClientThatDoesNotComeBackIsParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		id, _ := r.openPoll(t)
		session := r.bus.find(id)
		time.Sleep(20 * time.Second)
		if a := r.ask(t, post("/bus/send", fmt.Sprintf(`{"session":%q,"seq":1,"frames":[]}`, id))); a.status != 200 { // a sign of life
			t.Fatal(a)
		}
		time.Sleep(20 * time.Second)
		if got := session.losses(); len(got) != 0 {
			t.Errorf("lost early, with %q", got)
		}
		time.Sleep(20 * time.Second)
		if got := session.losses(); !slices.Equal(got, []protocol.Code{protocol.CodeHeartbeatTimeout}) {
			t.Errorf("lost with %q", got)
		}
		time.Sleep(protocol.DefaultPark)
		if p, _ := r.poll(t, context.Background(), "", pollBody(id, "0")); p.status != http.StatusGone {
			t.Errorf("after parking: %+v", p)
		}
	})
}

func TestPollIsToldTheEnd(t *testing.T) {
	for _, code := range []protocol.Code{protocol.CodeShuttingDown, protocol.CodeDisconnected} {
		synctest.Test(t, func(t *testing.T) {
			r := inMemory(t, nil)
			id, cursor := r.openPoll(t)
			go func() {
				time.Sleep(time.Second)
				r.bus.find(id).end(goodbye(code, "the test wants it"))
			}()
			p := r.mustPoll(t, "", pollBody(id, cursor))
			if len(p.frames) != 1 || p.frames[0].Type != protocol.TypeDisconnect || p.frames[0].Code != code {
				t.Errorf("got %+v", p)
			}
		})
	}
}

func TestPollBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		for body, want := range map[string]protocol.Code{
			`{"type":"disconnect"}`: protocol.CodeNotConnected, `[]`: protocol.CodeBadRequest, ``: protocol.CodeBadJSON,
			`[{"type":"poll","session":"x","received":0},{"type":"ping"}]`: protocol.CodeBadRequest,
			`{"type":"poll","session":"x"}`:                                protocol.CodeBadRequest,
			`{"type":"connect","version":3}`:                               protocol.CodeUnsupportedVersion,
			"{\"type\":\"connect\xff\"}":                                   protocol.CodeBadUTF8,
		} {
			if a := r.ask(t, post("/bus/poll", body)); a.code() != want || a.status != want.Row().HTTP {
				t.Errorf("%q: got %d %s, want %q", body, a.status, a.body, want)
			}
		}
	})
}

func TestPlainPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		r.bus.publish("a", "0")
		start := time.Now()
		p := r.mustPoll(t, "?channel=a", "")
		if len(p.frames) != 0 || p.cursor != "e1:1:t1" || time.Since(start) != protocol.DefaultPollHold {
			t.Errorf("got %+v after %v", p, time.Since(start))
		}
		r.bus.publish("a", "1")
		r.bus.publish("a", "2")
		within(t, 0, func() { p = r.mustPoll(t, "?channel=a&cursor="+p.cursor, "") })
		if !slices.Equal(p.data(), []string{"1", "2"}) || p.cursor != "e1:3:t3" {
			t.Errorf("got %+v", p)
		}
		p = r.mustPoll(t, "?channel=a&channel=b&cursor=other:1:t1,-", "")
		if !slices.Equal(p.data(), []string{"gap"}) || p.cursor != "e1:3:t3,e2:0:" {
			t.Errorf("got %+v", p)
		}
		synctest.Wait()
		if n := len(r.bus.all()); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
}

func TestPlainPollOfForbiddenChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		if a := r.ask(t, lines("GET /bus/poll?channel=forbidden HTTP/1.1")); a.status != 403 || a.code() != protocol.CodeForbidden {
			t.Errorf("got %d %s", a.status, a.body)
		}
		p := r.mustPoll(t, "?channel=forbidden&channel=a", "")
		if !slices.Equal(p.data(), []string{"error"}) || p.cursor != "-,e1:0:" {
			t.Errorf("got %+v", p)
		}
	})
}

func TestPlainPollTakesLongHistoryInPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		cursor := r.bus.publish("a", "0").String()
		for range 50 {
			r.bus.publish("a", `"`+strings.Repeat("x", 20_000)+`"`)
		}
		total := 0
		for pages := 0; total < 50; pages++ {
			p := r.mustPoll(t, "?channel=a&cursor="+cursor, "")
			total += len(p.frames)
			cursor = p.cursor
			if pages > 10 {
				t.Fatalf("after %d pages: %d messages", pages, total)
			}
		}
		if total != 50 || cursor != "e1:51:t51" {
			t.Errorf("got %d messages up to %s", total, cursor)
		}
	})
}

func TestPollProvesItsPathWithoutASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		a := r.ask(t, post("/bus/poll", `[{"type":"ping","id":7}]`))
		if a.status != 200 || a.body != `{"frames":[{"type":"pong","id":7}],"cursor":0}` {
			t.Errorf("got %d %s", a.status, a.body)
		}
		if n := len(r.bus.all()); n != 0 {
			t.Errorf("%d sessions", n)
		}
		a = r.ask(t, post("/bus/poll", `[{"type":"ping"},{"type":"connect"}]`))
		if a.status != 400 || a.code() != protocol.CodeBadRequest {
			t.Errorf("got %d %s", a.status, a.body)
		}
	})
}

func latePollBody(session string, generation, attempt uint64, cursor string) string {
	return fmt.Sprintf(`{"type":"poll","session":%q,"received":%s,"generation":%d,"attempt":%d}`, session, cursor, generation, attempt)
}

// A client's poll waits; a copy of its earlier one comes late and is refused, and what is published reaches the one
// that waits. A late poll that says neither generation nor attempt takes over, as ever.
func Test_B115_aLateCopyOfAPollLeavesTheLiveOne(t *testing.T) {
	for _, tt := range []struct {
		name string
		late func(session, cursor string) string
		want []int // statuses of the late one and of the live one
	}{
		{name: "numbered", late: func(session, cursor string) string { return latePollBody(session, 1, 1, cursor) }, want: []int{409, 200}},
		{name: "a copy of the live one", late: func(session, cursor string) string { return latePollBody(session, 1, 2, cursor) }, want: []int{200, 200}},
		{name: "without a number", late: pollBody, want: []int{200, 409}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := inMemory(t, nil)
				session, cursor := r.openPoll(t)
				statuses := make([]int, 3)
				var wg sync.WaitGroup
				ask := func(i int, body string) {
					wg.Go(func() { statuses[i] = r.ask(t, post("/bus/poll", body)).status })
					synctest.Wait()
				}
				ask(2, latePollBody(session, 1, 1, cursor)) // superseded by the next
				ask(1, latePollBody(session, 1, 2, cursor))
				ask(0, tt.late(session, cursor))
				r.bus.publish("a", "1")
				wg.Wait()
				if !slices.Equal(statuses[:2], tt.want) {
					t.Errorf("late and live one got %v, want %v", statuses[:2], tt.want)
				}
			})
		})
	}
}

// A client whose next poll may land elsewhere hears in the first answer what its subscribes recover.
func TestAnOpeningPollBringsWhatItsSubscribesRecover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		at := r.bus.publish("a", "1")
		r.bus.publish("a", "2")
		r.bus.publish("a", "3")
		since := fmt.Sprintf(`{"epoch":%q,"offset":%d,"tag":%q}`, at.Epoch, at.Offset, at.Tag)
		opening := func(connect string) polled {
			return r.mustPoll(t, "", `[`+connect+`,{"type":"subscribe","id":1,"channel":"a","since":`+since+`,"anew":true}]`)
		}
		var first polled
		within(t, 0, func() { first = opening(`{"type":"connect"}`) })
		if !slices.Equal(first.data(), []string{"connected", "subscribed", "2", "3"}) || first.cursor != "3" {
			t.Errorf("a new session: got %+v, want connected, subscribed, and both messages", first)
		}
		session := first.frames[0].Session
		within(t, 0, func() {
			again := opening(fmt.Sprintf(`{"type":"connect","session":%q,"received":%s}`, session, first.cursor))
			if len(again.frames) != 1 || !again.frames[0].Resumed {
				t.Errorf("the same session: got %+v, want connected alone", again)
			}
		})
		within(t, maxOpening, func() { // what has no answer does not hold up the rest for longer
			late := r.mustPoll(t, "", `[{"type":"connect"},{"type":"subscribe","id":1,"channel":"unanswered"}]`)
			if len(late.frames) != 1 {
				t.Errorf("a subscribe without answer: got %+v, want connected alone", late)
			}
		})
	})
}
