package transports

import (
	"bytes"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

// Bad frames, rows B21 to B35.

func TestFrames(t *testing.T) {
	ping := text(`{"type":"ping"}`)
	rows := []struct {
		name string
		send [][]byte
		want protocol.Code
	}{
		{"B21 unmasked frame", [][]byte{{fin | opText, 2, '{', '}'}}, protocol.CodeProtocolError},
		{"B22 RSV1", [][]byte{frame(fin|0x40|opText, "{}")}, protocol.CodeProtocolError},
		{"B22 RSV2", [][]byte{frame(fin|0x20|opText, "{}")}, protocol.CodeProtocolError},
		{"B22 RSV3", [][]byte{frame(fin|0x10|opText, "{}")}, protocol.CodeProtocolError},
		{"B22 opcode 3", [][]byte{frame(fin|3, "")}, protocol.CodeProtocolError},
		{"B22 opcode 7", [][]byte{frame(fin|7, "")}, protocol.CodeProtocolError},
		{"B22 opcode 11", [][]byte{frame(fin|11, "")}, protocol.CodeProtocolError},
		{"B22 opcode 15", [][]byte{frame(fin|15, "")}, protocol.CodeProtocolError},
		{"B22 fragmented ping", [][]byte{frame(opPing, "")}, protocol.CodeProtocolError},
		{"B22 ping of 126 bytes", [][]byte{frame(fin|opPing, strings.Repeat("x", 126))}, protocol.CodeProtocolError},
		{"B22 stray continuation", [][]byte{frame(fin|opContinue, "{}")}, protocol.CodeProtocolError},
		{"B22 text inside a fragmented message", [][]byte{frame(opText, "{"), ping}, protocol.CodeProtocolError},
		{"B23 length with the highest bit", [][]byte{{fin | opText, 0x80 | 127, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}, protocol.CodeProtocolError},
		{"B24 one byte too long", [][]byte{text(strings.Repeat(" ", protocol.MaxMessageBytes+1))}, protocol.CodeTooLarge},
		{"B24 one byte too long in two fragments", [][]byte{frame(opText, strings.Repeat(" ", protocol.MaxMessageBytes)), frame(fin|opContinue, " ")}, protocol.CodeTooLarge},
		{"B26 invalid UTF-8", [][]byte{text("{\"type\":\"ping\xff\"}")}, protocol.CodeBadUTF8},
		{"B26 half a character", [][]byte{text("{\"type\":\"ping\xe2\x82\"}")}, protocol.CodeBadUTF8},
		{"B26 surrogate in UTF-8", [][]byte{text("{\"type\":\"ping\xed\xa0\x80\"}")}, protocol.CodeBadUTF8},
		{"B27 close of 1 byte", [][]byte{frame(fin|opClose, "x")}, protocol.CodeProtocolError},
		{"B127 a length of 2^40, and no byte of it", [][]byte{{fin | opText, 0x80 | 127, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4}}, protocol.CodeTooLarge},
		{"B127 a good message, then such a length", [][]byte{append(bytes.Clone(ping), fin|opText, 0x80|127, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4)}, protocol.CodeTooLarge},
		{"B127 one byte too long, announced in a fragment", [][]byte{frame(opText, "{"), {fin | opContinue, 0x80 | 127, 0, 0, 0, 0, 0, 1, 0, 1, 1, 2, 3, 4}}, protocol.CodeTooLarge},
		{"B127 a length of 5 in two bytes", [][]byte{{fin | opText, 0x80 | 126, 0, 5, 1, 2, 3, 4}}, protocol.CodeProtocolError},
		{"B127 a length of 200 in eight bytes", [][]byte{{fin | opText, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 200, 1, 2, 3, 4}}, protocol.CodeProtocolError},
		{"B31 binary", [][]byte{frame(fin|opBinary, `{"type":"ping"}`)}, protocol.CodeUnsupportedData},
	}
	for _, code := range []int{0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000} {
		rows = append(rows, struct {
			name string
			send [][]byte
			want protocol.Code
		}{"B27 close " + strconv.Itoa(code), [][]byte{frame(fin|opClose, string([]byte{byte(code >> 8), byte(code)}))}, protocol.CodeProtocolError})
	}
	for _, row := range rows {
		for _, when := range []string{"before connect", "after connect"} {
			t.Run(row.name+" "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := inMemory(t, nil)
					s := r.rawSocket(t)
					if when == "after connect" {
						s.connected()
					}
					s.send(row.send...)
					s.wantEnd(row.want)
					r.stillServes(t)
				})
			})
		}
	}
}

