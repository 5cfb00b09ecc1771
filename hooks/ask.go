package hooks

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"tidings/access"
	"tidings/actors"
	"tidings/protocol"
)

// Hooks returns what the bus asks.
func (c *Client) Hooks() actors.Hooks {
	var h actors.Hooks
	for _, ask := range c.cfg.Ask {
		switch ask {
		case Connect:
			h.Connect = c.connect
		case Subscribe:
			h.Subscribe = c.subscribe
		case Publish:
			h.Publish = c.publish
		case Call:
			h.Call = c.call
		case Events:
			h.Tell, h.Told = c.queue.add, c.queue.told
		}
	}
	if len(c.routes) > 0 {
		h.Calls = map[string]actors.CallFunc{MethodRoute: c.route}
	}
	return h
}

// question is the body of a hook.
type question struct {
	Hook       string   `json:"hook"`
	Connection string   `json:"connection,omitempty"`
	User       string   `json:"user,omitempty"`
	Roles      []string `json:"roles,omitempty"`
	Permission []string `json:"permissions,omitempty"`

	*peer // of connect

	Channel protocol.Channel `json:"channel,omitempty"`
	Event   string           `json:"event,omitempty"`
	Method  string           `json:"method,omitempty"`
	Data    json.RawMessage  `json:"data,omitempty"`
}

type peer struct {
	Transport string `json:"transport"`
	Address   string `json:"address,omitempty"`
	Origin    string `json:"origin,omitempty"`
	UserAgent string `json:"userAgent,omitempty"`
	Cookie    string `json:"cookie,omitempty"`
}

func of(hook string, by actors.Caller) question {
	return question{Hook: hook, Connection: by.Connection, User: by.Identity.User, Roles: by.Identity.Roles(), Permission: by.Identity.Permissions()}
}

// ask puts a question. It reads an answer that is no refusal into to, which may be nil.
func (c *Client) ask(ctx context.Context, q question, id string, again bool, to any) error {
	body, err := json.Marshal(q)
	if err != nil {
		return err
	}
	a, err := c.send(ctx, request{method: http.MethodPost, url: c.cfg.URL, id: id, body: body, again: again})
	if err != nil {
		return err
	}
	if refusal := a.refusal(); refusal != nil {
		return refusal
	}
	if to == nil || len(a.body) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("the application's answer to %s: %w", q.Hook, err)
	}
	return nil
}

func newID() string { return "msg_" + rand.Text() }

func (c *Client) connect(ctx context.Context, from protocol.Peer, id access.Identity) (access.Identity, error) {
	q := of(Connect, actors.Caller{Identity: id})
	q.peer = &peer{Transport: from.Transport, Address: from.Address, Origin: from.Origin, UserAgent: from.UserAgent}
	if c.cfg.Cookies {
		q.Cookie = from.Cookie
	}
	var said struct {
		User        *string             `json:"user"`
		Roles       []string            `json:"roles"`
		Permissions []string            `json:"permissions"`
		Claims      map[string][]string `json:"claims"`
	}
	if err := c.ask(ctx, q, newID(), true, &said); err != nil {
		return access.Identity{}, err
	}
	switch {
	case !id.Anonymous() && (said.User != nil && *said.User != id.User || said.Roles != nil || said.Permissions != nil || said.Claims != nil):
		return access.Identity{}, errors.New("the application's answer to connect: the client has a token, and that says who it is")
	case !id.Anonymous():
		return id, nil
	case said.User == nil && (said.Roles != nil || said.Permissions != nil || said.Claims != nil):
		return access.Identity{}, errors.New(`the application's answer to connect: roles, permissions and claims need a "user"`)
	case said.User == nil:
		return id, nil
	case *said.User == "" || len(*said.User) > protocol.MaxNameBytes:
		return access.Identity{}, errors.New(`the application's answer to connect: "user" must have 1 to 128 bytes`)
	}
	return access.NewIdentity(*said.User, said.Roles, said.Permissions, said.Claims), nil
}

func (c *Client) subscribe(ctx context.Context, by actors.Caller, ch protocol.Channel) error {
	q := of(Subscribe, by)
	q.Channel = ch
	return c.ask(ctx, q, newID(), true, nil)
}

// publish is not repeated if it may have arrived: what the application does with a message is not known here.
func (c *Client) publish(ctx context.Context, by actors.Caller, p *actors.Publish) error {
	q := of(Publish, by)
	q.Channel, q.Event, q.Data = p.Channel, p.Event, p.Data
	var said struct {
		Channel protocol.Channel `json:"channel"`
		Event   *string          `json:"event"`
		Data    json.RawMessage  `json:"data"`
	}
	if err := c.ask(ctx, q, idOf(Publish, by, p.IdempotencyKey), false, &said); err != nil {
		return err
	}
	if said.Channel != "" {
		p.Channel = said.Channel
	}
	if said.Event != nil {
		if len(*said.Event) > protocol.MaxEventBytes {
			return errors.New(`the application's answer to publish: "event" is too long`)
		}
		p.Event = *said.Event
	}
	if said.Data != nil {
		p.Data = said.Data
	}
	return nil
}

func (c *Client) call(ctx context.Context, by actors.Caller, call actors.Call) ([]byte, error) {
	q := of(Call, by)
	q.Method, q.Data = call.Method, call.Data
	var said struct {
		Data json.RawMessage `json:"data"`
	}
	if err := c.ask(ctx, q, idOf(Call, by, call.Key), false, &said); err != nil {
		return nil, lost(err)
	}
	return said.Data, nil
}

// SignIn has the application check credentials: data is what access.SignIn asks with, and so is the answer.
func (c *Client) SignIn(ctx context.Context, data []byte) (answer []byte, err error) {
	q := of(SignIn, actors.Caller{})
	q.Data = data
	err = c.ask(ctx, q, newID(), false, (*json.RawMessage)(&answer))
	return answer, err
}

// idOf is the same for each attempt of a user's at what has a key, so that the application can tell, and another for
// the same key of somebody else. It does not name the connection: a client repeats what was not answered on its next
// one. A client without a token shares the keys of all clients that have none, as with publishes.
func idOf(hook string, by actors.Caller, key string) string {
	if key == "" {
		return newID()
	}
	text, _ := json.Marshal([]string{hook, by.Identity.User, key}) // what is put side by side could be cut in two ways
	hash := sha256.Sum256(text)
	return "msg_" + base64.RawURLEncoding.EncodeToString(hash[:18])
}

var errLost = &protocol.Error{Code: protocol.CodeTimeout, Reason: "the application gave no answer; the call may or may not have been carried out", Hint: "Ask it how things stand before you call again."}

// lost is the error of a call that may have been carried out. One that never arrived is another matter.
func lost(err error) error {
	var refusal *protocol.Error
	if errors.As(err, &refusal) || errors.Is(err, errUnsent) {
		return err
	}
	return errLost
}
