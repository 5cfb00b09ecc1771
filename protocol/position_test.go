package protocol

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

type positionVector struct {
	Name, In string
	Position *Position
	Code     Code
}

func TestParsePosition(t *testing.T) {
	for _, v := range readVectors[positionVector](t, "positions.json") {
		t.Run(v.Name, func(t *testing.T) {
			p, err := ParsePosition(v.In)
			if got := codeOf(err); got != v.Code {
				t.Fatalf("%q: got %q, want %q", v.In, got, v.Code)
			}
			if err == nil && (p != *v.Position || p.String() != v.In || p.IsZero()) {
				t.Fatalf("%q: got %+v, which writes %q", v.In, p, p)
			}
		})
	}
}

type cursorVector struct {
	Name, In  string
	Channels  int
	Positions []*Position
	Code      Code
}

func TestParseCursor(t *testing.T) {
	for _, v := range readVectors[cursorVector](t, "cursors.json") {
		t.Run(v.Name, func(t *testing.T) {
			ps, err := ParseCursor(v.In, v.Channels)
			if got := codeOf(err); got != v.Code {
				t.Fatalf("%q: got %q, want %q", v.In, got, v.Code)
			}
			if err != nil {
				return
			}
			var want []Position
			for _, p := range v.Positions {
				if p == nil {
					p = new(Position)
				}
				want = append(want, *p)
			}
			if !slices.Equal(ps, want) || string(AppendCursor(nil, ps)) != v.In {
				t.Fatalf("%q: got %+v", v.In, ps)
			}
		})
	}
}

func TestCursorsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ps := rapid.SliceOfN(rapid.OneOf(anyPosition(), rapid.Just(Position{})), 1, MaxURLChannels).Draw(t, "positions")
		text := string(AppendCursor(nil, ps))
		got, err := ParseCursor(text, len(ps))
		if err != nil || !slices.Equal(got, ps) {
			t.Fatalf("%q: got %v, %v", text, got, err)
		}
	})
}

// The longest positions, 32 of them, must fit into a cursor: the node takes back what it gives out.
func TestCursorOfAllChannelsFits(t *testing.T) {
	p := Position{Epoch: strings.Repeat("e", MaxEpochBytes), Offset: MaxInteger, Tag: strings.Repeat("t", MaxTagBytes)}
	if n := len(AppendCursor(nil, slices.Repeat([]Position{p}, MaxURLChannels))); n > MaxCursorBytes {
		t.Fatalf("a cursor of %d channels has %d bytes, more than MaxCursorBytes", MaxURLChannels, n)
	}
}
