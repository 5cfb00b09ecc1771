package protocol

// Gateway is what a client came through that speaks the protocol of another system. Zero is none: the client speaks
// ours.
type Gateway uint8

// The gateways.
const (
	NoGateway Gateway = iota
	GatewayPrimus
	GatewayKuzzle
	GatewaySocketIO
	GatewayPakyow
	gateways
)

var gatewayNames = [gateways]string{"", "primus", "kuzzle", "socketio", "pakyow"}

// String returns the gateway's name in settings, metrics and the log. It is "" for NoGateway.
func (g Gateway) String() string {
	if g >= gateways {
		return "unknown"
	}
	return gatewayNames[g]
}
