package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestGoEvents(t *testing.T) {
	for _, tt := range []struct {
		name, in, wrong   string
		passed, failed    int
		outputs, withhold string
	}{
		{name: "two pass", passed: 2, withhold: "chatter", in: `
{"Action":"output","Package":"tidings/core","Test":"TestA","Output":"chatter\n"}
{"Action":"pass","Package":"tidings/core","Test":"TestA"}
{"Action":"pass","Package":"tidings/core","Test":"TestA/sub"}
{"Action":"pass","Package":"tidings/core"}`},
		{name: "a failure prints its output", passed: 1, failed: 1, wrong: "failed", outputs: "got 1, want 2", in: `
{"Action":"output","Package":"tidings/core","Test":"TestA","Output":"got 1, want 2\n"}
{"Action":"fail","Package":"tidings/core","Test":"TestA"}
{"Action":"pass","Package":"tidings/core","Test":"TestB"}
{"Action":"fail","Package":"tidings/core"}`},
		{name: "a package that does not build", wrong: "tidings/core failed outside of a test", outputs: "undefined: x", in: `
{"Action":"build-output","ImportPath":"tidings/core","Output":"undefined: x\n"}
{"Action":"fail","Package":"tidings/core","FailedBuild":"tidings/core"}`},
		{name: "a panic between tests", passed: 1, wrong: "tidings/core failed outside of a test", outputs: "panic: boom", in: `
{"Action":"pass","Package":"tidings/core","Test":"TestA"}
{"Action":"output","Package":"tidings/core","Test":"TestB","Output":"panic: boom\n"}
{"Action":"fail","Package":"tidings/core"}`},
		{name: "test files without a test", passed: 1, wrong: "tidings/core/sub ran no test", in: `
{"Action":"pass","Package":"tidings/core","Test":"TestA"}
{"Action":"pass","Package":"tidings/core"}
{"Action":"output","Package":"tidings/core/sub","Output":"testing: warning: no tests to run\n"}
{"Action":"pass","Package":"tidings/core/sub"}`},
		{name: "no tests in the folder at all", wrong: "ran no test", in: `
{"Action":"output","Package":"tidings/core","Output":"? tidings/core [no test files]\n"}
{"Action":"skip","Package":"tidings/core"}`},
		{name: "a folder without test files, which none asks for, is no row", passed: 1, in: `
{"Action":"start","Package":"tidings/clientjs"}
{"Action":"output","Package":"tidings/clientjs","Output":"? tidings/clientjs [no test files]\n"}
{"Action":"skip","Package":"tidings/clientjs"}
{"Action":"pass","Package":"tidings/core","Test":"TestA"}
{"Action":"pass","Package":"tidings/core"}`},
		{name: "a skip that nobody allowed", passed: 1, wrong: "skipped core.TestB", in: `
{"Action":"pass","Package":"tidings/core","Test":"TestA"}
{"Action":"skip","Package":"tidings/core","Test":"TestB"}
{"Action":"pass","Package":"tidings/core"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			g := newGoRun("tidings", &out)
			if err := g.read(strings.NewReader(strings.TrimSpace(tt.in))); err != nil {
				t.Fatal(err)
			}
			rows := g.sorted([]string{"core"})
			if len(rows) != 1 {
				t.Fatalf("got %d rows, want 1: %+v", len(rows), rows)
			}
			r := rows[0]
			if r.passed != tt.passed || r.failed != tt.failed || r.wrong(nil) != tt.wrong {
				t.Errorf("got %d passed, %d failed, wrong %q; want %d, %d, %q", r.passed, r.failed, r.wrong(nil), tt.passed, tt.failed, tt.wrong)
			}
			if !strings.Contains(out.String(), tt.outputs) {
				t.Errorf("printed %q, which lacks %q", out.String(), tt.outputs)
			}
			if tt.withhold != "" && strings.Contains(out.String(), tt.withhold) {
				t.Errorf("printed %q of a test that passed", tt.withhold)
			}
		})
	}
}

func TestNodeOutput(t *testing.T) {
	for _, tt := range []struct {
		name, in, wrong string
		passed, failed  int
	}{
		{name: "tap", in: "ok 1 - a\n# tests 2\n# pass 2\n# fail 0\n# cancelled 0\n# skipped 0\n# todo 0\n", passed: 2},
		{name: "spec", in: "✔ a (1ms)\nℹ tests 1\nℹ pass 1\nℹ fail 0\n", passed: 1},
		{name: "two runners in one command", in: "# pass 2\n# fail 1\n# pass 3\n# fail 0\n", passed: 5, failed: 1, wrong: "failed"},
		{name: "a cancelled test is a failure", in: "# pass 2\n# fail 0\n# cancelled 1\n", passed: 2, failed: 1, wrong: "failed"},
		{name: "a skip in tap", in: "ok 1 - needs a printer # SKIP\n# pass 1\n# fail 0\n# skipped 1\n", passed: 1, wrong: "skipped needs a printer"},
		{name: "a skip in spec", in: "﹣ needs a printer (0.1ms) # SKIP\nℹ pass 1\nℹ skipped 1\n", passed: 1, wrong: "skipped needs a printer"},
		{name: "a skip that only the sum shows", in: "# pass 1\n# skipped 1\n", passed: 1, wrong: "skipped a test without a name"},
		{name: "nothing", in: "", wrong: "ran no test"},
		{name: "a runner that found no file", in: "# tests 0\n# pass 0\n# fail 0\n", wrong: "ran no test"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			r := readNode(strings.NewReader(tt.in), &out)
			if r.passed != tt.passed || r.failed != tt.failed || r.wrong(nil) != tt.wrong {
				t.Errorf("%q: got %d passed, %d failed, wrong %q; want %d, %d, %q", tt.in, r.passed, r.failed, r.wrong(nil), tt.passed, tt.failed, tt.wrong)
			}
			if out.String() != tt.in {
				t.Errorf("copied %q, want %q", out.String(), tt.in)
			}
		})
	}
}

func TestTable(t *testing.T) {
	rows := []row{
		{suite: "go core", passed: 10, skipped: []string{"core.TestLong"}},
		{suite: "browser"},
	}
	allowed := readAllowed("# a comment\ncore.TestLong # needs an hour\n")
	if !ok(rows[:1], allowed) {
		t.Error("an allowed skip fails the run")
	}
	if ok(rows[:1], nil) {
		t.Error("a skip that is not allowed passes")
	}
	if ok(rows, allowed) || ok(nil, allowed) {
		t.Error("a run without tests passes")
	}
	got := table(rows, allowed)
	if want := "10 passed, 1 failed, 1 skipped\n"; !strings.HasSuffix(got, want) {
		t.Errorf("got %q, want the end %q", got, want)
	}
	if !strings.Contains(got, "ran no test") {
		t.Errorf("got %q, which does not say what is wrong", got)
	}
}
