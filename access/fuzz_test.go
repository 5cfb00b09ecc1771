package access

import (
	"strings"
	"testing"
	"time"

	"tidings/protocol"
)

// Whatever is put in the place of a part of a publish URL, or of a name, it is not taken any more.
func FuzzReplies(f *testing.F) {
	r := NewReplies([]byte("a secret of these tests, of more than 32 bytes"))
	f.Add(uint8(0), uint8(6), "zzzzzz")
	f.Add(uint8(29), uint8(1), "")
	f.Add(uint8(60), uint8(0), "A")
	f.Add(uint8(0), uint8(255), " ")
	f.Fuzz(func(t *testing.T, at, length uint8, with string) {
		issued := r.Issue(ann, time.Minute, noon)
		to, signature, both := strings.Cut(altered(issued.To+" "+issued.Signature, at, length, with), " ")
		if _, err := r.MayPublish(to, signature, noon); err == nil && (!both || to != issued.To || signature != issued.Signature) {
			t.Fatalf("publish with %q, %q, of %q, %q", to, signature, issued.To, issued.Signature)
		}
		ch := protocol.Channel(altered(string(issued.Channel), at, length, with))
		if err := r.MayRead(ann, ch, noon); err == nil && ch != issued.Channel {
			t.Fatalf("%q may be read, of %q", ch, issued.Channel)
		}
	})
}

// altered is s with other text in the place of some bytes.
func altered(s string, at, length uint8, with string) string {
	from := min(int(at), len(s))
	return s[:from] + with + s[min(from+int(length), len(s)):]
}
