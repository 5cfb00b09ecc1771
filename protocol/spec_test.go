package protocol

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// SPEC.md is normative: what its tables say is what the constants say.

func readSpec(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// specTable gives the rows, cell by cell, of the first table with this header after the line that starts with after.
func specTable(t *testing.T, after, header string) [][]string {
	t.Helper()
	_, text, ok := strings.Cut(readSpec(t), "\n"+after)
	if ok {
		_, text, ok = strings.Cut(text, "\n"+header+"\n")
	}
	if !ok {
		t.Fatalf("SPEC.md has no table %q after %q", header, after)
	}
	var rows [][]string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			break
		}
		if strings.HasPrefix(line, "|---") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	if len(rows) == 0 {
		t.Fatalf("SPEC.md's table %q is empty", header)
	}
	return rows
}

var quoted = regexp.MustCompile("`([a-zA-Z]+)(\\??)`")

// specFields reads "`id`, `since?`" as must and may.
func specFields(cell string) (must, may []string) {
	for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
		if m[2] == "?" {
			may = append(may, m[1])
		} else {
			must = append(must, m[1])
		}
	}
	return must, may
}

func namesOf(fs []field) (names []string) {
	for _, f := range fs {
		names = append(names, f.String())
	}
	slices.Sort(names)
	return names
}

func compareShapes(t *testing.T, rows [][]string, shapes map[string]*shape) {
	t.Helper()
	if len(rows) != len(shapes) {
		t.Errorf("SPEC.md has %d types of frame, the codec %d", len(rows), len(shapes))
	}
	for _, row := range rows {
		name := strings.Trim(row[0], "`")
		sh := shapes[name]
		if sh == nil {
			t.Errorf("the codec does not know %q", name)
			continue
		}
		must, may := specFields(row[1])
		slices.Sort(must)
		slices.Sort(may)
		if strings.Contains(row[1], "what the request asked for") {
			may = namesOf(sh.may)
		}
		if got := namesOf(sh.must); !slices.Equal(got, must) {
			t.Errorf("%s must have %v, SPEC.md says %v", name, got, must)
		}
		if got := namesOf(sh.may); !slices.Equal(got, may) {
			t.Errorf("%s may have %v, SPEC.md says %v", name, got, may)
		}
	}
}

func TestSpecClientFrames(t *testing.T) {
	rows := specTable(t, "### Client to server", "| type | fields | answered by |")
	compareShapes(t, rows, clientShapes)
	for _, row := range rows { // what a reply has is in the right column
		_, body, ok := strings.Cut(row[2], "reply {")
		if !ok {
			continue
		}
		body, _, _ = strings.Cut(body, "}")
		for name := range strings.SplitSeq(body, ", ") {
			if !serverShapes[TypeReply].has(fieldIndex[name]) {
				t.Errorf("%s is answered with %q, which a reply cannot have", row[0], name)
			}
		}
	}
}

func TestSpecFallbacks(t *testing.T) {
	var spec []string
	for _, row := range specTable(t, "## 5. Negotiation", "| fallback | meaning |") {
		spec = append(spec, strings.Trim(row[0], "`"))
	}
	if got := []string{FallbackRefused, FallbackUnproven, FallbackUnstable, FallbackRemembered, FallbackChosen}; !slices.Equal(got, spec) {
		t.Errorf("the constants are %v, SPEC.md says %v", got, spec)
	}
}

func TestSpecServerFrames(t *testing.T) {
	rows := specTable(t, "### Server to client", "| type | fields | counted |")
	compareShapes(t, rows, serverShapes)
	for _, row := range rows {
		if name := strings.Trim(row[0], "`"); Counted(name) != (row[2] == "yes") {
			t.Errorf("Counted(%q) is %v, SPEC.md says %s", name, Counted(name), row[2])
		}
	}
}

func TestSpecCodes(t *testing.T) {
	rows, want := specTable(t, "## 8. Codes", "| code | close | HTTP | retry | meaning |"), Codes()
	if len(rows) != len(want) {
		t.Errorf("SPEC.md has %d codes, the package %d", len(rows), len(want))
	}
	for i, row := range rows[:min(len(rows), len(want))] {
		r := want[i]
		retry := map[bool]string{true: "yes", false: "no"}[r.Retry]
		if got := []string{"`" + string(r.Code) + "`", strconv.Itoa(r.Close), strconv.Itoa(r.HTTP), retry}; !slices.Equal(got, row[:4]) {
			t.Errorf("row %d: the package has %v, SPEC.md %v", i, got, row[:4])
		}
		if row[4] == "" {
			t.Errorf("%s has no meaning", row[0])
		}
	}
}

