package actors

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"tidings/access"
	"tidings/broker/memory"
	"tidings/protocol"
)

// BenchmarkConnect opens a connection and ends it: without tokens, with one that was verified before, and with one that
// was not. 1e9 divided by ns/op is how many a CPU second makes, where -cpu 1 is given.
func BenchmarkConnect(b *testing.B) {
	for _, c := range []struct {
		name   string
		cached bool
		tokens bool
		rules  int
	}{
		{"no token", false, false, 0}, {"token, cached", true, true, 0}, {"token, not cached", false, true, 0}, {"token, cached, 1000 rules", true, true, 1000},
	} {
		b.Run(c.name, func(b *testing.B) {
			mem := memory.New(memory.DefaultConfig())
			cfg := Config{Broker: mem, Logger: slog.New(slog.DiscardHandler), Rules: access.Rules{Subscribe: access.Anyone}}
			if c.tokens {
				withTokens(b, cfg.Rules)(&cfg)
			}
			for i := range c.rules {
				cfg.Rules.Channels = append(cfg.Rules.Channels, access.Rule{Pattern: fmt.Sprintf("area%d/*/**", i), Subscribe: access.User})
			}
			bus, err := Start(cfg)
			if err != nil {
				b.Fatal(err)
			}
			var tokens []string
			for i := range 20_000 { // more than are kept
				if !c.tokens || c.cached && i == 100 {
					break
				}
				tokens = append(tokens, sign(b, fmt.Sprint("u", i), time.Hour))
			}
			subscribe := []protocol.ClientFrame{{Type: protocol.TypeSubscribe, ID: 1, Channel: "area500/u1/x"}, {Type: protocol.TypeDisconnect}}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				connect := &protocol.ClientFrame{Type: protocol.TypeConnect}
				if len(tokens) > 0 {
					connect.Token = tokens[i%len(tokens)]
				}
				conn, gen, err := bus.Open(context.Background(), protocol.Peer{Transport: protocol.WebSocket}, connect, &link{})
				if err != nil {
					b.Fatal(err)
				}
				conn.Receive(gen, subscribe)
			}
			b.StopTimer()
			bus.Stop()
			mem.Close()
		})
	}
}
