package httpapi

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/broker"
	"tidings/internal/forward"
)

// clusterAnswer is the answer to GET /api/cluster.
type clusterAnswer struct {
	Node      string        `json:"node,omitempty"` // that answers; absent if it is the only one there can be
	Broker    clusterBroker `json:"broker"`
	Nodes     []clusterNode `json:"nodes"`               // by their ids, this one included
	Differing []string      `json:"differing,omitempty"` // settings that are not the same on all nodes
}

type clusterBroker struct {
	OK        bool    `json:"ok"`
	RoundTrip float64 `json:"roundTrip"` // milliseconds of one question to the broker
}

// clusterNode is one node, as it reported itself.
type clusterNode struct {
	ID          string             `json:"id"`
	URL         string             `json:"url,omitempty"`
	Version     string             `json:"version,omitempty"`
	Since       int64              `json:"since"` // Unix milliseconds
	Draining    bool               `json:"draining"`
	Connections clusterConnections `json:"connections"`
	Parked      int                `json:"parked"`
	Channels    int                `json:"channels"`
	Lag         int                `json:"lag"`       // milliseconds from the broker to the node
	Reachable   bool               `json:"reachable"` // from the node that answers
	Settings    map[string]string  `json:"settings,omitempty"`
}

type clusterConnections struct {
	WebSocket int `json:"websocket"`
	SSE       int `json:"sse"`
	Poll      int `json:"poll"`
}

// reachPatience is how long another node has to show that it can be reached.
const reachPatience = time.Second

// onCluster serves GET /api/cluster: the nodes, and how they stand.
func (a *API) onCluster(c *gin.Context) {
	if _, ok := a.asked(c, access.ActionAdmin); !ok {
		return
	}
	if err := backendOf(c).MayEverywhere(access.ActionAdmin); err != nil { // URLs of nodes are nobody else's business
		a.refuse(c, err)
		return
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), readyTimeout)
	defer cancel()
	found := &clusterAnswer{Node: a.bus.Self(), Nodes: []clusterNode{}}
	took, err := a.bus.BrokerAnswers(ctx)
	found.Broker = clusterBroker{OK: err == nil, RoundTrip: float64(took.Microseconds()) / 1000}
	nodes := a.bus.Nodes()
	for _, n := range nodes {
		found.Nodes = append(found.Nodes, clusterNode{
			ID: n.ID, URL: n.URL, Version: n.Version, Since: n.Since, Draining: n.Draining, Parked: n.Parked, Channels: n.Channels, Lag: n.LagMS,
			Connections: clusterConnections{n.WebSocket, n.SSE, n.Poll}, Settings: n.Settings,
		})
	}
	a.reach(ctx, found.Nodes, c.Request.Host)
	found.Differing = differing(nodes)
	answer(c, found)
}

// reach finds out which nodes this one can reach.
func (a *API) reach(ctx context.Context, nodes []clusterNode, host string) {
	ctx, cancel := context.WithTimeout(ctx, reachPatience)
	defer cancel()
	var all sync.WaitGroup
	for i := range nodes {
		switch n := &nodes[i]; {
		case n.ID == a.bus.Self():
			n.Reachable = true
		case n.URL != "" && a.forward != nil:
			all.Go(func() {
				n.Reachable = a.forward.Reaches(ctx, forward.Node{ID: n.ID, URL: n.URL}, a.base+"/healthz", host)
			})
		}
	}
	all.Wait()
}

// differing returns the names of the settings that are not the same on all nodes.
func differing(nodes []broker.Node) (names []string) {
	for _, n := range nodes {
		for name, digest := range n.Settings {
			if !slices.Contains(names, name) && slices.ContainsFunc(nodes, func(o broker.Node) bool { return o.Settings[name] != digest }) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}
