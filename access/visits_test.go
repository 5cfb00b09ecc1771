package access

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestVisits(t *testing.T) {
	const mine, other = "0123456789abcdef", "fedcba9876543210"
	now := time.Unix(1_800_000_000, 0)
	secret := []byte(strings.Repeat("s", MinSecretBytes))
	v := NewVisits(secret)
	text, ends := v.Begin(mine, now)
	if ends.Sub(now) != VisitLength || strings.Contains(text, mine) {
		t.Fatalf("%q ends after %v", text, ends.Sub(now))
	}
	end, signature, _ := strings.Cut(text, ".")
	later := strconv.FormatInt(ends.Unix()+1, 36)
	for _, tt := range []struct {
		name, text string
		visits     Visits
		keys       []string
		at         time.Duration
		want       string
	}{
		{name: "at once", text: text, visits: v, keys: []string{"ops " + mine}, want: "name:ops"},
		{name: "of another node with the secret", text: text, visits: NewVisits(secret), keys: []string{"ops " + mine}, want: "name:ops"},
		{name: "among several keys", text: text, visits: v, keys: []string{"a " + other, "ops " + mine}, want: "name:ops"},
		{name: "in its last second", text: text, visits: v, keys: []string{"ops " + mine}, at: VisitLength - time.Second, want: "name:ops"},
		{name: "after 8 h", text: text, visits: v, keys: []string{"ops " + mine}, at: VisitLength},
		{name: "the key was removed", text: text, visits: v, keys: []string{"a " + other}},
		{name: "another key of the same name", text: text, visits: v, keys: []string{"ops " + other}},
		{name: "no keys", text: text, visits: v},
		{name: "another secret", text: text, visits: NewVisits(nil), keys: []string{"ops " + mine}},
		{name: "a later end", text: later + "." + signature, visits: v, keys: []string{"ops " + mine}},
		{name: "a signature that is cut", text: text[:len(text)-1], visits: v, keys: []string{"ops " + mine}},
		{name: "no signature", text: end, visits: v, keys: []string{"ops " + mine}},
		{name: "nothing", text: "", visits: v, keys: []string{"ops " + mine}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			keys, err := NewKeys(tt.keys...)
			if err != nil {
				t.Fatal(err)
			}
			b, _, ok := tt.visits.Find(tt.text, keys, now.Add(tt.at))
			if b.Principal() != tt.want || ok != (tt.want != "") {
				t.Errorf("%q: got %q, %v, want %q", tt.text, b.Principal(), ok, tt.want)
			}
		})
	}
}
