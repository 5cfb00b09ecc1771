package main

import (
	"fmt"
	"io"
	"net"
	"strings"

	"tidings/gateways/pakyow"
	"tidings/internal/config"
)

// announce prints where the server is and, in development, what stands open.
func announce(out io.Writer, s config.Settings) {
	base := baseURL(s)
	if !s.Dev {
		fmt.Fprintf(out, "tidings %s listens on %s\n", version, s.Addr)
		return
	}
	fmt.Fprintf(out, `
  tidings %s, FOR DEVELOPMENT: do not put this on a network.
  Open: /api and /metrics without a key from this machine; pages of localhost on any port;
        subscribe: %s, publish: %s.
%s
  start     %s/
  demo      %s/demo/
  filters   %s/demo/filters/
  taxis     %s/demo/taxis/
  docs      %s/docs/
  client    import { createMessageBus } from "%s/client/tidings.js"
  listen    curl -N '%s/bus/sse?channel=hello'
  publish   curl -H 'Content-Type: application/json' -d '{"channel": "hello", "data": {"n": 1}}' %s/api/publish
%s
`, version, s.Subscribe, s.Publish, rulesLine(s), base, base, base, base, base, base, base, base, gatewayLine(s))
	if !onLoopback(s.Addr) {
		fmt.Fprintf(out, "  WARNING: %s is reached from other machines; what they may do is above, but for /api and /metrics.\n\n", s.Addr)
	}
}

// rulesLine returns a line that says what is otherwise without --dev about channels that no rule names, or "".
func rulesLine(s config.Settings) string {
	if len(s.Channels) == 0 {
		return ""
	}
	return "        That is of channels that no pattern of rules.channels matches: without --dev they are nobody's, unless\n" +
		"        rules.subscribe and rules.publish say otherwise.\n"
}

// gatewayLine returns a line with the gateways that are on and where their clients connect, or "". Those of Kuzzle and
// Pakyow are at the root, whatever the base path is.
func gatewayLine(s config.Settings) string {
	base := baseURL(s)
	root := "ws" + strings.TrimSuffix(strings.TrimPrefix(base, "http"), s.BasePath) + "/"
	var on []string
	if s.GatewayKuzzle == config.On {
		on = append(on, "Kuzzle "+root)
	}
	if s.GatewayPakyow == config.On {
		on = append(on, "Pakyow "+root+"?"+pakyow.Parameter+"=")
	}
	if s.GatewayPrimus == config.On {
		on = append(on, "Primus "+base+primusPath)
	}
	if s.GatewaySocketIO == config.On {
		on = append(on, "Socket.IO "+base+socketIOPath+"/")
	}
	if len(on) == 0 {
		return ""
	}
	return "  gateways  " + strings.Join(on, ", ") + "\n"
}

// baseURL is where the server is reached from this machine.
func baseURL(s config.Settings) string {
	scheme := "http://"
	if len(s.ACMEHosts) > 0 {
		return "https://" + s.ACMEHosts[0] + s.BasePath
	}
	if s.TLSCert != "" {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return scheme + s.Addr + s.BasePath
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + net.JoinHostPort(host, port) + s.BasePath
}

func onLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
