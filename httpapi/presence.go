package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/core"
	"tidings/protocol"
)

var presenceParameters = []string{"channel", "limit", "after"}

// onPresence serves GET /api/presence: how many are in a channel, and who, a page at a time.
func (a *API) onPresence(c *gin.Context) {
	q, ok := a.asked(c, access.ActionRead, presenceParameters...)
	if !ok {
		return
	}
	ch, err := protocol.ParseChannel(q["channel"])
	if err == nil {
		err = backendOf(c).May(access.ActionRead, ch)
	}
	var page core.MembersPage
	if err == nil {
		page, err = a.members(c.Request.Context(), ch, q)
	}
	if err != nil {
		a.refuse(c, err)
		return
	}
	writeJSON(c.Writer, http.StatusOK, appendPresence(nil, page))
}

func (a *API) members(ctx context.Context, ch protocol.Channel, q map[string]string) (core.MembersPage, error) {
	limit, err := readLimit(q, protocol.MaxPresenceMembers, protocol.MaxPresenceMembers)
	if err != nil {
		return core.MembersPage{}, err
	}
	after, err := readMember(q)
	if err != nil {
		return core.MembersPage{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	return a.bus.Presence(ctx, ch, after, limit)
}

// readMember reads the parameter after: "user:" or "connection:", and the name.
func readMember(q map[string]string) (protocol.Member, error) {
	text, ok := q["after"]
	if !ok {
		return protocol.Member{}, nil
	}
	kind, name, _ := strings.Cut(text, ":")
	switch {
	case name == "" || len(name) > protocol.MaxNameBytes:
	case kind == "user":
		return protocol.Member{User: name}, nil
	case kind == "connection":
		return protocol.Member{Connection: name}, nil
	}
	return protocol.Member{}, badRequest(`parameter "after" must be "user:" or "connection:" and a name`, "Give it as the page before did.")
}

func appendPresence(dst []byte, page core.MembersPage) []byte {
	dst = append(dst, `{"members":`...)
	dst = protocol.AppendMembers(dst, page.Members)
	dst = append(dst, `,"count":`...)
	dst = strconv.AppendInt(dst, int64(page.Count), 10)
	if page.More {
		after, _ := json.Marshal(memberText(page.Members[len(page.Members)-1])) // a string can always be written
		dst = append(append(dst, `,"after":`...), after...)
	}
	return append(dst, '}')
}

func memberText(m protocol.Member) string {
	if m.User != "" {
		return "user:" + m.User
	}
	return "connection:" + m.Connection
}
