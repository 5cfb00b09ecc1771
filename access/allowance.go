package access

import (
	"fmt"
	"slices"
	"strings"

	"tidings/protocol"
)

// Allowance is whom a rule lets in: Anyone or Nobody, or a list, separated by commas, of which one has to hold:
//
//	user          a client that is signed in; if the pattern has {user}, that user alone
//	role:NAME     a client whose token names that role
//	permission:P  a client whose token names that permission
//
// All but Anyone demand that the identity has the claims that the pattern's other placeholders name.
type Allowance string

// The allowances that stand alone.
const (
	Anyone Allowance = "anyone" // with or without a token
	Nobody Allowance = "nobody" // only the HTTP API, which has its own keys
	User   Allowance = "user"   // whoever is signed in, or the user that the channel's name contains
)

// Validate refuses what is no allowance.
func (a Allowance) Validate() error {
	_, err := a.read()
	return err
}

// admission is an Allowance that was read.
type admission struct {
	text   Allowance
	anyone bool
	terms  []term // nobody without one
}

// term is one way of being let in.
type term struct {
	kind termKind
	name string // of the role or permission
}

type termKind uint8

const (
	byUser termKind = iota
	byRole
	byPermission
)

func (a Allowance) read() (admission, error) {
	switch a {
	case "", Nobody:
		return admission{text: Nobody}, nil
	case Anyone:
		return admission{text: a, anyone: true}, nil
	}
	out := admission{text: a}
	for text := range strings.SplitSeq(string(a), ",") {
		t, err := readTerm(strings.TrimSpace(text))
		if err != nil {
			return admission{}, err
		}
		if slices.Contains(out.terms, t) {
			return admission{}, fmt.Errorf("%q is said twice", strings.TrimSpace(text))
		}
		out.terms = append(out.terms, t)
	}
	return out, nil
}

func readTerm(text string) (term, error) {
	if text == string(User) {
		return term{kind: byUser}, nil
	}
	kind, name, _ := strings.Cut(text, ":")
	switch {
	case kind == "role" && goodGrant(name):
		return term{byRole, name}, nil
	case kind == "permission" && goodGrant(name):
		return term{byPermission, name}, nil
	case text == string(Anyone) || text == string(Nobody):
		return term{}, fmt.Errorf("%q stands alone", text)
	}
	return term{}, fmt.Errorf(`%q is neither "anyone" nor "nobody" nor "user" nor role:NAME nor permission:NAME`, text)
}

// goodGrant reports whether a role or permission can be named in a rule.
func goodGrant(name string) bool {
	return name != "" && len(name) <= protocol.MaxNameBytes && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == ',' || r == 0x7f })
}

// byOwner reports whether one way of being let in is to be the user that the channel's name contains.
func (a *admission) byOwner() bool {
	return slices.ContainsFunc(a.terms, func(t term) bool { return t.kind == byUser })
}
