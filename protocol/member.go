package protocol

import "cmp"

// Member is somebody who is in a channel: a user, over however many connections, or a connection of which no more is
// known, by its public name. One of the fields is "". It is comparable.
type Member struct{ User, Connection string }

// Compare orders members: connections first, then users, each by name.
func (m Member) Compare(n Member) int {
	return cmp.Or(cmp.Compare(m.User, n.User), cmp.Compare(m.Connection, n.Connection))
}

// IsZero reports whether m is nobody.
func (m Member) IsZero() bool { return m == Member{} }

// AppendMember appends m as it stands in frames and in the HTTP API: {"user": …} or {"connection": …}.
func AppendMember(dst []byte, m Member) []byte {
	if m.User != "" {
		return append(appendText(append(dst, '{'), fUser, m.User), '}')
	}
	return append(appendText(append(dst, '{'), fConnection, m.Connection), '}')
}

// AppendMembers appends a list of members.
func AppendMembers(dst []byte, list []Member) []byte {
	dst = append(dst, '[')
	for i, m := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendMember(dst, m)
	}
	return append(dst, ']')
}

// membersOf reads the members of a frame.
func membersOf(v []byte) ([]Member, error) {
	if v[0] != '[' {
		return nil, mustBe(fMembers, "an array")
	}
	list := []Member{}
	s := scanner{b: v, tokens: noTokenCap}
	err := s.array(func() error {
		if s.peek() != '{' {
			return mustBe(fMembers, "an array of objects")
		}
		var m members
		if err := m.collect(&s); err != nil {
			return err
		}
		one, err := memberOf(&m)
		list = append(list, one)
		return err
	})
	return list, err
}

func memberOf(m *members) (one Member, err error) {
	if v := m.raw[fUser]; v != nil {
		if one.User, err = text(fUser, v, MaxMessageBytes); err != nil {
			return one, err
		}
	}
	if v := m.raw[fConnection]; v != nil {
		one.Connection, err = text(fConnection, v, MaxMessageBytes)
	}
	return one, err
}

// What a subscription wants to hear of those who come and go: the values of a subscribe's users.
const (
	UsersAll  = "all"  // of both
	UsersIn   = "in"   // of who comes
	UsersOut  = "out"  // of who goes
	UsersNone = "none" // nothing, as where the field is absent
)

func usersOf(v []byte) (string, error) {
	name, err := text(fUsers, v, MaxNameBytes)
	if err != nil {
		return "", err
	}
	switch name {
	case UsersAll, UsersIn, UsersOut, UsersNone:
		return name, nil
	}
	return "", &Error{CodeBadRequest, `field "users" is none of "all", "in", "out" and "none"`, "Leave it out to hear of nobody."}
}
