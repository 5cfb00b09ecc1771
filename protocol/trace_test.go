package protocol

import (
	"strings"
	"testing"
)

const someTrace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestValidTrace(t *testing.T) {
	for in, want := range map[string]bool{
		someTrace: true,
		"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00": true,
		"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01": false,
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01": false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01": false,
		strings.ToUpper(someTrace):                                false,
		someTrace + "-x":                                          false,
		someTrace[:54]:                                            false,
		someTrace[:54] + `"`:                                      false,
		"":                                                        false,
		strings.Repeat("-", 55):                                   false,
	} {
		if ValidTrace(in) != want {
			t.Errorf("%q: want %v", in, want)
		}
	}
	if TraceID(someTrace) != "4bf92f3577b34da6a3ce929d0e0e4736" || TraceID("") != "" {
		t.Error("another id")
	}
}

// A message without a trace costs no byte for it, and one with it is encoded once for all.
func TestTraceOfAMessage(t *testing.T) {
	m := &Message{Channel: "a", Offset: 1, Tag: "t", ID: "i", Data: []byte("1")}
	plain := string(m.Encoded().JSON)
	if strings.Contains(plain, "trace") {
		t.Errorf("got %s", plain)
	}
	traced := &Message{Channel: "a", Offset: 1, Tag: "t", ID: "i", Data: []byte("1"), Trace: someTrace}
	first := traced.Encoded()
	if got := string(first.JSON); !strings.Contains(got, `,"trace":"`+someTrace+`",`) || traced.Encoded() != first {
		t.Errorf("got %s", got)
	}
}
