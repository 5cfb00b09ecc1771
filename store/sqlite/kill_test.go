package sqlite

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"tidings/store"
	"tidings/store/storetest"
)

// victim is the environment variable that makes this test's binary write until it is killed: FILE, STEP and the number
// of the step's call at which it kills itself.
const victim = "TIDINGS_STORE_VICTIM"

func TestMain(m *testing.M) {
	if task := os.Getenv(victim); task != "" {
		writeUntilKilled(strings.Split(task, "|"))
		return
	}
	os.Exit(m.Run())
}

// writeUntilKilled makes writes from four goroutines and prints each that was answered.
func writeUntilKilled(task []string) {
	nth, _ := strconv.ParseInt(task[2], 10, 64)
	var calls atomic.Int64
	s, err := Open(Config{Path: task[0], Log: slog.New(slog.DiscardHandler), step: func(name string) error {
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
				results, err := s.Write(context.Background(), store.Write{Collection: taxis, Ops: []store.Op{{Action: store.Create, ID: id, Content: fmt.Appendf(nil, `{"n":%d}`, n)}}})
				if err != nil || results[0].Fault != nil {
					os.Exit(4)
				}
				os.Stdout.WriteString(id + "\n") // one call of the system: a line is there whole, or not at all
			}
		}()
	}
	select {}
}

var taxis = store.Collection{Index: "city", Name: "taxis"}

// A process that is killed at any step of a commit loses nothing that it has answered, and has a change for each
// document that it made.
func TestKill(t *testing.T) {
	me, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(storetest.Folder(t), "d.db")
	answered := map[string]bool{}
	for _, step := range []string{"made", "written", "committed"} {
		for _, nth := range []int{1, 2, 7, 30, 61, 100} {
			t.Run(fmt.Sprintf("F40 kill -9 at commit %d, %s", nth, step), func(t *testing.T) {
				cmd := exec.Command(me)
				cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%s|%d", victim, path, step, nth))
				cmd.Stderr = os.Stderr
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				readAnswers(t, out, answered, func() {})
				if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() > 0 {
					t.Fatalf("it was not killed: %v", err)
				}
				s := openAt(t, path)
				defer s.Close()
				checkWrites(t, s, answered)
			})
		}
	}
	if len(answered) < 100 {
		t.Errorf("only %d writes were answered", len(answered))
	}
}

// readAnswers notes what was answered until the process ends; each is called after each.
func readAnswers(t *testing.T, out io.Reader, answered map[string]bool, each func()) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		answered[lines.Text()] = true
		each()
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// killsVariable makes TestKillAtRandom longer: the number of processes that it kills. TIDINGS_STORE_KILLS=100 is the
// long form.
const killsVariable = "TIDINGS_STORE_KILLS"

// A process that is killed at a random moment of 1,000 writes, from outside and wherever it is, loses nothing that it
// has answered.
func TestKillAtRandom(t *testing.T) {
	me, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	kills := 4
	if text := os.Getenv(killsVariable); text != "" {
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	sum, more := 0, 0
	for nth := range kills {
		at := 1 + rand.IntN(1000)
		t.Run(fmt.Sprintf("F40 kill -9 number %d, after %d writes of 1,000", nth+1, at), func(t *testing.T) {
			path := filepath.Join(storetest.Folder(t), "d.db")
			cmd := exec.Command(me)
			cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s|never|1", victim, path))
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			answered := map[string]bool{}
			readAnswers(t, out, answered, func() {
				if len(answered) == at {
					cmd.Process.Kill()
				}
			})
			if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() > 0 {
				t.Fatalf("it was not killed: %v", err)
			}
			s := openAt(t, path)
			defer s.Close()
			sum += len(answered)
			more += checkWrites(t, s, answered) - len(answered)
		})
	}
	t.Logf("%d processes killed, %d writes answered and there, %d more there that were not answered yet", kills, sum, more)
}

// checkWrites compares documents, changes, and what was answered. It returns how many documents there are.
func checkWrites(t *testing.T, s *Store, answered map[string]bool) int {
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
	list, err := s.Changes(context.Background(), 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if changes[c.ID] != "" {
			t.Errorf("two changes of %s", c.ID)
		}
		changes[c.ID] = string(c.After)
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
		if !json.Valid([]byte(d)) {
			t.Errorf("%s is %s", id, d)
		}
	}
	if len(changes) != len(documents) {
		t.Errorf("%d changes of %d documents", len(changes), len(documents))
	}
	return len(documents)
}
