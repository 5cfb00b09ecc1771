package ground

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// recorder is an invoker that keeps what it is told and fails at "panic".
type recorder struct {
	mu      sync.Mutex
	got     []string
	mailbox *mailbox
}

func (r *recorder) InvokeSystemMessage(m any) { r.InvokeUserMessage(m) }
func (r *recorder) InvokeUserMessage(m any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m == "panic" {
		panic(m)
	}
	r.got = append(r.got, fmt.Sprint(m))
}

func (r *recorder) EscalateFailure(_, message any) {
	r.mailbox.PostSystemMessage(&actor.SuspendMailbox{})
	r.got = append(r.got, fmt.Sprint("failed at ", message))
}

func TestMailboxKeepsOrderAndHoldsItsMessagesAfterAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMailbox().(*mailbox)
		r := &recorder{mailbox: m}
		m.PostUserMessage("before it is registered")
		m.RegisterHandlers(r, actor.NewDefaultDispatcher(3))
		m.PostUserMessage("1")
		m.PostUserMessage("panic")
		m.PostUserMessage("2")
		synctest.Wait()
		m.PostUserMessage("3")
		m.PostSystemMessage("system")
		synctest.Wait()
		want := []string{"before it is registered", "1", "failed at panic", "system"}
		if !slices.Equal(r.got, want) || m.UserMessageCount() != 2 {
			t.Errorf("while suspended: got %q, %d wait", r.got, m.UserMessageCount())
		}
		m.PostSystemMessage(&actor.ResumeMailbox{})
		synctest.Wait()
		if want = append(want, "2", "3"); !slices.Equal(r.got, want) {
			t.Errorf("got %q, want %q", r.got, want)
		}
	})
}

func TestMailboxUnderManySendersLosesNothingAndShrinks(t *testing.T) {
	m := NewMailbox().(*mailbox)
	r := &recorder{mailbox: m}
	m.RegisterHandlers(r, actor.NewDefaultDispatcher(300))
	var wg sync.WaitGroup
	for s := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				m.PostUserMessage(s*10000 + i)
			}
		})
	}
	wg.Wait()
	for m.UserMessageCount() > 0 {
		time.Sleep(time.Millisecond)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	last := map[int]int{}
	for _, text := range r.got {
		var n int
		fmt.Sscan(text, &n)
		if n%10000 != last[n/10000] {
			t.Fatalf("sender %d: %d, want %d", n/10000, n%10000, last[n/10000])
		}
		last[n/10000]++
	}
	if len(r.got) != 16000 {
		t.Errorf("got %d of 16000", len(r.got))
	}
	if m.mu.Lock(); cap(m.user) > keptSlots {
		t.Errorf("an empty mailbox keeps %d slots", cap(m.user))
	}
	m.mu.Unlock()
}
