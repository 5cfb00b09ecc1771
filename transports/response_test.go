package transports

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What one answer was is nowhere in the next one of the same memory.
func TestAReleasedAnswerHoldsNothing(t *testing.T) {
	w := newRawResponse(&restingConn{})
	w.held = true
	w.Header().Set("X-Own", "a")
	w.WriteHeader(http.StatusTeapot)
	w.Write([]byte("secret"))
	w.bytes([]byte("X-Head: b\r\n"))
	w.empty()
	if len(w.header) > 0 || w.conn != nil || w.held || w.status != 0 || len(w.body) > 0 || len(w.out) > 0 {
		t.Errorf("emptied, and still there: %+v", w)
	}
	w.Write([]byte("{}"))
	lines := strings.Split(string(w.bytes(nil)), "\r\n")
	if want := []string{"HTTP/1.1 200 OK", lines[1], "Content-Length: 2", "", "{}"}; !reflect.DeepEqual(lines, want) || !strings.HasPrefix(lines[1], "Date: ") {
		t.Errorf("got %q, want %q", lines, want)
	}
}

// An answer of more than keepBytes leaves no such memory behind.
func TestAReleasedAnswerIsSmall(t *testing.T) {
	w := newRawResponse(nil)
	w.Write(make([]byte, keepBytes+1))
	w.bytes(nil)
	w.empty()
	if cap(w.body)+cap(w.out) > keepBytes {
		t.Errorf("%d and %d bytes are kept, want at most %d", cap(w.body), cap(w.out), keepBytes)
	}
}

// The date is that of the second in which an answer is written.
func TestTheDateOfAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, wait := range []time.Duration{0, time.Millisecond, 998 * time.Millisecond, time.Millisecond, 3 * time.Second, 24 * time.Hour} {
			time.Sleep(wait)
			if got, want := date(), time.Now().UTC().Format(http.TimeFormat); got != want {
				t.Errorf("%v later: got %q, want %q", wait, got, want)
			}
		}
	})
}

// A header that is added to one answer is in no other one, though their first values are the same memory.
func TestVaryByOrigin(t *testing.T) {
	first, second := httptest.NewRecorder().Header(), httptest.NewRecorder().Header()
	VaryByOrigin(first)
	first.Add("Vary", "Cookie")
	VaryByOrigin(second)
	second.Add("Vary", "Accept")
	for _, tt := range []struct {
		header http.Header
		want   []string
	}{{first, []string{"Origin", "Cookie"}}, {second, []string{"Origin", "Accept"}}} {
		if got := tt.header["Vary"]; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
	if third := (http.Header{"Vary": {"Accept"}}); true {
		VaryByOrigin(third)
		if got, want := third["Vary"], []string{"Accept", "Origin"}; !reflect.DeepEqual(got, want) {
			t.Errorf("behind another one: got %q, want %q", got, want)
		}
	}
}

func TestTheHeadOfAPollThatWaits(t *testing.T) {
	for _, tt := range []struct {
		header http.Header
		want   string
	}{
		{http.Header{}, ""},
		{http.Header{"Vary": {"Origin"}}, "Vary: Origin\r\n"},
		{http.Header{"Vary": {"Accept"}}, "Vary: Accept\r\n"},
		{http.Header{"Vary": {"Origin", "Accept"}}, "Vary: Origin\r\nVary: Accept\r\n"},
		{http.Header{"X-A": {"b\r\nX-C: d"}}, "X-A: b  X-C: d\r\n"},
	} {
		if got := string(headOf(tt.header)); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.header, got, tt.want)
		}
	}
	if got := string(headOf(http.Header{"Vary": {"Origin"}, "X-A": {"b"}})); !strings.Contains(got, "Vary: Origin\r\n") || !strings.Contains(got, "X-A: b\r\n") {
		t.Errorf("got %q, want both lines", got)
	}
}
