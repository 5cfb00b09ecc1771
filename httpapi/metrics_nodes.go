package httpapi

import (
	"tidings/broker"
	"tidings/internal/forward"
)

// readNodes reads the table of nodes. A node that is alone counts itself.
func readNodes(r *reading, put report) {
	nodes := r.api.bus.Nodes()
	if len(nodes) == 0 {
		nodes = []broker.Node{{Draining: r.api.bus.Serving() != nil}}
	}
	draining := 0
	for _, n := range nodes {
		if n.Draining {
			draining++
		}
	}
	put(float64(len(nodes)-draining), "up")
	put(float64(draining), "draining")
}

func readForwarding(r *reading) int { return r.forwarded().Running }

func readForwarded(r *reading, put report) {
	counts := r.forwarded()
	put(float64(counts.Handed), "answered")
	put(float64(counts.Unreachable), "unreachable")
	put(float64(counts.Broken), "broken")
	put(float64(counts.Full), "refused")
}

// forwarded counts what this node hands to others: nothing, if there can be none.
func (r *reading) forwarded() forward.Counts {
	if r.api.forward == nil {
		return forward.Counts{}
	}
	return r.api.forward.Counts()
}
