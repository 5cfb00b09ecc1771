package redisbroker

import (
	"testing"

	"tidings/broker"
	"tidings/protocol"
)

// What comes from Redis may be cut, or of another program: it is left out, and nothing breaks.
func TestTextThatIsNoMessage(t *testing.T) {
	t.Parallel()
	record := string(broker.AppendRecord(nil, &protocol.Message{ID: "01JF0000000000000000000000", Data: []byte(`"x"`)}))
	entry := "tagtag" + "\x01\x92\x00\x00\x00\x05" + "\x00\x00\x00\x00\x01\x00\x02" + record
	live := "m" + "0123456789" + "nonce6" + "\x00\x00\x00\x00\x00\x01\x01" + "before" + " " + entry
	got, ok := readLive("a", live)
	if !ok {
		t.Fatalf("%q is not read", live)
	}
	m := got.(*protocol.Message)
	if m.Offset != 257 || m.Prev != 256 || m.PrevTag != "before" || m.Tag != "tagtag" || m.Epoch != "0123456789nonce6" || m.TimeMS != 0x019200000005 || string(m.Data) != `"x"` {
		t.Errorf("read %+v", m)
	}
	if e, err := readEntry(entry); err != nil || e.before != 65538 {
		t.Errorf("read %+v, %v, want 65538 bytes before it", e, err)
	}
	for n := range len(live) - len(record) {
		if got, ok := readLive("a", live[:n]); ok {
			t.Errorf("%q was read as %+v", live[:n], got)
		}
	}
	for _, text := range []string{"", ".", "!", "+", "+nonce6tagtag", "+nonce6tagtag1", "+nonce6tagtag1 x", "+nonce6tagtagx 1"} {
		if r, err := readReceipt(text, "0123456789", false); err == nil {
			t.Errorf("%q was read as %+v", text, r)
		}
	}
}
