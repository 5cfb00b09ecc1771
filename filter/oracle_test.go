package filter

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// oracle is a process that holds the npm package koncorde.
type oracle struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// verdict is what Koncorde makes of a filter.
type verdict struct {
	ID      string // equal for filters that it takes for the same
	Error   string
	Native  bool    // the error is one of JavaScript, not of Koncorde
	Matches []*bool // per document; nil if Koncorde throws
}

func startOracle(t testing.TB) *oracle {
	t.Helper()
	if _, err := os.Stat("oracle/node_modules/koncorde"); err != nil {
		t.Fatal("the oracle is not installed: run `make oracle`")
	}
	cmd := exec.Command("node", "oracle.mjs")
	cmd.Dir = "oracle"
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the oracle: %v", err)
		}
	})
	return &oracle{in: in, out: bufio.NewReaderSize(out, 1<<20)}
}

func (o *oracle) ask(t testing.TB, question, reply any) {
	t.Helper()
	if _, err := o.in.Write(append(raw(question), '\n')); err != nil {
		t.Fatal(err)
	}
	line, err := o.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("the oracle ended: %v", err)
	}
	if err := json.Unmarshal(line, reply); err != nil {
		t.Fatalf("the oracle said %.200s: %v", line, err)
	}
}

func (o *oracle) judge(t testing.TB, filters []any, documents []obj) []verdict {
	t.Helper()
	var verdicts []verdict
	o.ask(t, obj{"filters": filters, "documents": documents}, &verdicts)
	return verdicts
}

// seedOf returns the seed of a random test: TIDINGS_FILTER_SEED, or always the same, so that the suite does not fail by
// chance over a change that has nothing to do with it. It is printed.
func seedOf(t testing.TB) uint64 {
	t.Helper()
	seed := uint64(20261129)
	if s := os.Getenv("TIDINGS_FILTER_SEED"); s != "" {
		given, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = given
	}
	t.Logf("seed: TIDINGS_FILTER_SEED=%d", seed)
	return seed
}
