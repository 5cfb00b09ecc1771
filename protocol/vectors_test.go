package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The files in testdata are read by the TypeScript tests too: a change here is a change there.

func readVectors[T any](t testing.TB, file string) []T {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var list []T
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if len(list) == 0 {
		t.Fatalf("%s is empty", file)
	}
	return list
}

func codeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return "not a *protocol.Error"
	}
	return ""
}

type frameVector struct {
	Name, Direction, Wire string
	OK                    bool
	Code                  Code
	Frame                 json.RawMessage
}

func TestFrameVectors(t *testing.T) {
	for _, v := range readVectors[frameVector](t, "frames.json") {
		t.Run(v.Direction+"/"+v.Name, func(t *testing.T) {
			again, err := recode(v.Direction, []byte(v.Wire))
			if got := codeOf(err); got != v.Code {
				t.Fatalf("%s\ngot code %q (%v), want %q", v.Wire, got, err, v.Code)
			}
			if v.OK != (v.Code == "") || v.OK != (v.Frame != nil) {
				t.Fatal("the vector contradicts itself")
			}
			if v.OK && !sameJSON(t, again, v.Frame) {
				t.Fatalf("%s\ngot  %s\nwant %s", v.Wire, again, v.Frame)
			}
			if v.OK {
				twice, err := recode(v.Direction, again)
				if err != nil || !bytes.Equal(twice, again) {
					t.Fatalf("not stable: %s then %s (%v)", again, twice, err)
				}
			}
		})
	}
}

// recode decodes and encodes again.
func recode(direction string, wire []byte) ([]byte, error) {
	if direction == "client" {
		frames, err := DecodeClientFrames(wire)
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(wire, []byte("[")) {
			return appendClientArray(nil, frames), nil
		}
		return AppendClientFrames(nil, frames), nil
	}
	frames, err := DecodeServerFrames(wire)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(wire, []byte("[")) {
		if m := frames[0].Msg; m != nil && m.Epoch != "" {
			return AppendHistoryMessage(nil, m), nil
		}
		return AppendServerFrame(nil, &frames[0]), nil
	}
	var list []*Encoded
	for i := range frames {
		list = append(list, Encode(&frames[i]))
	}
	b := AppendPollAnswer(nil, list, "0")
	return bytes.TrimSuffix(bytes.TrimPrefix(b, []byte(`{"frames":`)), []byte(`,"cursor":0}`)), nil
}

// sameJSON compares two texts: objects and arrays of the envelope member by member, in any order, data as it was
// written but for white space and for how its strings are escaped.
func sameJSON(t *testing.T, a, b []byte) bool {
	var as, bs []json.RawMessage
	if json.Unmarshal(a, &as) == nil && json.Unmarshal(b, &bs) == nil && as != nil && bs != nil {
		return slices.EqualFunc(as, bs, func(a, b json.RawMessage) bool { return sameJSON(t, a, b) })
	}
	var am, bm map[string]json.RawMessage
	if json.Unmarshal(a, &am) != nil || json.Unmarshal(b, &bm) != nil || am == nil {
		return bytes.Equal(canonical(t, a), canonical(t, b))
	}
	for k, v := range am {
		w, ok := bm[k]
		if !ok || k == "data" && !bytes.Equal(canonical(t, v), canonical(t, w)) || k != "data" && !sameJSON(t, v, w) {
			return false
		}
	}
	return len(am) == len(bm)
}

// canonical gives v without white space and with its strings written as appendString does.
func canonical(t *testing.T, v []byte) (out []byte) {
	t.Helper()
	v, err := CompactJSON(v)
	if err != nil {
		t.Fatalf("%s: %v", v, err)
	}
	s := scanner{b: v, tokens: noTokenCap, mode: opaque}
	for s.i < len(v) {
		if v[s.i] != '"' {
			out = append(out, v[s.i])
			s.i++
			continue
		}
		inner, _, _ := s.text()
		out = appendString(out, string(unescape(inner)))
	}
	return out
}

// The vectors are of use to the TypeScript side only if they have every type of frame, and data of every kind.
func TestFrameVectorsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range readVectors[frameVector](t, "frames.json") {
		var one struct{ Type string }
		if v.OK && json.Unmarshal(v.Frame, &one) == nil {
			seen[v.Direction+" "+one.Type] = true
		}
	}
	for name := range clientShapes {
		if !seen["client "+name] {
			t.Errorf("no vector of the client frame %q", name)
		}
	}
	for name := range serverShapes {
		if !seen["server "+name] {
			t.Errorf("no vector of the server frame %q", name)
		}
	}
}

type codeVector struct {
	Code  Code
	Close int
	HTTP  int
	Retry bool
}

func TestCodeVectors(t *testing.T) {
	list, want := readVectors[codeVector](t, "codes.json"), Codes()
	if len(list) != len(want) {
		t.Fatalf("codes.json has %d codes, want %d", len(list), len(want))
	}
	for i, v := range list {
		if CodeRow(v) != want[i] {
			t.Errorf("codes.json row %d is %+v, want %+v", i, v, want[i])
		}
	}
}
