// Package access is who stands behind a connection or a request, who may do what, and where messages go that name no
// channel.
//
// Who: Tokens verifies a client's token and returns its Identity, Revocations are the tokens that count no more, and
// Keys knows the API keys of backends, for which Visits stand in for some hours. ConnectionIDs and Replies know again
// what was signed before. What: Rules, compiled to a Policy, decide by Pattern which identities may subscribe, publish
// and see presence in which channels. Where: a Routing, compiled to a Router, finds the channels of a message by its
// event and its data.
package access

import "time"

// Identity is what is known of a client by its token. The zero Identity is an anonymous client.
type Identity struct {
	User   string  // the token's subject; "" for an anonymous client
	grants *grants // of a token, shared by all connections of it; nil for an anonymous client
}

// grants is what a token contains beside the user. It is not changed.
type grants struct {
	roles, permissions []string
	claims             map[string][]string
	token              string // its id (jti), "" for none
	issued, expires    time.Time
}

// NewIdentity makes the identity of a user that was not signed in by a token: of a test, or of a program that embeds
// Tidings and knows its users in another way. claims may be nil. It does not expire.
func NewIdentity(user string, roles, permissions []string, claims map[string][]string) Identity {
	return Identity{User: user, grants: &grants{roles: roles, permissions: permissions, claims: claims}}
}

// Anonymous reports whether nothing is known of the client.
func (i Identity) Anonymous() bool { return i.User == "" }

// Roles returns the roles that the token names.
func (i Identity) Roles() []string {
	if i.grants == nil {
		return nil
	}
	return i.grants.roles
}

// Permissions returns the permissions that the token names.
func (i Identity) Permissions() []string {
	if i.grants == nil {
		return nil
	}
	return i.grants.permissions
}

// Claim returns the values of another claim of the token: of a text, a whole number or a list of them. A claim within
// an object has the object's name before it, with a dot between.
func (i Identity) Claim(name string) []string {
	if i.grants == nil {
		return nil
	}
	return i.grants.claims[name]
}

// TokenID is the id of the token (jti), or "" if it has none.
func (i Identity) TokenID() string {
	if i.grants == nil {
		return ""
	}
	return i.grants.token
}

// Issued is when the token was issued. It is zero if the token does not contain it.
func (i Identity) Issued() time.Time {
	if i.grants == nil {
		return time.Time{}
	}
	return i.grants.issued
}

// Expires is when the identity is not valid any more. It is zero if it always is.
func (i Identity) Expires() time.Time {
	if i.grants == nil {
		return time.Time{}
	}
	return i.grants.expires
}
