// Command release makes everything that is handed out of a version, the same bytes each time from the same commit:
// archives with the binary for each system, Debian packages, images for containers, lists of what is in the binary
// (SPDX), a script that installs, and checksums.
//
//	go run ./internal/tools/release -version 0.1.0 -out release
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// targets are the systems that a release is built for.
var targets = []target{
	{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}, {"windows", "arm64"},
}

type target struct{ os, arch string }

func (t target) String() string { return t.os + "/" + t.arch }

// release is what is made.
type release struct {
	version string
	out     string    // the folder for it
	time    time.Time // of every file: that of the commit
	made    []string  // names of files in out
}

func main() {
	version := flag.String("version", "", "the version, such as 0.1.0")
	out := flag.String("out", "release", "the folder for it; it is emptied")
	only := flag.String("only", "", "the systems to build for, such as linux/amd64,linux/arm64; all if empty")
	flag.Parse()
	if err := run(*version, *out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(version, out, only string) error {
	log, err := os.ReadFile("CHANGELOG.md")
	if err != nil {
		return fmt.Errorf("run it in the repository's folder: %w", err)
	}
	if err := checkVersion(version, string(log)); err != nil {
		return err
	}
	wanted, err := chosen(only)
	if err != nil {
		return err
	}
	when, err := commitTime()
	if err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(out), os.MkdirAll(out, 0o755)); err != nil {
		return err
	}
	r := &release{version: version, out: out, time: when}
	for _, t := range wanted {
		if err := r.make(t); err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
	}
	return r.seal()
}

var versionForm = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9a-z.]+)?$`)

// checkVersion returns an error unless the version may be released: CHANGELOG.md has it with its date, or it is one
// for development, which ends with a word.
func checkVersion(version, changelog string) error {
	if !versionForm.MatchString(version) {
		return fmt.Errorf("the version %q is not of the form 1.2.3 or 1.2.3-word", version)
	}
	if strings.Contains(version, "-") {
		return nil
	}
	dated := regexp.MustCompile(`(?m)^## ` + regexp.QuoteMeta(version) + ` \(\d{4}-\d{2}-\d{2}\)$`)
	if !dated.MatchString(changelog) {
		return fmt.Errorf(`CHANGELOG.md has no heading "## %s (YYYY-MM-DD)": date it before you release it`, version)
	}
	return nil
}

// chosen returns the targets that a list names, or all of them for an empty one.
func chosen(only string) ([]target, error) {
	if only == "" {
		return targets, nil
	}
	var wanted []target
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(targets, func(t target) bool { return t.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("%q is none of %v", name, targets)
		}
		wanted = append(wanted, targets[i])
	}
	return wanted, nil
}

// commitTime returns SOURCE_DATE_EPOCH, or else the time of the last commit.
func commitTime() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		out, err := exec.Command("git", "log", "-1", "--format=%ct").Output()
		if err != nil {
			return time.Time{}, fmt.Errorf("the time of the last commit is not known, set SOURCE_DATE_EPOCH: %w", err)
		}
		text = strings.TrimSpace(string(out))
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	return time.Unix(seconds, 0).UTC(), err
}

// make builds the binary for one system, and everything that holds it.
func (r *release) make(t target) error {
	binary, err := r.build(t)
	if err != nil {
		return err
	}
	if err := r.archive(t, binary); err != nil {
		return err
	}
	if err := r.bill(t, binary); err != nil {
		return err
	}
	if t.os != "linux" {
		return nil
	}
	if err := r.debian(t, binary); err != nil {
		return err
	}
	return r.image(t, binary)
}

// build returns the binary for one system.
func (r *release) build(t target) ([]byte, error) {
	folder, err := os.MkdirTemp("", "tidings-release-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	name := filepath.Join(folder, "tidings")
	cmd := exec.Command("go", "build", "-trimpath", "-tags", "nomsgpack", "-ldflags", "-s -w -buildid= -X main.version="+r.version, "-o", name, "./cmd/tidings")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	return os.ReadFile(name)
}

// name returns the name of a file of one system, such as tidings_0.1.0_linux_amd64.tar.gz.
func (r *release) name(t target, ending string) string {
	return fmt.Sprintf("tidings_%s_%s_%s%s", r.version, t.os, t.arch, ending)
}

func (r *release) write(name string, data []byte) error {
	r.made = append(r.made, name)
	fmt.Printf("%9d  %s\n", len(data), name)
	return os.WriteFile(filepath.Join(r.out, name), data, 0o644)
}
