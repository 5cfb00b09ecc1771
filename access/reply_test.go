package access

import (
	"strings"
	"testing"
	"time"

	"tidings/protocol"
)

var (
	noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	ann  = Identity{User: "ann"}
)

func TestReplyIsReadByItsOwnerUntilItsEnd(t *testing.T) {
	r := NewReplies([]byte(strings.Repeat("s", MinSecretBytes)))
	reply := r.Issue(ann, time.Minute, noon.Add(time.Millisecond))
	if want := noon.Add(time.Minute + time.Second); !reply.Expires.Equal(want) {
		t.Errorf("it ends at %v, want the minute, rounded up to %v", reply.Expires, want)
	}
	if _, err := protocol.ParseReadable(string(reply.Channel)); err != nil {
		t.Fatalf("%s is no name: %v", reply.Channel, err)
	}
	other := r.Issue(ann, time.Minute, noon)
	if other.Channel == reply.Channel || other.To == reply.To {
		t.Fatal("two reply channels are the same")
	}
	to, proof, _ := reply.Channel.ReplyParts()
	_, foreign, _ := other.Channel.ReplyParts()
	later := strings.Replace(to, to[:3], "zzz", 1)
	for _, c := range []struct {
		name string
		id   Identity
		ch   protocol.Channel
		at   time.Time
		want protocol.Code
	}{
		{name: "its owner", id: ann, ch: reply.Channel, at: noon},
		{name: "in the last moment", id: ann, ch: reply.Channel, at: reply.Expires.Add(-1)},
		{name: "at its end", id: ann, ch: reply.Channel, at: reply.Expires, want: protocol.CodeChannelExpired},
		{name: "another user, who knows the name", id: Identity{User: "bob"}, ch: reply.Channel, at: noon, want: protocol.CodeForbidden},
		{name: "nobody in particular", ch: reply.Channel, at: noon, want: protocol.CodeForbidden},
		{name: "without a proof", id: ann, ch: protocol.ReplyChannel(to, ""), at: noon, want: protocol.CodeForbidden},
		{name: "a prefix of the proof", id: ann, ch: protocol.ReplyChannel(to, proof[:21]), at: noon, want: protocol.CodeForbidden},
		{name: "the proof of another", id: ann, ch: protocol.ReplyChannel(to, foreign), at: noon, want: protocol.CodeForbidden},
		{name: "the signature of its own publish URL", id: ann, ch: protocol.ReplyChannel(to, reply.Signature), at: noon, want: protocol.CodeForbidden},
		{name: "made to last longer", id: ann, ch: protocol.ReplyChannel(later, proof), at: noon, want: protocol.CodeForbidden},
		{name: "made to last longer, after its end", id: ann, ch: protocol.ReplyChannel(later, proof), at: noon.Add(time.Hour), want: protocol.CodeForbidden},
		{name: "no reply channel at all", id: ann, ch: "news", at: noon, want: protocol.CodeForbidden},
		{name: "empty", id: ann, at: noon, want: protocol.CodeForbidden},
	} {
		t.Run(c.name, func(t *testing.T) { wantCode(t, r.MayRead(c.id, c.ch, c.at), c.want) })
	}
}

func TestReplyIsWrittenWithItsURLUntilItsEnd(t *testing.T) {
	r := NewReplies([]byte(strings.Repeat("s", MinSecretBytes)))
	reply, other := r.Issue(ann, time.Minute, noon), r.Issue(Identity{}, time.Minute, noon)
	_, proof, _ := reply.Channel.ReplyParts()
	if strings.Contains(reply.To+reply.Signature, proof) {
		t.Fatal("the publish URL gives the name away")
	}
	for _, c := range []struct {
		name, to, signature string
		at                  time.Time
		want                protocol.Code
	}{
		{name: "as given", to: reply.To, signature: reply.Signature, at: noon},
		{name: "at its end", to: reply.To, signature: reply.Signature, at: reply.Expires, want: protocol.CodeChannelExpired},
		{name: "signature of another", to: reply.To, signature: other.Signature, at: noon, want: protocol.CodeForbidden},
		{name: "channel of another", to: other.To, signature: reply.Signature, at: noon, want: protocol.CodeForbidden},
		{name: "empty signature", to: reply.To, at: noon, want: protocol.CodeForbidden},
		{name: "a byte less", to: reply.To, signature: reply.Signature[1:], at: noon, want: protocol.CodeForbidden},
		{name: "a byte more", to: reply.To, signature: reply.Signature + "A", at: noon, want: protocol.CodeForbidden},
		{name: "made to last longer", to: "zzz" + reply.To[3:], signature: reply.Signature, at: noon, want: protocol.CodeForbidden},
		{name: "the proof in place of the signature", to: reply.To, signature: proof, at: noon, want: protocol.CodeForbidden},
		{name: "nothing", at: noon, want: protocol.CodeForbidden},
	} {
		t.Run(c.name, func(t *testing.T) {
			ch, err := r.MayPublish(c.to, c.signature, c.at)
			wantCode(t, err, c.want)
			if err == nil && ch != reply.Channel || err != nil && ch != "" {
				t.Errorf("it stands for %q", ch)
			}
		})
	}
}

// B113, B114: one bit anywhere makes a URL and a name worthless.
func TestB113_B114_AlteredRepliesAreRefused(t *testing.T) {
	r := NewReplies(nil)
	reply := r.Issue(ann, time.Minute, noon)
	for i := range len(reply.To) {
		if _, err := r.MayPublish(flip(reply.To, i), reply.Signature, noon); err == nil {
			t.Errorf("byte %d of %s may be another", i, reply.To)
		}
	}
	for i := range len(reply.Signature) {
		if _, err := r.MayPublish(reply.To, flip(reply.Signature, i), noon); err == nil {
			t.Errorf("byte %d of %s may be another", i, reply.Signature)
		}
	}
	for i := range len(reply.Channel) {
		if err := r.MayRead(ann, protocol.Channel(flip(string(reply.Channel), i)), noon); err == nil {
			t.Errorf("byte %d of %s may be another", i, reply.Channel)
		}
	}
}

func flip(s string, i int) string {
	b := []byte(s)
	b[i] ^= 1
	return string(b)
}

// All nodes of one secret know what one of them gave out; another secret, and one that was drawn anew, end it.
func TestSecretsOfReplies(t *testing.T) {
	secret := []byte(strings.Repeat("s", MinSecretBytes))
	reply := NewReplies(secret).Issue(ann, time.Minute, noon)
	for _, c := range []struct {
		name    string
		replies Replies
		want    protocol.Code
	}{
		{name: "another node", replies: NewReplies(secret)},
		{name: "another secret", replies: NewReplies([]byte(strings.Repeat("t", MinSecretBytes))), want: protocol.CodeForbidden},
		{name: "one drawn at the start", replies: NewReplies(nil), want: protocol.CodeForbidden},
		{name: "another one drawn", replies: NewReplies(nil), want: protocol.CodeForbidden},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantCode(t, c.replies.MayRead(ann, reply.Channel, noon), c.want)
			_, err := c.replies.MayPublish(reply.To, reply.Signature, noon)
			wantCode(t, err, c.want)
		})
	}
}

func wantCode(t *testing.T, err *protocol.Error, want protocol.Code) {
	t.Helper()
	if err == nil && want != "" || err != nil && (err.Code != want || err.Reason == "" || err.Hint == "") {
		t.Fatalf("got %v, want %q", err, want)
	}
}
