package core

import (
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"tidings/protocol"
)

func TestIDIsAULID(t *testing.T) {
	now := time.UnixMilli(1_795_000_000_123)
	id := string(AppendID(nil, now, 0x0123456789abcdef, 0xffff_ffff_ffff_beef))
	u, err := ulid.ParseStrict(id)
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	if u.Time() != uint64(now.UnixMilli()) {
		t.Errorf("%s carries time %d, want %d", id, u.Time(), now.UnixMilli())
	}
	if got, want := [10]byte(u.Entropy()), [10]byte{0xbe, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}; got != want {
		t.Errorf("%s carries the bits %x, want %x", id, got, want)
	}
}

func TestKeyedIDKeepsItsPartsApart(t *testing.T) {
	seen := map[string]string{}
	for _, parts := range [][3]string{
		{"desk", "c", "k"}, {"desk", "ck", ""}, {"des", "kc", "k"}, {"", "deskc", "k"}, {"desk", "c", "k2"},
		{strings.Repeat("p", 600), "c", "k"}, {strings.Repeat("p", 600) + "c", "", "k"},
	} {
		id := KeyedID(parts[0], protocol.Channel(parts[1]), parts[2])
		if other, ok := seen[id]; ok {
			t.Errorf("%q and %s have the same id %s", parts, other, id)
		}
		seen[id] = strings.Join(parts[:], ",")
		if again := KeyedID(parts[0], protocol.Channel(parts[1]), parts[2]); again != id || len(id) != 26 {
			t.Errorf("%q: %s and %s, want 26 characters, twice the same", parts, id, again)
		}
	}
}

func TestTagsAndEpochsAreWords(t *testing.T) {
	if got := string(AppendTag(nil, 0)); got != "AAAAAA" {
		t.Errorf("tag of 0 is %q", got)
	}
	if got := string(AppendTag(nil, 1<<36-1)); got != "______" {
		t.Errorf("tag of 2^36-1 is %q", got)
	}
	if got := string(AppendWord(nil, 1<<6|2, 8)); got != "AAAAAABC" {
		t.Errorf("word of 66 is %q", got)
	}
}
