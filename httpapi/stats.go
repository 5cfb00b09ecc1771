package httpapi

import (
	"cmp"
	"slices"
	"strings"
)

// stats is the answer to GET /api/stats. With several nodes the numbers are those of all that answered, added up.
type stats struct {
	Time          int64          `json:"time"`        // Unix milliseconds, of the node that answers
	Connections   map[string]int `json:"connections"` // with a transport now, by transport
	Parked        int            `json:"parked"`
	Channels      int            `json:"channels"`
	Subscriptions int            `json:"subscriptions"`
	Published     uint64         `json:"published"` // this and what follows, since the start
	Delivered     uint64         `json:"delivered"`
	Replayed      uint64         `json:"replayed"`
	Gaps          uint64         `json:"gaps"`
	Refused       uint64         `json:"refused"` // requests, of clients and of the API
	Bytes         uint64         `json:"bytes"`   // that were written to clients
	Fallbacks     []fallback     `json:"fallbacks"`
	Hooks         []hookStats    `json:"hooks"`
	Events        eventStats     `json:"events"`
	Limits        []limitStats   `json:"limits"`
	Pressure      int            `json:"pressure"` // on memory: 0 none, 1 no new connections, 2 no publishes either
	Broker        bool           `json:"broker"`   // it answered its last call
	everybody
}

// fallback is a transport that is not the client's first, and why.
type fallback struct {
	Transport   string `json:"transport"`
	Reason      string `json:"reason"`
	Connections int    `json:"connections"` // now
	Connects    uint64 `json:"connects"`    // since the start
}

// hookStats is how the application has answered one hook since the start.
type hookStats struct {
	Hook    string `json:"hook"`
	Allowed uint64 `json:"allowed"`
	Refused uint64 `json:"refused"`
	Failed  uint64 `json:"failed"`
}

type eventStats struct {
	Sent    uint64 `json:"sent"`
	Lost    uint64 `json:"lost"`
	Waiting int    `json:"waiting"`
}

// limitStats is one bound of one node.
type limitStats struct {
	Name string `json:"name"` // of the setting, or what is bounded
	Node string `json:"node,omitempty"`
	Used int    `json:"used"`
	Most int    `json:"most"` // 0: there is none
}

func total[K comparable](counts map[K]uint64) (sum uint64) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

// add adds the numbers of another node.
func (s *stats) add(o *stats) {
	for transport, n := range o.Connections {
		s.Connections[transport] += n
	}
	s.Parked += o.Parked
	s.Channels += o.Channels
	s.Subscriptions += o.Subscriptions
	s.Published += o.Published
	s.Delivered += o.Delivered
	s.Replayed += o.Replayed
	s.Gaps += o.Gaps
	s.Refused += o.Refused
	s.Bytes += o.Bytes
	s.Events = eventStats{s.Events.Sent + o.Events.Sent, s.Events.Lost + o.Events.Lost, s.Events.Waiting + o.Events.Waiting}
	s.Pressure, s.Broker = max(s.Pressure, o.Pressure), s.Broker && o.Broker
	s.Limits = append(s.Limits, o.Limits...)
	for _, f := range o.Fallbacks {
		i := slices.IndexFunc(s.Fallbacks, func(g fallback) bool { return g.Transport == f.Transport && g.Reason == f.Reason })
		if i < 0 {
			s.Fallbacks = append(s.Fallbacks, f)
			continue
		}
		s.Fallbacks[i].Connections += f.Connections
		s.Fallbacks[i].Connects += f.Connects
	}
	for _, h := range o.Hooks {
		i := slices.IndexFunc(s.Hooks, func(g hookStats) bool { return g.Hook == h.Hook })
		if i < 0 {
			s.Hooks = append(s.Hooks, h)
			continue
		}
		sum := &s.Hooks[i]
		sum.Allowed, sum.Refused, sum.Failed = sum.Allowed+h.Allowed, sum.Refused+h.Refused, sum.Failed+h.Failed
	}
	s.sort()
}

// sort puts the limits that are nearest first, and the rest by name.
func (s *stats) sort() {
	slices.SortStableFunc(s.Limits, func(a, b limitStats) int {
		return cmp.Or(cmp.Compare(b.share(), a.share()), strings.Compare(a.Name, b.Name), strings.Compare(a.Node, b.Node))
	})
	slices.SortFunc(s.Fallbacks, func(a, b fallback) int {
		return cmp.Or(strings.Compare(a.Transport, b.Transport), strings.Compare(a.Reason, b.Reason))
	})
	slices.SortFunc(s.Hooks, func(a, b hookStats) int { return strings.Compare(a.Hook, b.Hook) })
}

func (l limitStats) share() float64 {
	if l.Most == 0 {
		return 0
	}
	return float64(l.Used) / float64(l.Most)
}