func Test_B23_lengthOf2To62(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.rawSocket(t).connected()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s.send([]byte{fin | opText, 0x80 | 127, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, bytes.Repeat([]byte{'x'}, 100))
		within(t, closeGrace, func() { s.wantEnd(protocol.CodeTooLarge) }) // before it comes
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("allocated %d bytes", n)
		}
		r.stillServes(t)
	})
}

func Test_B24_theLongestMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil).rawSocket(t).connected()
		ping := `{"type":"ping","id":3}`
		s.send(text(ping + strings.Repeat(" ", protocol.MaxMessageBytes-len(ping))))
		s.want(`"id":3`)
	})
}

func Test_B27_goodCloseIsAnswered(t *testing.T) {
	for _, code := range []int{1000, 1001, 3000, 4999} {
		synctest.Test(t, func(t *testing.T) {
			s := inMemory(t, nil).rawSocket(t).connected()
			s.send(frame(fin|opClose, string([]byte{byte(code >> 8), byte(code)})+"my words"))
			if _, number, reason := s.end(); number != code || reason != "" {
				t.Errorf("close %d was answered %d %q", code, number, reason)
			}
		})
	}
}

func Test_B28_closeReasonIsNotEchoed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil).rawSocket(t).connected()
		s.send(frame(fin|opClose, "\x03\xe8\xff\xfe"))
		if _, number, reason := s.end(); number != 1000 || reason != "" {
			t.Errorf("answered %d %q", number, reason)
		}
	})
}

func Test_B29_continuationsWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.rawSocket(t).connected()
		s.send(frame(opText, "{"), bytes.Repeat(frame(opContinue, ""), 100_000))
		s.wantEnd(protocol.CodeRateLimited)
		r.stillServes(t)
	})
}

func Test_B29_slowContinuations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.rawSocket(t).connected()
		start := time.Now()
		s.drip(500*time.Millisecond, append([][]byte{frame(opText, "{")}, slices.Repeat([][]byte{frame(opContinue, "")}, 100)...))
		s.wantEnd(protocol.CodeTimeout)
		if took := time.Since(start); took > assemblyLimit+3*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func Test_B30_pingFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.rawSocket(t).connected()
		s.send(bytes.Repeat(frame(fin|opPing, "x"), 100_000))
		s.wantEnd(protocol.CodeRateLimited)
		r.stillServes(t)
	})
}

func Test_B30_pingFloodByOneWhoDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.rawSocket(t).connected()
		pings := bytes.Repeat(frame(fin|opPing, strings.Repeat("x", 100)), 100)
		s.drip(time.Second/10, slices.Repeat([][]byte{pings}, 100)) // within the budget
		time.Sleep(30 * time.Second)
		if open := r.h.Stats().WebSocket.Open; open != 0 {
			t.Errorf("%d sockets are open", open)
		}
	})
}

func Test_B30_goodPingIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil).rawSocket(t).connected()
		s.send(frame(fin|opPing, "abc"))
		if op, payload, err := s.read(); op != opPong || payload != "abc" || err != nil {
			t.Errorf("got %d %q %v", op, payload, err)
		}
	})
}

func Test_B32_emptyText(t *testing.T) {
	for _, empty := range []string{"", "   ", "\n"} {
		synctest.Test(t, func(t *testing.T) {
			s := inMemory(t, nil).rawSocket(t).connected()
			s.send(text(empty))
			s.want(`"bad_json"`)
			s.send(text(`{"type":"ping","id":2}`))
			s.want(`"id":2`)
		})
	}
}

