package actors

import (
	"slices"
	"testing"
)

func TestAMessageReachesItsSubscribers(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		a, b := w.connect(), w.connect()
		a.subscribe("news", nil)
		b.subscribe("other", nil)
		w.publish("news", `{"n":1}`)
		w.publish("news", `"two"`)
		if got := data(a.next(), "news"); !slices.Equal(got, []string{`{"n":1}`, `"two"`}) {
			t.Errorf("subscriber got %q", got)
		}
		if got := b.next(); len(got) != 0 {
			t.Errorf("another channel's subscriber got %v", got)
		}
	})
}
