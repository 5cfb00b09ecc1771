package access

import (
	"testing"

	"tidings/protocol"
)

// Nothing but what was given out reads or writes a reply channel.
func FuzzReplies(f *testing.F) {
	r := NewReplies([]byte("a secret of these tests, of more than 32 bytes"))
	issued := r.Issue(ann, 60_000_000_000, noon)
	f.Add(issued.To, issued.Signature)
	f.Add(issued.To, "")
	f.Add("", issued.Signature)
	f.Add("zzzzzz.a.b", "c")
	f.Fuzz(func(t *testing.T, to, signature string) {
		genuine := to == issued.To && signature == issued.Signature
		if ch, err := r.MayPublish(to, signature, noon); (err == nil) != genuine || genuine && ch != issued.Channel {
			t.Fatalf("publish with %q, %q: %q, %v", to, signature, ch, err)
		}
		if ch := protocol.ReplyChannel(to, signature); ch != issued.Channel && r.MayRead(ann, ch, noon) == nil {
			t.Fatalf("%q may be read", ch)
		}
	})
}