func Test_B33_tooManyErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil).rawSocket(t).connected()
		s.send(bytes.Repeat(text("x"), protocol.MaxErrors+1))
		s.wantEnd(protocol.CodeTooManyErrors)
	})
}

func Test_B34_arrayOf100000Frames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.rawSocket(t).connected()
		s.send(text("[" + strings.Repeat("{},", 20_000) + "{}]"))
		s.want(`"code"`)
		body := "[" + strings.Repeat("{},", 100_000) + "{}]"
		for _, path := range []string{"/bus/sse", "/bus/poll", "/bus/send"} {
			if a := r.ask(t, post(path, body)); a.status != 413 || a.code() != protocol.CodeTooLarge {
				t.Errorf("%s: got %d %q", path, a.status, a.body)
			}
			if a := r.ask(t, post(path, strings.Repeat("\n", 1<<20))); a.status != 413 || a.code() != protocol.CodeTooLarge {
				t.Errorf("%s: newlines: got %d %q", path, a.status, a.body)
			}
		}
	})
}

func Test_B35_frameBeforeConnect(t *testing.T) {
	for _, first := range []string{`{"type":"subscribe","id":1,"channel":"a"}`, `{"type":"publish","id":1,"channel":"a","data":1}`, `[{"type":"ping"},{"type":"refresh","id":1,"token":"x"}]`} {
		synctest.Test(t, func(t *testing.T) {
			r := inMemory(t, nil)
			s := r.rawSocket(t)
			s.send(text(first))
			code, number, _ := s.end()
			if code != protocol.CodeNotConnected || number != 4514 {
				t.Errorf("%s ended with %q, %d", first, code, number)
			}
			if n := len(r.bus.all()); n != 0 {
				t.Errorf("%d sessions were opened", n)
			}
		})
	}
}

func Test_B35_secondConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil).rawSocket(t).connected()
		s.send(text(`{"type":"connect"}`))
		s.want(`"already_connected"`)
	})
}

func Test_F7_bytesOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil).rawSocket(t)
		s.drip(50*time.Millisecond, slices.Collect(slices.Chunk(append(text(`{"type":"connect"}`), text(`{"type":"ping","id":8}`)...), 1)))
		s.want(`"connected"`)
		s.want(`"id":8`)
	})
}

func Test_F32_aPanicEndsOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s, session := r.rawSocket(t).connected(), r.bus.all()[0]
		s.send(text(`{"type":"subscribe","id":1,"channel":"panic"}`))
		s.wantEnd(protocol.CodeInternal)
		if got := session.losses(); !slices.Equal(got, []protocol.Code{protocol.CodeInternal}) {
			t.Errorf("lost with %q", got)
		}
		r.stillServes(t)
	})
}

// FuzzSocket sends whatever bytes after the upgrade: nothing panics, nothing is left.
func FuzzSocket(f *testing.F) {
	f.Add(bytes.Join([][]byte{text(`{"type":"connect"}`), text(`[{"type":"subscribe","id":1,"channel":"a"},{"type":"ping"}]`), frame(fin|opClose, "\x03\xe8")}, nil))
	f.Add(bytes.Join([][]byte{frame(opText, `{"type":"con`), frame(fin|opPing, "x"), frame(fin|opContinue, `nect"}`)}, nil))
	f.Add([]byte{fin | opText, 0x80 | 127, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if bytes.Contains(b, []byte(`"panic"`)) {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			r := inMemory(t, nil)
			s := r.rawSocket(t)
			s.send(b)
			time.Sleep(time.Second)
			go s.end()
			time.Sleep(2 * time.Minute)
			if stats := r.h.Stats().WebSocket; stats.Open != 0 {
				t.Errorf("after two minutes: %+v", stats)
			}
			for _, session := range r.bus.all() {
				if len(session.losses()) != 1 {
					t.Errorf("lost %q", session.losses())
				}
			}
		})
	})
}
