package protocol

import (
	"strconv"
	"strings"
)

// Position is a place in a channel: the epoch and offset of a message, and the tag that the broker drew for it.
// A channel without a message is at offset 0 with an empty tag, in a non-empty epoch. The zero Position is "none".
type Position struct {
	Epoch  string
	Offset uint64
	Tag    string
}

// IsZero reports whether p is no position at all.
func (p Position) IsZero() bool { return p.Epoch == "" }

// String returns the form of URLs and Last-Event-ID: epoch:offset:tag.
func (p Position) String() string {
	return p.Epoch + ":" + strconv.FormatUint(p.Offset, 10) + ":" + p.Tag
}

// ParsePosition reads the form of String. It fails with CodeBadCursor.
func ParsePosition(s string) (Position, error) {
	bad := &Error{CodeBadCursor, "not a position of the form epoch:offset:tag", "Send a position as the server gave it, unchanged."}
	epoch, rest, ok := strings.Cut(s, ":")
	offset, tag, ok2 := strings.Cut(rest, ":")
	if !ok || !ok2 || len(offset) > 1 && offset[0] == '0' {
		return Position{}, bad
	}
	n, err := strconv.ParseUint(offset, 10, 64)
	p := Position{Epoch: epoch, Offset: n, Tag: tag}
	if err != nil || p.Check() != nil {
		return Position{}, bad
	}
	return p, nil
}

// Check reports whether p could have been given out: alphabet, lengths, and no tag without a message. It fails with
// CodeBadCursor.
func (p Position) Check() error {
	if p.Epoch == "" || len(p.Epoch) > MaxEpochBytes || len(p.Tag) > MaxTagBytes || p.Offset > MaxInteger ||
		p.Offset == 0 && p.Tag != "" || !wordBytes(p.Epoch) || !wordBytes(p.Tag) {
		return &Error{CodeBadCursor, "not a position that a server gave out", "Send a position as the server gave it, unchanged."}
	}
	return nil
}

func wordBytes(s string) bool {
	for i := range len(s) {
		b := s[i]
		if b != '_' && b != '-' && (b < '0' || b > '9') && (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') {
			return false
		}
	}
	return true
}
