package hooks

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tidings/access"
	"tidings/actors"
	"tidings/protocol"
)

// MethodRoute is the method of a call that is carried on to a route of the application: {method, path, input?},
// answered with {status, body}.
const MethodRoute = "route"

// CallerHeader names the client that a route is called for: the base64url of {connection, user?, roles?, permissions?}.
const CallerHeader = "Tidings-Caller"

var routeMethods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// readRoutes reads "METHOD /path" of each.
func readRoutes(list []string) (map[string]*access.Index[string], error) {
	if len(list) > maxRoutes {
		return nil, fmt.Errorf("Routes: at most %d", maxRoutes)
	}
	out := map[string]*access.Index[string]{}
	for _, text := range list {
		method, path, _ := strings.Cut(text, " ")
		if !slices.Contains(routeMethods, method) || !strings.HasPrefix(path, "/") {
			return nil, fmt.Errorf("Routes: %q must be a method of %v and a path, such as \"POST /visits/*\"", text, routeMethods)
		}
		pattern, err := access.ParsePattern(path[1:])
		if err != nil {
			return nil, fmt.Errorf("Routes: %q: %w", text, err)
		}
		if names := pattern.Placeholders(); len(names) > 0 {
			return nil, fmt.Errorf("Routes: %q: {%s} has no effect: write * in its place", text, names[0])
		}
		if out[method] == nil {
			out[method] = &access.Index[string]{}
		}
		if err := out[method].Add(pattern, path); err != nil {
			return nil, fmt.Errorf("Routes: %q: %w", text, err)
		}
	}
	return out, nil
}

// routeCall is what a client sends.
type routeCall struct {
	method, path string
	input        []byte
}

func readRouteCall(data []byte) (r routeCall, err error) {
	r.method = http.MethodGet
	err = protocol.ReadObject(data, func(name string, value []byte) (err error) {
		switch name {
		case "method":
			r.method, err = protocol.ReadString(value)
			r.method = strings.ToUpper(r.method)
		case "path":
			r.path, err = protocol.ReadString(value)
		case "input":
			r.input = bytes.Clone(value)
		default:
			err = &protocol.Error{Code: protocol.CodeUnknownField, Reason: "data has a field that does not exist", Hint: `There are "method", "path" and "input".`}
		}
		return err
	})
	return r, err
}

// route carries a call on to a route that is allowed.
func (c *Client) route(ctx context.Context, by actors.Caller, call actors.Call) ([]byte, error) {
	r, err := readRouteCall(call.Data)
	if err != nil {
		return nil, err
	}
	if !c.allows(r) {
		return nil, &protocol.Error{Code: protocol.CodeForbidden, Reason: "this route is not offered to clients", Hint: "The server's hooks.routes lists those that are; the path starts with a slash and has no query."}
	}
	out := request{
		method: r.method, url: strings.TrimSuffix(c.cfg.RoutesURL, "/") + r.path, id: idOf(MethodRoute, by, call.Key),
		header: http.Header{CallerHeader: {callerHeader(by)}, "Accept": {"application/json"}},
		again:  r.method == http.MethodGet,
	}
	if r.method == http.MethodGet || r.method == http.MethodDelete {
		query, err := queryOf(r.input)
		if err != nil {
			return nil, err
		}
		out.url += query
	} else if out.body = r.input; out.body == nil {
		out.body = []byte("{}")
	}
	to, err := url.Parse(out.url)
	if err != nil {
		return nil, err
	}
	out.signed = slices.Concat([]byte(r.method+" "+to.RequestURI()+"\n"+out.header.Get(CallerHeader)+"\n"), out.body)
	a, err := c.send(ctx, out)
	if err != nil {
		return nil, lost(err)
	}
	body := a.body
	if len(body) == 0 {
		body = []byte("null")
	} else if !json.Valid(body) {
		if body, err = json.Marshal(string(body)); err != nil {
			return nil, err
		}
	}
	return slices.Concat([]byte(`{"status":`), strconv.AppendInt(nil, int64(a.status), 10), []byte(`,"body":`), body, []byte{'}'}), nil
}

// allows reports whether a route is offered. Its path has the alphabet of channel names, which leaves nothing to be
// read in two ways.
func (c *Client) allows(r routeCall) bool {
	index := c.routes[r.method]
	if index == nil || !strings.HasPrefix(r.path, "/") {
		return false
	}
	ch, err := protocol.ParseChannel(r.path[1:])
	if err != nil {
		return false
	}
	_, _, ok := index.Find(ch)
	return ok
}

func callerHeader(by actors.Caller) string {
	text, _ := json.Marshal(struct {
		Connection  string   `json:"connection"`
		User        string   `json:"user,omitempty"`
		Roles       []string `json:"roles,omitempty"`
		Permissions []string `json:"permissions,omitempty"`
	}{by.Connection, by.Identity.User, by.Identity.Roles(), by.Identity.Permissions()})
	return base64.RawURLEncoding.EncodeToString(text)
}

// queryOf makes a query of an object of texts, numbers and truth values.
func queryOf(input []byte) (string, error) {
	if len(input) == 0 || string(input) == "null" {
		return "", nil
	}
	values := url.Values{}
	err := protocol.ReadObject(input, func(name string, value []byte) error {
		switch value[0] {
		case '"':
			s, err := protocol.ReadString(value)
			values.Add(name, s)
			return err
		case '{', '[', 'n':
			return &protocol.Error{Code: protocol.CodeBadRequest, Reason: `"input" of a GET or DELETE is an object of texts, numbers, true and false`, Hint: "It becomes the query; use POST for more."}
		}
		values.Add(name, string(value))
		return nil
	})
	if err != nil || len(values) == 0 {
		return "", err
	}
	return "?" + values.Encode(), nil
}
