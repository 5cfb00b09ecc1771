package httpapi

import (
	"context"
	"testing"

	"tidings/actors"
	"tidings/internal/memnet"
	"tidings/protocol"
	"tidings/transports/transporttest"
)

// TestConformance runs the transports' suite on the real thing: API, actors and broker over a network in memory, in
// virtual time.
func TestConformance(t *testing.T) { transporttest.Run(t, startTarget) }

// Each limit of a transport holds at the limit and is refused one above, on each transport.
func TestLimitsOfEachTransport(t *testing.T) { transporttest.RunLimits(t, startTarget) }

func startTarget(t *testing.T) transporttest.Target {
	w := start(t)
	network := memnet.Listen()
	server := w.api.Server("")
	go server.Serve(network)
	t.Cleanup(func() { server.Close() })
	return transporttest.Target{
		URL:  "http://tidings.test/bus",
		Dial: network.Dial,
		Publish: func(channel, data string) {
			if _, err := w.bus.Publish(context.Background(), actors.Publish{Channel: protocol.Channel(channel), Data: []byte(data)}); err != nil {
				t.Errorf("publish: %v", err)
			}
		},
	}
}
