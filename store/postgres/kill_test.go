package postgres

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"tidings/internal/testpostgres"
	"tidings/store"
)

// victim is the environment variable that makes this test's binary write until it is killed: URL, STEP and the number
// of the step's call at which it kills itself.
const victim = "TIDINGS_POSTGRES_VICTIM"

// writeUntilKilled makes writes from four goroutines and prints each that was answered.
func writeUntilKilled(task []string) {
	nth, _ := strconv.ParseInt(task[2], 10, 64)
	var calls atomic.Int64
	s, err := Open(context.Background(), Config{URL: task[0], Log: slog.New(slog.DiscardHandler), step: func(name string) error {
		if name == task[1] && calls.Add(1) == nth {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	run := rand.Uint32()
	for w := range 4 {
		go func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("%d-%d-%d", run, w, n)
				if err := put(s, id, fmt.Sprintf(`{"n":%d}`, n)); err != nil {
					os.Exit(4)
				}
				os.Stdout.WriteString(id + "\n") // one call of the system: a line is there whole, or not at all
			}
		}()
	}
	select {}
}

// A process that is killed at any step of a commit loses nothing that it has answered, and has a change for each
// document that it made. Nothing that it had open is in the way of the next one.
func TestKill(t *testing.T) {
	me, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	url := testpostgres.Database(t)
	answered := map[string]bool{}
	for _, step := range []string{"loaded", "saving", "committed"} {
		for _, nth := range []int{1, 2, 7, 30 + rand.IntN(60)} {
			t.Run(fmt.Sprintf("F40 kill -9 in PostgreSQL at commit %d, %s", nth, step), func(t *testing.T) {
				cmd := exec.Command(me)
				cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%s|%d", victim, url, step, nth))
				cmd.Stderr = os.Stderr
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				lines := bufio.NewScanner(out)
				for lines.Scan() {
					answered[lines.Text()] = true
				}
				if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() > 0 {
					t.Fatalf("it was not killed: %v", err)
				}
				s := openAt(t, url)
				defer s.Close()
				checkWrites(t, s, answered)
			})
		}
	}
	if len(answered) < 100 {
		t.Errorf("only %d writes were answered", len(answered))
	}
}

// checkWrites compares documents, changes, and what was answered.
func checkWrites(t *testing.T, s *Store, answered map[string]bool) {
	documents := map[string]string{}
	for q := (store.Query{Limit: store.MaxLimit}); ; {
		page, err := s.Search(context.Background(), taxis, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Documents {
			documents[d.ID] = string(d.JSON)
		}
		if q.After = page.Next; page.Next == "" {
			break
		}
	}
	changes := map[string]string{}
	for after := uint64(0); ; {
		list, err := s.Changes(context.Background(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, c := range list {
			if after = c.Number; changes[c.ID] != "" {
				t.Errorf("two changes of %s", c.ID)
			}
			changes[c.ID] = string(c.After)
		}
	}
	for id := range answered {
		if documents[id] == "" {
			t.Errorf("%s was answered, and is not there", id)
		}
	}
	for id, d := range documents {
		if changes[id] != d {
			t.Errorf("%s is %s, and its change %s", id, d, changes[id])
		}
	}
	if len(changes) != len(documents) {
		t.Errorf("%d changes of %d documents", len(changes), len(documents))
	}
}
