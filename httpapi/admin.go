package httpapi

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/actors"
	"tidings/protocol"
)

// Bounds of a list's page.
const (
	maxPage       = 256
	defaultPage   = 100
	adminPatience = 5 * time.Second // a list, or an answer to why, takes at most
)

var (
	channelsParameters    = []string{"prefix", "limit", "after"}
	connectionsParameters = []string{"channel", "user", "limit", "after"}
)

// channelsPage is a list: after is what to ask the next page with, absent on the last one.
type channelsPage struct {
	Channels []channelInfo `json:"channels"`
	After    string        `json:"after,omitempty"`
	everybody
}

type channelInfo struct {
	Channel     string `json:"channel"`
	Subscribers int    `json:"subscribers"`
	Epoch       string `json:"epoch"`
	Offset      uint64 `json:"offset"`
	Tag         string `json:"tag"`
}

type connectionsPage struct {
	Connections []connectionInfo `json:"connections"`
	After       string           `json:"after,omitempty"`
	everybody
}

type connectionInfo struct {
	Connection    string `json:"connection"`
	User          string `json:"user,omitempty"`
	Transport     string `json:"transport"`
	Fallback      string `json:"fallback,omitempty"` // why the transport is not the client's first
	Gateway       string `json:"gateway,omitempty"`
	State         string `json:"state"`
	Since         int64  `json:"since"` // Unix milliseconds
	Subscriptions int    `json:"subscriptions"`
}

// asked checks that the key has the scope for some channel at least, and reads the query of a request for the API. It
// reports false if it was refused. Whether the key is good for the channels in question is for its caller to ask of
// backendOf(c).
func (a *API) asked(c *gin.Context, do access.Action, known ...string) (map[string]string, bool) {
	err := a.admit(c)
	if err == nil {
		err = backendOf(c).MaySomewhere(do)
	}
	var q map[string]string
	if err == nil {
		q, err = parameters(c.Request, known...)
	}
	if err != nil {
		a.refuse(c, err)
		return nil, false
	}
	return q, true
}

// onChannels serves GET /api/channels.
func (a *API) onChannels(c *gin.Context) {
	q, ok := a.asked(c, access.ActionRead, channelsParameters...)
	if !ok {
		return
	}
	page, err := a.channels(c.Request.Context(), backendOf(c), q)
	if err == nil {
		limit, _ := readLimit(q, defaultPage, maxPage)
		page.everybody, err = a.others(c, nil, merging(func(other channelsPage) { page.merge(other, limit) }))
	}
	if err != nil {
		a.refuse(c, err)
		return
	}
	answer(c, page)
}

func (a *API) channels(ctx context.Context, b access.Backend, q map[string]string) (*channelsPage, error) {
	limit, err := readLimit(q, defaultPage, maxPage)
	if err == nil {
		err = short(q, protocol.MaxChannelBytes, "prefix", "after")
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	list, more, err := a.bus.Channels(ctx, actors.Channels{
		Prefix: q["prefix"], After: protocol.Channel(q["after"]), Limit: limit,
		Only: func(ch protocol.Channel) bool { return b.Allows(access.ActionRead, ch) },
	})
	if err != nil {
		return nil, err
	}
	page := &channelsPage{Channels: []channelInfo{}}
	for _, ch := range list {
		page.Channels = append(page.Channels, channelInfo{
			Channel: ch.Name.Shown(), Subscribers: ch.Subscribers, Epoch: ch.Position.Epoch, Offset: ch.Position.Offset, Tag: ch.Position.Tag,
		})
	}
	if more {
		page.After = string(list[len(list)-1].Name)
	}
	return page, nil
}

// onConnections serves GET /api/connections.
func (a *API) onConnections(c *gin.Context) {
	q, ok := a.asked(c, access.ActionAdmin, connectionsParameters...)
	if !ok {
		return
	}
	page, err := a.connections(c.Request.Context(), backendOf(c), q)
	if err == nil {
		limit, _ := readLimit(q, defaultPage, maxPage)
		page.everybody, err = a.others(c, nil, merging(func(other connectionsPage) { page.merge(other, limit) }))
	}
	if err != nil {
		a.refuse(c, err)
		return
	}
	answer(c, page)
}

func (a *API) connections(ctx context.Context, b access.Backend, q map[string]string) (*connectionsPage, error) {
	limit, err := readLimit(q, defaultPage, maxPage)
	if err == nil {
		err = short(q, protocol.MaxNameBytes, "user", "after")
	}
	var ch protocol.Channel
	if name, ok := q["channel"]; ok && err == nil {
		ch, err = protocol.ParseChannel(name)
	}
	if err == nil {
		err = mayConnections(b, ch)
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	list, more, err := a.bus.Connections(ctx, actors.Connections{Channel: ch, User: q["user"], After: q["after"], Limit: limit})
	if err != nil {
		return nil, err
	}
	page := &connectionsPage{Connections: []connectionInfo{}}
	for _, n := range list {
		page.Connections = append(page.Connections, connectionInfo{
			Connection: n.ID, User: n.User, Transport: n.Transport, Fallback: n.Fallback, Gateway: n.Gateway.String(), State: n.State, Since: n.Since.UnixMilli(), Subscriptions: n.Subscriptions,
		})
	}
	if more {
		page.After = list[len(list)-1].ID
	}
	return page, nil
}

// mayConnections reports whether a backend may see the connections of a channel, or of all if none is named.
func mayConnections(b access.Backend, ch protocol.Channel) error {
	if ch == "" {
		return b.MayEverywhere(access.ActionAdmin)
	}
	return b.May(access.ActionAdmin, ch)
}
