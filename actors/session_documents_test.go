package actors

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"tidings/access"
	"tidings/protocol"
)

// library carries out document calls as a test wants: each waits at gate, if there is one, and reads a collection of
// its name.
type library struct {
	mu      sync.Mutex
	begun   []string
	running int
	most    int
	gate    chan struct{} // with space for 100, of the test's bubble
	answer  func(data string) ([]byte, error)
}

func (l *library) call(_ context.Context, c *DocumentCall) ([]byte, error) {
	if fault := c.MayRead("documents/city/cars"); fault != nil {
		return nil, fault
	}
	c.Rows("documents/city/cars")
	l.mu.Lock()
	l.begun = append(l.begun, string(c.Data))
	l.running++
	l.most = max(l.most, l.running)
	l.mu.Unlock()
	if l.gate != nil {
		<-l.gate
	}
	l.mu.Lock()
	l.running--
	l.mu.Unlock()
	return l.answer(string(c.Data))
}

func (l *library) was() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.begun...)
}

func withLibrary(l *library, gated bool) func(*Config) {
	return func(c *Config) {
		if gated {
			l.gate = make(chan struct{}, 100)
		}
		if l.answer == nil {
			l.answer = func(data string) ([]byte, error) { return []byte(data), nil }
		}
		c.Documents = l.call
	}
}

func documentCall(id uint64, data string) protocol.ClientFrame {
	return protocol.ClientFrame{Type: protocol.TypeCall, ID: id, Method: methodDocument, Data: []byte(data)}
}

// The document calls of a connection are carried out one after the other, in their order, and delay nothing else.
func TestDocumentCallsKeepTheirOrder(t *testing.T) {
	l := &library{}
	inBubble(t, withLibrary(l, true), func(w *world) {
		c := w.connect()
		for i := range 33 {
			c.say(documentCall(uint64(i+1), fmt.Sprint(i)))
		}
		c.say(documentCall(34, "33"), protocol.ClientFrame{Type: protocol.TypePing, ID: 35})
		w.settle()
		if got := c.next(); len(only(got, protocol.TypePong)) != 1 || len(only(got, protocol.TypeError)) != 1 || only(got, protocol.TypeError)[0].ID != 34 {
			t.Errorf("while the first runs and 32 wait: %v, want a pong, and the 34th overloaded", got)
		}
		if got := l.was(); len(got) != 1 {
			t.Errorf("%v have begun, want the first alone", got)
		}
		for range 33 {
			l.gate <- struct{}{}
		}
		w.settle()
		var got []string
		for i, f := range only(c.next(), protocol.TypeReply) {
			if got = append(got, string(f.Data)); f.ID != uint64(i+1) {
				t.Errorf("answer %d is to request %d", i, f.ID)
			}
		}
		if l.most != 1 || strings.Join(got, " ") != strings.Join(l.was(), " ") || len(got) != 33 {
			t.Errorf("answers %v of calls %v, of which %d ran at once", got, l.was(), l.most)
		}
	})
}

// Long answers wait in the store, and not in the memory of the node, for a client that does not read.
func TestDocumentCallsWaitForASlowReader(t *testing.T) {
	l := &library{answer: func(string) ([]byte, error) {
		return []byte(`"` + strings.Repeat("x", protocol.RecoveryPageBytes-2) + `"`), nil
	}}
	inBubble(t, withLibrary(l, false), func(w *world) {
		c := w.connect()
		c.link.stall(true)
		for i := range 20 {
			c.say(documentCall(uint64(i+1), "1"))
		}
		w.settle()
		if got := len(l.was()); got != 1 {
			t.Errorf("%d calls were carried out for a client that does not read, want 1", got)
		}
		c.link.stall(false)
		c.link.Wake()
		w.settle()
		if got := len(only(c.next(), protocol.TypeReply)); got != 20 {
			t.Errorf("%d answers, want 20", got)
		}
	})
}

// What became forbidden while it was read is not shown, and what fails is said as what it is.
func TestDocumentCallsThatAreNotAnswered(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(string) ([]byte, error)
		rules  access.Allowance // once the call has begun
		want   protocol.Code
		retry  bool
	}{
		{name: "the rules changed", rules: access.Nobody, want: protocol.CodeForbidden},
		{name: "not found", rules: access.Anyone, answer: func(string) ([]byte, error) { return nil, errNo }, want: protocol.CodeForbidden},
		{name: "a failure", rules: access.Anyone, answer: func(string) ([]byte, error) { return nil, errors.New("no disk") }, want: protocol.CodeInternal, retry: true},
		{name: "a panic", rules: access.Anyone, answer: func(string) ([]byte, error) { panic("no store") }, want: protocol.CodeInternal, retry: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := &library{answer: tt.answer}
			inBubble(t, withLibrary(l, true), func(w *world) {
				c := w.connect()
				c.say(documentCall(1, "1"))
				w.settle()
				if err := w.bus.SetRules(access.Rules{Subscribe: tt.rules}); err != nil {
					t.Fatal(err)
				}
				l.gate <- struct{}{}
				w.settle()
				refused := only(c.next(), protocol.TypeError)
				if len(refused) != 1 || refused[0].ID != 1 || refused[0].Code != tt.want || refused[0].Retry != tt.retry {
					t.Errorf("got %v, want %s", refused, tt.want)
				}
			})
		})
	}
}
