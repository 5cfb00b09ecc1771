package httpapi

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/actors"
	"tidings/protocol"
)

// severalPatience is how long a publish to several channels, or a batch, may wait in all; those after that are not
// tried.
const severalPatience = 30 * time.Second

// several answers a publish to several channels, or a batch, in their order.
type several struct {
	Route   int      `json:"route,omitempty"` // that decided, counted from 1
	Results []result `json:"results"`
	everybody
}

// matched is what a node that is asked by another one answers to a publish to a pattern: which channels it names there.
type matched struct {
	Channels []protocol.Channel `json:"channels"`
}

// result is what came of one of them. If the request does not name the channels, each result does.
type result struct {
	Channel string `json:"channel,omitempty"`
	*published
	Error *failure `json:"error,omitempty"`
}

type failure struct {
	Code    protocol.Code `json:"code"`
	Message string        `json:"message"`
	Hint    string        `json:"hint"`
	Retry   bool          `json:"retry"`
}

// publishSeveral serves a publish to a list, to a pattern, or to where routes lead. Each channel has its result: one
// that fails does not undo the others.
func (a *API) publishSeveral(c *gin.Context, p *publishRequest, body []byte) {
	b, names, done := backendOf(c), p.channels, several{}
	if !p.several {
		if p.pattern != nil {
			if handed, err := a.forUs(c.Request); err != nil || handed {
				a.answerMatched(c, p, err)
				return
			}
		}
		routed, err := a.targets(c, p, body, &done.everybody)
		if err != nil {
			a.refuse(c, err)
			return
		}
		done.Route = routed.Route
		for _, ch := range routed.Channels {
			names = append(names, string(ch))
		}
	}
	done.Results = a.each(c.Request.Context(), len(names), func(ctx context.Context, i int) (*published, error) {
		return a.publish(ctx, b, p, names[i])
	})
	if !p.several {
		for i := range done.Results {
			done.Results[i].Channel = names[i]
		}
	}
	answer(c, done)
}

// each carries out n publishes in their order, and returns their results. After one that the broker failed the rest is
// not tried: it would wait for as long.
func (a *API) each(ctx context.Context, n int, publish func(ctx context.Context, i int) (*published, error)) []result {
	ctx, cancel := context.WithTimeout(ctx, severalPatience)
	defer cancel()
	results := make([]result, n)
	down := false
	for i := range results {
		var err error = errNotTried
		if !down {
			results[i].published, err = publish(ctx, i)
		}
		if err != nil {
			fault := a.asError(err)
			a.refused.Add(fault.Code, 1)
			results[i].Error = &failure{fault.Code, fault.Reason, fault.Hint, fault.Code.Row().Retry}
			down = down || brokerFailed(fault.Code) || ctx.Err() != nil
		}
	}
	return results
}

// answerMatched answers another node, which publishes.
func (a *API) answerMatched(c *gin.Context, p *publishRequest, err error) {
	var done matched
	if err == nil {
		done.Channels, err = a.match(backendOf(c), p)
	}
	if err != nil {
		a.refuse(c, err)
		return
	}
	answer(c, done)
}

// match finds the channels of a pattern on this node, but for those that the key is not good for.
func (a *API) match(b access.Backend, p *publishRequest) ([]protocol.Channel, error) {
	return a.bus.Match(*p.pattern, func(ch protocol.Channel) bool { return b.Allows(access.ActionPublish, ch) })
}

// matchEverywhere finds those of all nodes.
func (a *API) matchEverywhere(c *gin.Context, p *publishRequest, body []byte, asked *everybody) ([]protocol.Channel, error) {
	all, err := a.match(backendOf(c), p)
	if err != nil {
		return nil, err
	}
	*asked, err = a.others(c, body, merging(func(other matched) { all = append(all, other.Channels...) }))
	slices.Sort(all)
	if all = slices.Compact(all); err == nil && len(all) > protocol.MaxPatternChannels {
		err = actors.TooManyChannels(len(all))
	}
	return all, err
}

// targets finds the channels of a publish that names none: the same for a repetition with its key. What the key is not
// good for a pattern passes by.
func (a *API) targets(c *gin.Context, p *publishRequest, body []byte, asked *everybody) (access.Routed, error) {
	b := backendOf(c)
	if p.pattern == nil {
		if !a.bus.Routes() {
			return access.Routed{}, badRequest(`there is neither "channel" nor "channels" nor "pattern", and the server has no routes`, "Name a channel, or set routing in the server's configuration.")
		}
		return a.bus.Once(b.Principal(), p.key, "event "+p.event+"\n"+string(p.data), func() (access.Routed, error) { return a.bus.Route(p.event, p.data) })
	}
	return a.bus.Once(b.Principal(), p.key, "pattern "+p.asked, func() (access.Routed, error) {
		channels, err := a.matchEverywhere(c, p, body, asked)
		return access.Routed{Channels: channels}, err
	})
}

func (p *publishRequest) readPattern(value []byte) error {
	text, err := protocol.ReadString(value)
	g, fault := access.ParseGlob(text)
	if err != nil || fault != nil || !strings.Contains(text, "*") {
		return badRequest(`field "pattern" is no pattern of channels`, patternHint)
	}
	p.pattern, p.asked = &g, text
	return nil
}

const patternHint = `Give a channel's name in which * stands for any run of characters without a slash, and /** at the end for all that follow: chat:*, orders/**.`

// readExclude reads {"connection", "tab"}: one of them at least.
func readExclude(value []byte) (x protocol.Exclude, err error) {
	err = protocol.ReadObject(value, func(name string, value []byte) (err error) {
		switch name {
		case "connection":
			x.Connection, err = readShort(name, value, protocol.MaxNameBytes)
		case "tab":
			x.Tab, err = readShort(name, value, protocol.MaxTabBytes)
		default:
			err = protocol.UnknownField("field", name, excludeFields)
		}
		return err
	})
	if err == nil && x == (protocol.Exclude{}) {
		err = badRequest(`field "exclude" names nobody`, `Give "connection", as the client's connected frame names it, or "tab", or leave it out.`)
	}
	return x, err
}

var excludeFields = []string{"connection", "tab"}

var errNotTried = &protocol.Error{Code: protocol.CodeBrokerUnavailable, Reason: "not tried: one before it failed at the broker", Hint: "Send it again in a moment."}

// brokerFailed reports whether the next item would wait for as long, and fail too.
func brokerFailed(code protocol.Code) bool {
	return code == protocol.CodeTimeout || code == protocol.CodeBrokerUnavailable || code == protocol.CodeShuttingDown
}
