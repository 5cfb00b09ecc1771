package main

import (
	"testing"

	"tidings/internal/config"
)

func TestGatewayLine(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   config.Settings
		want string
	}{
		{"none", config.Settings{Addr: ":8080"}, ""},
		{"one that is off", config.Settings{Addr: ":8080", GatewayKuzzle: config.Off, GatewayPrimus: config.On}, "  gateways  Primus http://127.0.0.1:8080/primus\n"},
		{"below a base path, over TLS", config.Settings{Addr: "[::1]:443", BasePath: "/t", TLSCert: "c", GatewayKuzzle: config.On, GatewayPrimus: config.On}, "  gateways  Kuzzle wss://[::1]:443/, Primus https://[::1]:443/t/primus\n"},
	} {
		if got := gatewayLine(tt.in); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
