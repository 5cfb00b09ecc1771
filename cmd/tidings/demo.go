package main

import (
	"context"
	"io/fs"
	"net/http"

	"tidings/actors"
	"tidings/examples/dashboard"
	"tidings/protocol"
)

// demo is the page at /demo/.
func demo() fs.FS { return dashboard.Dist }

// demoBackend is what the page asks beside the bus: a backend as anybody has one. Only with --dev.
func demoBackend(bus *actors.Bus) http.Handler {
	return dashboard.Backend(dashboard.Bus{
		Publish: func(channel string, data []byte) {
			bus.Publish(context.Background(), actors.Publish{Channel: protocol.Channel(channel), Data: data, Principal: "demo"})
		},
		Reply: func(to, signature, event string, data []byte) error {
			_, err := bus.Reply(context.Background(), actors.Reply{To: to, Signature: signature, Event: event, Data: data})
			return err
		},
	})
}