func TestSpecLimits(t *testing.T) {
	constants := map[string]int{
		"MaxMessageBytes": MaxMessageBytes, "MaxPayloadBytes": MaxPayloadBytes, "MaxFrames": MaxFrames, "MaxDepth": MaxDepth, "MaxTokens": MaxTokens,
		"MaxChannelBytes": MaxChannelBytes, "MaxURLChannels": MaxURLChannels, "MaxURLFilterBytes": MaxURLFilterBytes, "MaxCursorBytes": MaxCursorBytes, "MaxSubscriptions": MaxSubscriptions,
		"MaxIdempotencyKeyBytes": MaxIdempotencyKeyBytes, "MaxEventBytes": MaxEventBytes, "MaxSpreadMS": MaxSpreadMS, "MaxTabBytes": MaxTabBytes, "MaxPatternChannels": MaxPatternChannels, "MaxSendUsers": MaxSendUsers, "MaxTokenBytes": MaxTokenBytes, "MaxConnectionIDBytes": MaxConnectionIDBytes, "MaxHistoryLimit": MaxHistoryLimit,
		"MaxOutboxFrames": MaxOutboxFrames, "MaxOutboxBytes": MaxOutboxBytes, "MaxUnackedFrames": MaxUnackedFrames, "MaxUnackedBytes": MaxUnackedBytes,
		"RecentIDs": RecentIDs, "RecoveryPageFrames": RecoveryPageFrames, "RecoveryPageBytes": RecoveryPageBytes, "MaxAPIBodyBytes": MaxAPIBodyBytes,
		"MaxPublishChannels": MaxPublishChannels, "MaxBatchItems": MaxBatchItems, "MaxErrors": MaxErrors,
		"MaxPresenceMembers": MaxPresenceMembers, "MaxPresenceChanges": MaxPresenceChanges,
		"MaxMetaBytes": MaxMetaBytes, "MaxChangedPaths": MaxChangedPaths, "MaxChangedBytes": MaxChangedBytes,
		"MaxReplyMessages": MaxReplyMessages, "MaxReplyBytes": MaxReplyBytes, "MaxReplies": MaxReplies, "MaxReplayBurst": MaxReplayBurst, "MaxReplayRate": MaxReplayRate,
		// Not in the table: section 3 states them in its text (see TestSpecText), MaxNameBytes nowhere.
		"MaxEpochBytes": MaxEpochBytes, "MaxTagBytes": MaxTagBytes, "MaxNameBytes": MaxNameBytes, "MaxInteger": MaxInteger,
	}
	inText := []string{"MaxEpochBytes", "MaxTagBytes", "MaxNameBytes", "MaxInteger"}
	rows := specTable(t, "## 9. Limits", "| limit | constant | default | why |")
	seen := map[string]bool{}
	for _, row := range rows {
		name := strings.Trim(row[1], "`")
		if want, ok := constants[name]; !ok || strconv.Itoa(want) != row[2] {
			t.Errorf("%s is %d, SPEC.md says %s", name, want, row[2])
		}
		if len(row) != 4 || len(row[3]) < 10 {
			t.Errorf("SPEC.md does not say why %s is %s", row[1], row[2])
		}
		seen[name] = true
	}
	source, err := os.ReadFile("limits.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\t(\w+) +=.*`).FindAllStringSubmatch(string(source), -1) {
		if _, ok := constants[m[1]]; !ok && !strings.Contains(m[0], "time.") {
			t.Errorf("limits.go has %s, which this test does not know", m[1])
		}
		if !seen[m[1]] && !strings.Contains(m[0], "time.") && !slices.Contains(inText, m[1]) {
			t.Errorf("limits.go has %s, SPEC.md section 9 does not", m[1])
		}
	}
}

func TestSpecText(t *testing.T) {
	spec := strings.Join(strings.Fields(readSpec(t)), " ")
	for _, say := range []string{
		fmt.Sprintf("at most %d bytes of `A-Z a-z 0-9 _ -`; it contains", MaxEpochBytes), fmt.Sprintf("`tag` is at most %d bytes", MaxTagBytes),
		"integers from 0 to 2^53-1", fmt.Sprintf("are 1 to %d bytes of", MaxChannelBytes), fmt.Sprintf("at most %d deep, at most 10,000 tokens", MaxDepth),
		fmt.Sprintf("`?channel=` may be given 1 to %d times", MaxURLChannels), "at most 1,024 frames and 256 KiB", "last 1,024 message ids", "pages of 256 messages or 256 KiB",
		fmt.Sprintf("`connect`, within %.0f s", ConnectDeadline.Seconds()), fmt.Sprintf("is parked for %.0f s by default", DefaultPark.Seconds()),
		fmt.Sprintf("for `heartbeat` ms (%.0f s", DefaultHeartbeat.Seconds()), fmt.Sprintf("came within %.0f s after", PongDeadline.Seconds()),
		fmt.Sprintf("at the latest after %.0f s", DefaultPollHold.Seconds()), fmt.Sprintf("waits up to %.0f s for its predecessor", SequenceHold.Seconds()),
		fmt.Sprintf("more than %d errors in %.0f s", MaxErrors, ErrorWindow.Seconds()),
	} {
		if !strings.Contains(spec, say) {
			t.Errorf("SPEC.md does not say %q", say)
		}
	}
}

func TestSpecGapReasons(t *testing.T) {
	var got []string
	for _, row := range specTable(t, "**Gap reasons.**", "| reason | meaning |") {
		got = append(got, strings.Trim(row[0], "`"))
	}
	want := []GapReason{GapHistoryExpired, GapEpochChanged, GapPositionUnknown, GapFeedLost, GapRulesChanged, GapUnrecovered}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("SPEC.md has %v, the package %v", got, want)
	}
}

var example = regexp.MustCompile("(?s)```json\n(.*?)\n```")

func TestSpecExamples(t *testing.T) {
	found := example.FindAllStringSubmatch(readSpec(t), -1)
	if len(found) == 0 {
		t.Fatal("SPEC.md has no example")
	}
	for _, m := range found {
		if err := decodesAsSomething(t, []byte(m[1])); err != nil {
			t.Errorf("%s: %v", m[1], err)
		}
	}
}

func decodesAsSomething(t *testing.T, text []byte) error {
	if strings.Contains(string(text), `"transports"`) {
		a, err := DecodeAnnounce(text)
		if want := DefaultAnnounce(); err == nil && !reflect.DeepEqual(*a, want) {
			t.Errorf("the document announces %+v, the defaults are %+v", *a, want)
		}
		return err
	}
	if _, err := DecodeClientFrames(text); err == nil {
		return nil
	}
	frames, err := DecodeServerFrames(text)
	for _, f := range frames {
		if serverShapes[f.Type] == nil {
			return fmt.Errorf("unknown type %q", f.Type)
		}
	}
	return err
}
