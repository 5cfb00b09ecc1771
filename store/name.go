package store

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"tidings/protocol"
)

// Collection names a set of documents.
type Collection struct{ Index, Name string }

// MaxNameBytes bounds the names of an index and of a collection.
const MaxNameBytes = 64

// MaxIDBytes bounds a document's id.
const MaxIDBytes = 128

// ParseCollection fails with CodeBadRequest unless both names are 1 to MaxNameBytes of a-z, 0-9, "-", "_" and ".", and
// begin and end with none of the marks, but for "-" and "_" at the end.
func ParseCollection(index, name string) (Collection, error) {
	for _, s := range []string{index, name} {
		if !goodName(s) {
			return Collection{}, bad("an index or a collection has a name that is not allowed", `Take 1 to 64 of a-z, 0-9, "-", "_" and, inside, "."; the first is a letter or digit.`)
		}
	}
	return Collection{index, name}, nil
}

func goodName(s string) bool {
	if s == "" || len(s) > MaxNameBytes || strings.IndexByte("-_.", s[0]) >= 0 || s[len(s)-1] == '.' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	})
}

// String returns index/name.
func (c Collection) String() string { return c.Index + "/" + c.Name }

// Channel returns the channel in which the collection's changes are published.
func (c Collection) Channel() protocol.Channel { return protocol.Channel("documents/" + c.String()) }

// CheckID refuses what is no id of a document: it has 1 to MaxIDBytes of UTF-8 without control characters, and is not
// ".", ".." or "__proto__". It fails with CodeBadRequest.
func CheckID(id string) error {
	switch {
	case id == "" || len(id) > MaxIDBytes:
		return bad("the id of a document does not have 1 to 128 bytes", "Use a shorter one; the content has space for a longer name.")
	case !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl):
		return bad("the id of a document has control characters or is not UTF-8", "Use letters, digits and marks.")
	case id == "." || id == ".." || id == "__proto__":
		return bad("the id of a document is one that URLs or JavaScript read as something else", "Use another one.")
	}
	return nil
}

func bad(reason, hint string) *protocol.Error {
	return &protocol.Error{Code: protocol.CodeBadRequest, Reason: reason, Hint: hint}
}
