package main

import (
	"strings"
	"testing"

	"tidings/access"
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

// What is open with --dev and not without it is said, if there are rules that seem to decide.
func TestBannerSaysWhatRulesLeaveOpen(t *testing.T) {
	const want = "subscribe: anyone, publish: anyone.\n        That is of channels that no pattern of rules.channels matches: without --dev they are nobody's"
	for _, rules := range [][]access.Rule{nil, {{Pattern: "orders/*"}}} {
		var out strings.Builder
		announce(&out, config.Settings{Dev: true, Addr: "127.0.0.1:8080", Subscribe: access.Anyone, Publish: access.Anyone, Channels: rules})
		if strings.Contains(out.String(), want) != (len(rules) > 0) {
			t.Errorf("with the rules %v the banner is\n%s", rules, out.String())
		}
	}
}
