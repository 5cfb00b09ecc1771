package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"tidings/actors"
	"tidings/internal/forward"
	"tidings/protocol"
	"tidings/transports"
)

// othersPatience is how long the other nodes have to answer.
const othersPatience = 2 * time.Second

// everybody is what stands in an answer that several nodes were asked for. It is empty if there is one node alone.
type everybody struct {
	Nodes      int      `json:"nodes,omitempty"`      // that there are, this one included
	Unanswered []string `json:"unanswered,omitempty"` // ids of those of which nothing is in the answer
	unsure     bool     // the table of nodes has not been read yet
}

// exact reports whether the answer is that of all nodes.
func (e everybody) exact() bool { return len(e.Unanswered) == 0 && !e.unsure }

// forUs reports whether another node handed the request to this one, which then answers for itself alone. It fails if
// the request is for a node that is not this one.
func (a *API) forUs(r *http.Request) (bool, error) {
	meant := r.Header[forward.Header]
	if len(meant) == 0 {
		return false, nil
	}
	if len(meant) > 1 || meant[0] != a.bus.Self() {
		return false, errNotThisNode
	}
	return true, nil
}

var errNotThisNode = &protocol.Error{Code: protocol.CodeNotFound, Reason: "the request is for a node that is not here any more", Hint: "Leave the header Tidings-Node out: it is between nodes alone."}

// others asks every other node the same, and calls each with what those answered that succeeded, in the order of their
// ids. Who has the request handed to it asks nobody.
func (a *API) others(c *gin.Context, body []byte, each func(answer []byte) error) (everybody, error) {
	handed, err := a.forUs(c.Request)
	if err != nil || handed || a.bus.Self() == "" {
		return everybody{}, err
	}
	list := a.bus.Others()
	answers := make([]*forward.Answer, len(list))
	ctx, cancel := context.WithTimeout(c.Request.Context(), othersPatience)
	defer cancel()
	var all sync.WaitGroup
	for i, n := range list {
		if n.URL == "" || a.forward == nil {
			continue
		}
		all.Go(func() {
			answers[i], _ = a.forward.Ask(ctx, forward.Node{ID: n.ID, URL: n.URL}, c.Request, body, a.proxies.clientText(c.Request))
		})
	}
	all.Wait()
	found := everybody{Nodes: 1 + len(list), unsure: len(a.bus.Nodes()) == 0}
	for i, n := range list {
		if answers[i] != nil && answers[i].Status == http.StatusOK && each(answers[i].Body) == nil {
			continue
		}
		if answers[i] != nil && answers[i].Status == http.StatusNotFound { // it has nobody whom the request is about
			continue
		}
		found.Unanswered = append(found.Unanswered, n.ID)
	}
	return found, nil
}

// withOthers is others for a request that failed here with err, or nil, and succeeds if there is somebody anywhere.
func (a *API) withOthers(c *gin.Context, body []byte, err error, each func([]byte) error, sum *int) (everybody, error) {
	if fault := protocol.AsError(err); err != nil && fault.Code != protocol.CodeNotFound {
		return everybody{}, err
	}
	found, failed := a.others(c, body, each)
	switch {
	case failed != nil:
		return found, failed
	case *sum > 0:
		return found, nil
	}
	return found, err
}

// addUp is an each for others that adds up one field of the answers.
func addUp[T any](sum *int, field func(T) int) func([]byte) error {
	return func(answer []byte) error {
		var one T
		if err := json.Unmarshal(answer, &one); err != nil {
			return err
		}
		*sum += field(one)
		return nil
	}
}

// merging is an each for others that adds a page to another one.
func merging[T any](merge func(T)) func([]byte) error {
	return func(answer []byte) error {
		var page T
		err := json.Unmarshal(answer, &page)
		if err == nil {
			merge(page)
		}
		return err
	}
}

// handOn answers a request about one connection that is on another node with what that node answers, and reports
// whether it did. A node that cannot be reached is one that is gone.
func (a *API) handOn(c *gin.Context, connection string, body []byte) bool {
	handed, err := a.forUs(c.Request)
	if err == nil && (handed || a.forward == nil) {
		return false
	}
	var to actors.Neighbour
	if err == nil {
		var elsewhere bool
		if to, elsewhere = a.bus.Elsewhere(connection); !elsewhere {
			return false
		}
		ctx, cancel := context.WithTimeout(c.Request.Context(), adminPatience)
		defer cancel()
		var got *forward.Answer
		if got, err = a.forward.Ask(ctx, forward.Node{ID: to.ID, URL: to.URL}, c.Request, body, a.proxies.clientText(c.Request)); err == nil {
			transports.VaryByOrigin(c.Writer.Header())
			transports.WriteJSON(c.Writer, got.Status, got.Body)
			return true
		}
		err = handedError(err)
	}
	a.refuse(c, err)
	return true
}

func handedError(err error) *protocol.Error {
	switch {
	case errors.Is(err, forward.ErrUnreachable):
		return &protocol.Error{Code: protocol.CodeNotFound, Reason: "the node of this connection cannot be reached", Hint: "It may have ended: its clients connect anew, under other ids. GET /api/cluster shows the nodes."}
	case errors.Is(err, forward.ErrFull):
		return &protocol.Error{Code: protocol.CodeOverloaded, Reason: "too many requests are being handed to other nodes", Hint: "Try again in a moment. cluster.max_forwarded is how many there may be."}
	}
	return &protocol.Error{Code: protocol.CodeTimeout, Reason: "the node of this connection did not answer", Hint: "Ask again; it may or may not have happened."}
}

// merge adds the connections of another node's page, by their ids, and cuts the page where it is full.
func (p *connectionsPage) merge(other connectionsPage, limit int) {
	p.Connections = append(p.Connections, other.Connections...)
	slices.SortFunc(p.Connections, func(a, b connectionInfo) int { return strings.Compare(a.Connection, b.Connection) })
	if more := len(p.Connections) > limit; more || p.After != "" || other.After != "" {
		p.Connections = p.Connections[:min(limit, len(p.Connections))]
		p.After = p.Connections[len(p.Connections)-1].Connection
	}
}

// merge adds the channels of another node's page, by name, with the subscribers added up.
func (p *channelsPage) merge(other channelsPage, limit int) {
	for _, ch := range other.Channels {
		if i := slices.IndexFunc(p.Channels, func(o channelInfo) bool { return o.Channel == ch.Channel }); i >= 0 {
			p.Channels[i].Subscribers += ch.Subscribers
			continue
		}
		p.Channels = append(p.Channels, ch)
	}
	slices.SortFunc(p.Channels, func(a, b channelInfo) int { return strings.Compare(a.Channel, b.Channel) })
	if more := len(p.Channels) > limit; more || p.After != "" || other.After != "" {
		p.Channels = p.Channels[:min(limit, len(p.Channels))]
		p.After = afterChannel(p.Channels[len(p.Channels)-1].Channel)
	}
}

// afterChannel is what to ask the next page with after a channel that is shown. The names of reply channels are shown
// without their last part, which consists of characters below the tilde.
func afterChannel(shown string) string {
	if strings.HasPrefix(shown, "$") {
		return shown + ".~"
	}
	return shown
}
