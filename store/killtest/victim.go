package killtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tidings/broker"
	"tidings/protocol"
	"tidings/store"
	"tidings/store/relay"
)

// work is what a process does.
type work int

const (
	write work = 1 << iota
	publish
)

// task is what a process is told: where the store is, what to do, and at which call of which step to kill itself.
type task struct {
	Place string
	Work  work
	Step  string
	Nth   int
}

// variable is the environment variable that has the task, as JSON.
const variable = "TIDINGS_STORE_VICTIM"

// line is what a process prints: a write that was answered, or a message that was published. One call of the system
// writes a line: it is there whole, or not at all.
type line struct {
	Answered uint64 `json:",omitempty"` // the version
	message
}

// message is one that a relay has published.
type message struct {
	Channel, Key, Event string          `json:",omitempty"`
	Change              uint64          `json:",omitempty"`
	Before, Data        json.RawMessage `json:",omitempty"`
}

func (l line) print() {
	text, err := json.Marshal(l)
	if err == nil {
		_, err = os.Stdout.Write(append(text, '\n'))
	}
	if err != nil {
		give(err)
	}
}

// give ends the process in another way than by being killed.
func give(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(3)
}

// Victim writes and publishes until it is killed, if this process was started for that; else it returns. TestMain calls
// it first.
func Victim(open Open) {
	text := os.Getenv(variable)
	if text == "" {
		return
	}
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		give(err)
	}
	var calls atomic.Int64
	step := func(name string) error {
		if name == t.Step && calls.Add(1) == int64(t.Nth) {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	}
	s, err := open(t.Place, step)
	if err != nil {
		give(err)
	}
	if t.Work&publish != 0 {
		go newRelay(s, step, func(m message) { line{message: m}.print() }).Run(context.Background())
	}
	if t.Work&write != 0 {
		for w := range writers {
			go func() {
				err := writeOn(context.Background(), s, w, func(version uint64) { line{Answered: version}.print() })
				give(fmt.Errorf("a write: %w", err))
			}()
		}
	}
	select {}
}

// newRelay returns a relay of which each step can be the last.
func newRelay(s store.Store, step func(string) error, tell func(message)) *relay.Relay {
	return relay.New(relay.Config{
		Store: stepped{s, step}, Log: slog.New(slog.DiscardHandler),
		Route: func(string, []byte) []protocol.Channel { return []protocol.Channel{routed} },
		Publish: func(ctx context.Context, p broker.Publish) error {
			step("publishing")
			if err := ctx.Err(); err != nil {
				return err
			}
			tell(message{string(p.Channel), p.Principal + " " + p.IdempotencyKey, p.Event, p.Extra.Change, p.Extra.Before, p.Data})
			step("published")
			return nil
		},
	})
}

// routed is the channel to which each change goes beside its collection's.
const routed = "all/changes"

// stepped is a store with steps in what a relay asks of it.
type stepped struct {
	store.Store
	step func(string) error
}

func (s stepped) Changes(ctx context.Context, after uint64, limit int) ([]store.Change, error) {
	list, err := s.Store.Changes(ctx, after, limit)
	if len(list) > 0 {
		s.step("read")
	}
	return list, err
}

func (s stepped) Relayed(ctx context.Context, number uint64) error {
	s.step("marking")
	defer s.step("marked")
	return s.Store.Relayed(ctx, number)
}

const (
	writers = 4
	each    = 20 // documents of a writer, written again and again, by one process after the other
)

// collectionOf returns where a writer writes: there are two.
func collectionOf(w int) store.Collection {
	return store.Collection{Index: "city", Name: fmt.Sprintf("taxis%d", w%2)}
}

// writeOn writes until ctx ends or a write fails. It calls answered with the version of each.
func writeOn(ctx context.Context, s store.Store, w int, answered func(uint64)) error {
	run := rand.Uint32()
	for n := 0; ; n++ {
		op := store.Op{Action: store.Put, ID: fmt.Sprintf("%d-%d", w, n%each), Content: fmt.Appendf(nil, `{"run":%d,"n":%d}`, run, n)}
		if n%9 == 8 {
			op = store.Op{Action: store.Remove, ID: op.ID}
		}
		results, err := s.Write(ctx, store.Write{Collection: collectionOf(w), Ops: []store.Op{op}})
		if err == nil && results[0].Fault != nil && op.Action != store.Remove {
			err = results[0].Fault
		}
		if ctx.Err() != nil || err != nil {
			return err
		}
		if results[0].Fault == nil && op.Action != store.Remove {
			answered(results[0].Version)
		}
	}
}

// patience is how long a process may take until it is killed.
const patience = 3 * time.Minute

// victim is a process that was started.
type victim struct {
	cmd *exec.Cmd
	out io.Reader
	ctx context.Context // ends with the process's time
}

func start(t *testing.T, do task) *victim {
	t.Helper()
	me, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(do)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, me)
	cmd.Env, cmd.Stderr = append(os.Environ(), variable+"="+string(text)), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &victim{cmd, out, ctx}
}

// died checks that the process was killed, once all that it printed was read.
func (v *victim) died(t *testing.T) {
	t.Helper()
	err := v.cmd.Wait()
	if v.ctx.Err() != nil {
		t.Fatalf("it did not come so far in %v", patience)
	}
	if err == nil || v.cmd.ProcessState.ExitCode() > 0 {
		t.Fatalf("it was not killed: %v", err)
	}
}
