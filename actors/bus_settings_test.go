package actors

import (
	"context"
	"errors"
	"testing"

	"tidings/protocol"
)

// F34: what is refused, and what is not.
func TestF34_PressureRefusesNewThenPublishes(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		publish := func() error {
			_, err := w.bus.Publish(context.Background(), Publish{Channel: "news", Data: []byte("1")})
			return err
		}
		for _, tt := range []struct {
			pressure          Pressure
			connects, publish bool
		}{{Easy, true, true}, {Tight, false, true}, {Full, false, false}, {Easy, true, true}} {
			w.bus.SetPressure(tt.pressure)
			_, err := w.open(protocol.Peer{Transport: protocol.WebSocket}, &protocol.ClientFrame{Type: protocol.TypeConnect})
			if (err == nil) != tt.connects || err != nil && !errors.Is(err, &protocol.Error{Code: protocol.CodeOverloaded}) {
				t.Errorf("pressure %d: connect: %v", tt.pressure, err)
			}
			if err := publish(); (err == nil) != tt.publish || err != nil && !errors.Is(err, &protocol.Error{Code: protocol.CodeOverloaded}) {
				t.Errorf("pressure %d: publish: %v", tt.pressure, err)
			}
			c.cut()
			if c = c.resume(); !c.resumed {
				t.Errorf("pressure %d: who was connected could not resume", tt.pressure)
			}
		}
	})
}
