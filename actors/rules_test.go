package actors

import (
	"testing"

	"tidings/access"
	"tidings/protocol"
)

func TestOtherRulesCountFromNowOn(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		if err := w.bus.SetRules(access.Rules{Subscribe: "friends"}); err == nil {
			t.Error("rules that do not exist were taken")
		}
		if err := w.bus.SetRules(access.Rules{Subscribe: access.Nobody, Publish: access.Nobody}); err != nil {
			t.Fatal(err)
		}
		for _, f := range []protocol.ClientFrame{
			{Type: protocol.TypeSubscribe, Channel: "other"}, {Type: protocol.TypeHistory, Channel: "news"}, {Type: protocol.TypePublish, Channel: "news", Data: []byte("1")},
		} {
			if got, _ := c.ask(f); got.Code != protocol.CodeForbidden {
				t.Errorf("%s: got %+v", f.Type, got)
			}
		}
		w.publish("news", "1")
		if got := data(c.next(), "news"); len(got) != 1 {
			t.Errorf("the subscription that was allowed got %q", got)
		}
		if err := w.bus.SetRules(access.DefaultRules()); err != nil {
			t.Fatal(err)
		}
		c.subscribe("other", nil)
	})
}
