package transports

import (
	"testing"

	"tidings/protocol"
	"tidings/transports/transporttest"
)

// TestConformance runs the suite that every transport passes over the fakeBus.
func TestConformance(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Target {
		r := inMemory(t, nil)
		return transporttest.Target{URL: r.url, Dial: r.dial, Publish: func(channel, data string) { r.bus.publish(protocol.Channel(channel), data) }}
	})
}
