package transports

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

func TestPlainWebSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		r.bus.publish("a", "1")
		r.bus.publish("a", "2")
		s := r.rawSocketAt(t, strings.Replace(upgradeRequest("Authorization: Bearer mine", "Origin: http://tidings.test", "User-Agent: "+strings.Repeat("é", 200)), "/bus/ws", "/bus/ws?channel=a&channel=b&cursor=e1:1:t1,-", 1))
		s.want(`"connected"`)
		s.want(`"recovered":true`)
		s.want(`"data":2`)
		s.want(`"channel":"b"`)
		r.bus.publish("b", "3")
		s.want(`"data":3`)
		p := r.bus.peers[0]
		if !p.Plain || p.Transport != protocol.WebSocket || p.Token != "mine" || p.Origin != "http://tidings.test" || len(p.UserAgent) > 256 || !strings.HasPrefix(p.UserAgent, "éé") {
			t.Errorf("the peer is %+v", p)
		}
		s.conn.Close()
		synctest.Wait()
		if n := len(r.bus.all()); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
}

func TestPlainWebSocketIsProbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.rawSocketAt(t, strings.Replace(upgradeRequest(), "/bus/ws", "/bus/ws?channel=a", 1))
		s.want("connected")
		s.want("subscribed")
		for range 3 {
			start := time.Now()
			op, _, err := s.read()
			if quiet := time.Since(start); op != opPing || err != nil || quiet < protocol.DefaultHeartbeat || quiet > protocol.DefaultHeartbeat+time.Second {
				t.Fatalf("got %d, %v after %v", op, err, quiet)
			}
			s.send(frame(fin|opPong, ""))
		}
		start := time.Now()
		s.wantEnd(protocol.CodeHeartbeatTimeout)
		if took, want := time.Since(start), protocol.DefaultHeartbeat+protocol.PongDeadline; took < want || took > want+3*time.Second {
			t.Errorf("ended after %v", took)
		}
	})
}

func TestPlainWebSocketThatConnectsIsPlainNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.rawSocketAt(t, strings.Replace(upgradeRequest(), "/bus/ws", "/bus/ws?channel=a", 1))
		s.want("connected")
		s.want("subscribed")
		time.Sleep(12 * time.Second) // the deadline for connect does not count here
		s.send(text(`[{"type":"connect"},{"type":"subscribe","id":5,"channel":"b"}]`))
		s.want("connected")
		s.want(`"id":5`)
		r.bus.publish("a", "1")
		r.bus.publish("b", "2")
		s.want(`"data":2`)
		all := r.bus.all()
		if len(all) != 1 || all[0].plain {
			t.Errorf("there are %d sessions, plain: %v", len(all), all[0].plain)
		}
		s.wantEnd(protocol.CodeHeartbeatTimeout)
	})
}

func TestCloseNumbersOfTheBus(t *testing.T) {
	for _, row := range protocol.Codes() {
		synctest.Test(t, func(t *testing.T) {
			r := inMemory(t, nil)
			s := r.rawSocket(t).connected()
			session := r.bus.all()[0]
			session.end(goodbye(row.Code, "the test wants it"))
			s.wantEnd(row.Code)
			if got := session.losses(); len(got) != 0 {
				t.Errorf("the bus, which knows, was told %q", got)
			}
		})
	}
}

func TestEndWithoutAWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.rawSocket(t).connected()
		r.bus.all()[0].end(nil)
		if code, number, reason := s.end(); code != "" || number != 1000 || reason != "" {
			t.Errorf("ended with %q, %d %q", code, number, reason)
		}
	})
}

func TestTheClientAnswersTheCloseAndIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.rawSocket(t).connected()
		start := time.Now()
		r.bus.all()[0].end(goodbye(protocol.CodeShuttingDown, "the test wants it"))
		s.want("disconnect")
		if op, _, err := s.read(); op != opClose || err != nil {
			t.Fatal(op, err)
		}
		s.send(frame(fin|opClose, "\x0f\xa1"))
		s.end()
		if took := time.Since(start); took != 0 {
			t.Errorf("the socket was closed after %v", took)
		}
	})
}

func TestLossesAreTold(t *testing.T) {
	for name, row := range map[string]struct {
		do   func(s *rawSocket)
		wait time.Duration
		want protocol.Code
	}{
		"closed without a word": {func(s *rawSocket) { s.conn.Close() }, 0, ""},
		"closed by the client":  {func(s *rawSocket) { s.send(frame(fin|opClose, "\x03\xe8")) }, 0, ""},
		"silent":                {func(*rawSocket) {}, 40 * time.Second, protocol.CodeHeartbeatTimeout},
		"not UTF-8":             {func(s *rawSocket) { s.send(text("\xff")) }, 0, protocol.CodeBadUTF8},
		"half a message":        {func(s *rawSocket) { s.send(frame(opText, "{")) }, 11 * time.Second, protocol.CodeTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := inMemory(t, nil)
				s := r.rawSocket(t).connected()
				session := r.bus.all()[0]
				row.do(s)
				time.Sleep(row.wait)
				synctest.Wait()
				if got := session.losses(); !slices.Equal(got, []protocol.Code{row.want}) {
					t.Errorf("got %q, want once %q", got, row.want)
				}
				time.Sleep(10 * time.Second)
				if got := session.losses(); len(got) != 1 {
					t.Errorf("told again: %q", got)
				}
				if open := r.h.Stats().WebSocket.Open; open != 0 {
					t.Errorf("%d sockets are open", open)
				}
			})
		})
	}
}

func TestEarlyBytesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.rawSocketAt(t, upgradeRequest()+string(text(`{"type":"connect"}`))+string(text(`{"type":"ping","id":4}`)))
		s.want("connected")
		s.want(`"id":4`)
	})
}

func TestFramesThatWaitLeaveTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.rawSocket(t)
		s.send(text(`[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`))
		s.want("connected")
		s.want("subscribed")
		for i := range 1000 {
			r.bus.publish("a", fmt.Sprint(i))
		}
		for i := range 1000 {
			s.want(fmt.Sprintf(`"data":%d}`, i))
		}
		if stats := r.h.Stats().WebSocket; stats.Messages != 1000 || stats.Frames != 1002 || stats.Flushes > 100 {
			t.Errorf("got %+v", stats)
		}
	})
}

func TestNegotiate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, func(c *Config) { c.Park = 7 * time.Second })
		a := r.ask(t, lines("GET /bus HTTP/1.1"))
		const want = `{"version":1,"transports":["websocket","sse","poll"],"heartbeat":25000,"park":7000,"limits":{"message":65536,"payload":65536,"frames":64,"channel":200,"subscriptions":128}}`
		if a.status != 200 || a.body != want || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("got %d %v %s", a.status, a.header, a.body)
		}
	})
}

func TestValidateNamesTheField(t *testing.T) {
	for field, cfg := range map[string]Config{
		"Heartbeat": {Heartbeat: -1}, "Park": {Park: -1}, "PollHold": {PollHold: 61 * time.Second}, "StreamLifetime": {StreamLifetime: -1},
		"WriteDeadline": {WriteDeadline: -1}, "ConnectDeadline": {ConnectDeadline: -1}, "AllowedHosts": {AllowedHosts: []string{"*.example"}}, "Origins": {Origins: []string{"x"}},
	} {
		if _, err := New(newFakeBus(), cfg); err == nil || !strings.HasPrefix(err.Error(), field+": ") {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

func TestCloseCutsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.rawSocket(t).connected()
		e := r.get(t, "?channel=a")
		e.want(protocol.TypeConnected)
		id, cursor := r.openPoll(t)
		done := make(chan answer, 1)
		go func() { done <- r.ask(t, post("/bus/poll", pollBody(id, cursor))) }()
		synctest.Wait()
		r.h.Close()
		s.end()
		if a := <-done; a.code() != protocol.CodeShuttingDown {
			t.Errorf("the poll was answered %d %s", a.status, a.body)
		}
		synctest.Wait()
		if stats := r.h.Stats(); stats.WebSocket.Open+stats.SSE.Open+stats.Poll.Open != 0 {
			t.Errorf("got %+v", stats)
		}
	})
}

func TestEachRequestOfARefusedMessageIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.rawSocket(t)
		s.send(text(`[{"type":"connect"}]`))
		s.want("connected")
		s.send(text(`[{"type":"unsubscribe","id":4,"channel":"a"},{"type":"subscribe","id":5,"channel":"a","since":7},{"type":"ping"}]`))
		s.want(`"id":4`)
		s.want(`"id":5`)
		s.send(text(`{`))
		s.want(`"error"`)
		if got := r.bus.all()[0].faultCodes(); len(got) != 2 {
			t.Errorf("faults: %v", got)
		}
	})
}

// What is held back until all answers are there leaves in one write.
func TestWhatIsDelayedAgainLeavesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		ours, theirs := net.Pipe()
		defer theirs.Close()
		k := &socket{}
		k.init(r.h, webSocketKind, webSocketForm{})
		k.alarm.owner, k.conn = k, ours
		k.startWriting()
		synctest.Wait()
		k.delayAgain()
		k.put([]byte("connected"))
		synctest.Wait()
		k.put([]byte(" subscribed"))
		k.startWriting()
		b := make([]byte, 100)
		if n, err := theirs.Read(b); string(b[:n]) != "connected subscribed" || err != nil {
			t.Errorf("the first write was %q, %v; want both", b[:n], err)
		}
		k.put([]byte("later"))
		if n, err := theirs.Read(b); string(b[:n]) != "later" || err != nil {
			t.Errorf("then came %q, %v", b[:n], err)
		}
		synctest.Wait()
	})
}

// Frames that come after the handshake was read and before the system reports what comes are not forgotten.
func TestFramesBesideTheAnswerAreRead(t *testing.T) {
	r := onLoopback(t, nil)
	for range 50 {
		c, err := r.dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, part := range []string{upgradeRequest(), string(text(`{"type":"connect"}`))} {
			if _, err := io.WriteString(c, part); err != nil {
				t.Fatal(err)
			}
		}
		s := upgradeOn(t, c, "")
		s.want("connected")
	}
}
