package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/actors"
	"tidings/internal/refusals"
	"tidings/protocol"
)

// everywhere admits a request about all of the server, for a key that may administer all channels.
func (a *API) everywhere(c *gin.Context) bool {
	if _, ok := a.asked(c, access.ActionAdmin); !ok {
		return false
	}
	if err := backendOf(c).MayEverywhere(access.ActionAdmin); err != nil {
		a.refuse(c, err)
		return false
	}
	return true
}

// onStats serves GET /api/stats: what all nodes hold now and have done since their start.
func (a *API) onStats(c *gin.Context) {
	if !a.everywhere(c) {
		return
	}
	s := a.stats()
	var err error
	if s.everybody, err = a.others(c, nil, merging(func(other stats) { s.add(&other) })); err != nil {
		a.refuse(c, err)
		return
	}
	answer(c, s)
}

func (a *API) stats() *stats {
	bus, carried := a.bus.Stats(), a.handler.Stats()
	s := &stats{
		Time: time.Now().UnixMilli(), Connections: bus.Connections, Parked: bus.Parked, Channels: bus.Channels, Subscriptions: bus.Subscriptions,
		Published: bus.Published, Delivered: bus.Delivered, Replayed: bus.Replayed, Gaps: total(bus.Gaps),
		Refused:   total(bus.Faults) + total(carried.Refused) + total(a.refused.Snapshot()),
		Fallbacks: []fallback{}, Hooks: []hookStats{}, Limits: []limitStats{}, Events: eventStats(bus.Events),
		Pressure: int(bus.Pressure), Broker: bus.Broker.Answers,
	}
	s.Bytes = carried.WebSocket.Bytes + carried.SSE.Bytes + carried.Poll.Bytes
	for _, g := range carried.Gateways {
		s.Bytes += g.Bytes
	}
	for of, n := range bus.Fallbacks {
		s.Fallbacks = append(s.Fallbacks, fallback{of.Transport, of.Code, bus.FallenBack[of], n})
	}
	for hook, n := range bus.Hooks {
		s.Hooks = append(s.Hooks, hookStats{hook, n.Allowed, n.Refused, n.Failed})
	}
	for _, l := range a.bus.Limits() {
		s.Limits = append(s.Limits, limitStats{l.Name, a.bus.Self(), l.Used, l.Most})
	}
	s.sort()
	return s
}

// refusalsPage is the answer to GET /api/refusals.
type refusalsPage struct {
	Refusals []refusal `json:"refusals"` // the last one first
	everybody
}

// refusal is what was refused, and how often. Of those that count together it has the last one's user, address and so
// on.
type refusal struct {
	Node       string        `json:"node,omitempty"`
	Where      string        `json:"where"` // a transport, "client" for a request of a connected client, or the path of a URL
	Code       protocol.Code `json:"code"`
	Reason     string        `json:"reason"`
	Hint       string        `json:"hint"`
	Channel    string        `json:"channel,omitempty"`
	User       string        `json:"user,omitempty"`
	Connection string        `json:"connection,omitempty"`
	Origin     string        `json:"origin,omitempty"`
	Address    string        `json:"address,omitempty"`
	Key        string        `json:"key,omitempty"` // of the API
	First      int64         `json:"first"`         // Unix milliseconds
	Last       int64         `json:"last"`
	Count      uint64        `json:"count"`
}

// onRefusals serves GET /api/refusals: what all nodes refused of late, and why.
func (a *API) onRefusals(c *gin.Context) {
	if !a.everywhere(c) {
		return
	}
	page := &refusalsPage{Refusals: []refusal{}}
	for _, r := range a.bus.Refusals().List() {
		page.Refusals = append(page.Refusals, refusalOf(r, a.bus.Self()))
	}
	var err error
	page.everybody, err = a.others(c, nil, merging(func(other refusalsPage) { page.Refusals = append(page.Refusals, other.Refusals...) }))
	if err != nil {
		a.refuse(c, err)
		return
	}
	slices.SortStableFunc(page.Refusals, func(a, b refusal) int { return cmp.Compare(b.Last, a.Last) })
	answer(c, page)
}

func refusalOf(r refusals.Refusal, node string) refusal {
	return refusal{
		Node: node, Where: r.Where, Code: r.Code, Reason: r.Reason, Hint: r.Hint, Channel: r.Channel, User: r.User, Connection: r.Connection,
		Origin: r.Origin, Address: r.Address, Key: r.Key, First: r.First.UnixMilli(), Last: r.Last.UnixMilli(), Count: r.Count,
	}
}

// settingsPage is the answer to GET /api/settings.
type settingsPage struct {
	Node     string    `json:"node,omitempty"` // whose they are
	Settings []Setting `json:"settings"`
}

// onSettings serves GET /api/settings: the settings of this node that are in effect, and where each comes from.
func (a *API) onSettings(c *gin.Context) {
	if !a.everywhere(c) {
		return
	}
	page := settingsPage{Node: a.bus.Self(), Settings: []Setting{}}
	if a.settings != nil {
		page.Settings = append(page.Settings, a.settings()...)
	}
	answer(c, page)
}

var explainRulesFields = []string{"channel", "token", "claims"}

type explainRules struct {
	channel protocol.Channel
	who     actors.Claimant
}

// onExplain serves POST /api/explain: what the rules allow a client in a channel, and which rule decides.
func (a *API) onExplain(c *gin.Context) {
	body, ok := a.body(c, access.Backend.MayEverywhere, access.ActionAdmin)
	if !ok {
		return
	}
	q, err := readExplainRules(body)
	var found access.Decision
	if err == nil {
		ctx, cancel := context.WithTimeout(c.Request.Context(), adminPatience)
		defer cancel()
		found, err = a.bus.Explain(ctx, q.who, q.channel)
	}
	if err != nil {
		a.refuse(c, err)
		return
	}
	answer(c, found)
}

func readExplainRules(body []byte) (*explainRules, error) {
	q := &explainRules{}
	err := protocol.ReadObject(body, func(name string, value []byte) (err error) {
		switch name {
		case "channel":
			var text string
			if text, err = protocol.ReadString(value); err == nil {
				q.channel, err = protocol.ParseChannel(text)
			}
		case "token":
			q.who.Token, err = readShort(name, value, protocol.MaxTokenBytes)
		case "claims":
			if len(value) == 0 || value[0] != '{' {
				return badRequest(`field "claims" must be an object`, `Give the claims that a token would have: {"sub": "u42", "roles": ["desk"]}.`)
			}
			q.who.Claims = bytes.Clone(value)
		default:
			err = protocol.UnknownField("field", name, explainRulesFields)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case q.channel == "":
		return nil, badRequest(`field "channel" is missing`, "Name the channel that the client would use.")
	case q.who.Token != "" && q.who.Claims != nil:
		return nil, badRequest(`both "token" and "claims" are given`, "Give one of them, or neither for an anonymous client.")
	}
	return q, nil
}
