package access

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"tidings/protocol"
)

// claims are what a token contains. They are read as strictly as an envelope: no name twice, times that are numbers,
// texts that are texts.
type claims struct {
	issuer, subject, id        string
	audience                   jwt.ClaimStrings
	expires, notBefore, issued *jwt.NumericDate
	values                     map[string][]string
	texts                      map[string]bool // names of values that were a text alone, not a list of one
}

var _ jwt.Claims = (*claims)(nil)

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.expires, nil }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return c.notBefore, nil }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return c.issued, nil }
func (c *claims) GetIssuer() (string, error)                   { return c.issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return c.subject, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return c.audience, nil }

// UnmarshalJSON implements json.Unmarshaler.
func (c *claims) UnmarshalJSON(raw []byte) error {
	return protocol.ReadObject(raw, func(name string, value []byte) (err error) {
		switch name {
		case "iss":
			c.issuer, err = protocol.ReadString(value)
		case "sub":
			c.subject, err = protocol.ReadString(value)
		case "jti":
			c.id, err = protocol.ReadString(value)
		case "aud":
			c.audience, err = readTexts(value)
		case "exp":
			c.expires, err = readTime(value)
		case "nbf":
			c.notBefore, err = readTime(value)
		case "iat":
			c.issued, err = readTime(value)
		default:
			err = c.keep(name, value, 0)
		}
		if err != nil {
			err = &claimFault{name: name, value: value}
		}
		return err
	})
}

// claimFault is a claim of another type than it should be. Its text does not contain the claim, which may be a secret.
type claimFault struct {
	name  string
	value []byte
}

func (f *claimFault) Error() string {
	is := "is not a text, or not well written"
	switch {
	case f.name == "aud":
		is = "is neither a text nor a list of texts"
	case f.name == "exp" || f.name == "nbf" || f.name == "iat":
		is = "is not a number of seconds since 1970"
		if n, err := strconv.ParseFloat(string(f.value), 64); err == nil && n > maxTime && n < maxTime*1000 {
			is += ": it seems to be in milliseconds"
		} else if f.value[0] == '"' {
			is += ", but a text"
		}
	case f.value[0] != '"' && f.value[0] != '{' && f.value[0] != '[':
		is = "is " + string(f.value[:min(len(f.value), 20)]) + ", and must be a text: write it in quotes"
	}
	return fmt.Sprintf("the claim %.64q %s", f.name, is)
}

var errTime = errors.New("no time in seconds")

// maxTime is the year 4200: beyond it a time is in milliseconds, or a mistake.
const maxTime = 7e10

func readTime(value []byte) (*jwt.NumericDate, error) {
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil || math.IsNaN(f) || f <= 0 || f > maxTime {
		return nil, errTime
	}
	whole, part := math.Modf(f)
	return jwt.NewNumericDate(time.Unix(int64(whole), int64(part*1e9))), nil
}

// readTexts reads a text or a list of texts.
func readTexts(value []byte) (list jwt.ClaimStrings, err error) {
	if value[0] != '[' {
		text, err := protocol.ReadString(value)
		return jwt.ClaimStrings{text}, err
	}
	err = protocol.ReadArray(value, func(value []byte) error {
		text, err := protocol.ReadString(value)
		list = append(list, text)
		return err
	})
	return list, err
}

// maxClaimDepth bounds the objects that claims are looked for in.
const maxClaimDepth = 4

// keep keeps a claim that a rule may name: a text, a whole number, a list of them, or an object of such, under its
// name, a dot and theirs. Others are left out: no rule can name them.
func (c *claims) keep(name string, value []byte, depth int) error {
	switch value[0] {
	case '{':
		if depth == maxClaimDepth {
			return nil
		}
		return protocol.ReadObject(value, func(inner string, value []byte) error { return c.keep(name+"."+inner, value, depth+1) })
	case '[':
		var list []string
		err := protocol.ReadArray(value, func(value []byte) error {
			if text, ok := claimText(value); ok {
				list = append(list, text)
			}
			return nil
		})
		c.put(name, list, false)
		return err
	}
	if text, ok := claimText(value); ok {
		c.put(name, []string{text}, value[0] == '"')
	}
	return nil
}

// put keeps what is said first: a claim "a.b" and one "b" within "a" do not add up.
func (c *claims) put(name string, list []string, isText bool) {
	if _, ok := c.values[name]; ok || len(list) == 0 {
		return
	}
	if c.values == nil {
		c.values = map[string][]string{}
	}
	c.values[name] = list
	if isText {
		if c.texts == nil {
			c.texts = map[string]bool{}
		}
		c.texts[name] = true
	}
}

func claimText(value []byte) (string, bool) {
	if value[0] == '"' {
		text, err := protocol.ReadString(value)
		return text, err == nil && text != ""
	}
	if _, err := strconv.ParseInt(string(value), 10, 64); err != nil {
		return "", false
	}
	return string(value), true
}

// identity takes the names of the claims that list roles and permissions.
func (c *claims) identity(roles, permissions string) Identity {
	g := &grants{token: c.id, expires: c.expires.Time, claims: c.values}
	if c.issued != nil {
		g.issued = c.issued.Time
	}
	g.roles, g.permissions = c.words(roles), c.words(permissions)
	return Identity{User: c.subject, grants: g}
}

// words returns the names that a claim lists: a list as it is, for a name may have spaces in it, and the words of a
// text alone, as OAuth's scope has them.
func (c *claims) words(name string) []string {
	if list := c.values[name]; !c.texts[name] {
		return slices.Clone(list)
	}
	return strings.Fields(c.values[name][0])
}
