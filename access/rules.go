package access

import (
	"fmt"

	"tidings/protocol"
)

// Allowance says whom a rule lets in.
type Allowance string

// The allowances.
const (
	Anyone Allowance = "anyone" // with or without a token
	Nobody Allowance = "nobody" // only the HTTP API, which has its own keys
)

// Rules say what clients may do, in all channels alike.
type Rules struct {
	// Subscribe says who may hear a channel's messages and read its history. Empty means Anyone.
	Subscribe Allowance
	// Publish says who may publish from a client. Empty means Nobody: messages come from backends, through the HTTP API.
	Publish Allowance
	// Presence says for whom a channel keeps who is in it: they may see each other. Empty means Nobody: nothing is kept then, nor can the HTTP
	// API ask for it.
	Presence Allowance
}

// DefaultRules lets anyone hear and nobody publish.
func DefaultRules() Rules { return Rules{Subscribe: Anyone, Publish: Nobody} }

// Validate refuses what is no allowance, naming the field.
func (r Rules) Validate() error {
	for _, f := range []struct {
		name  string
		value Allowance
	}{{"Subscribe", r.Subscribe}, {"Publish", r.Publish}, {"Presence", r.Presence}} {
		switch f.value {
		case "", Anyone, Nobody:
		default:
			return fmt.Errorf(`%s: %q is neither "anyone" nor "nobody"`, f.name, f.value)
		}
	}
	return nil
}

// MaySubscribe tells whether id may hear ch; nil means yes. It fails with CodeForbidden.
func (r Rules) MaySubscribe(id Identity, ch protocol.Channel) *protocol.Error {
	if r.Subscribe == Nobody {
		return &protocol.Error{Code: protocol.CodeForbidden, Reason: "clients may not subscribe to this channel", Hint: "Allow it in the server's rules (subscribe)."}
	}
	return nil
}

// KeepsPresence tells whether it is kept who is in ch.
func (r Rules) KeepsPresence(ch protocol.Channel) bool { return r.Presence == Anyone }

// MaySeePresence tells whether id may see who is in ch; nil means yes. It fails with CodeForbidden.
func (r Rules) MaySeePresence(id Identity, ch protocol.Channel) *protocol.Error {
	if !r.KeepsPresence(ch) {
		return &protocol.Error{Code: protocol.CodeForbidden, Reason: "it is not kept, or not shown, who is in this channel", Hint: "Allow it in the server's rules (presence)."}
	}
	return r.MaySubscribe(id, ch)
}

// MayPublish tells whether id may publish to ch from a client; nil means yes. It fails with CodeForbidden.
func (r Rules) MayPublish(id Identity, ch protocol.Channel) *protocol.Error {
	if r.Publish != Anyone {
		return &protocol.Error{Code: protocol.CodeForbidden, Reason: "clients may not publish to this channel", Hint: "Publish from a backend through the HTTP API, or allow it in the server's rules (publish)."}
	}
	return nil
}
