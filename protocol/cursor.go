package protocol

import (
	"strconv"
	"strings"
)

// ParseCursor reads a plain client's cursor: one position for each of so many channels, joined by ",", with "-" for the
// zero Position. It fails with CodeBadCursor.
func ParseCursor(s string, channels int) ([]Position, error) {
	if len(s) > MaxCursorBytes || channels < 1 || strings.Count(s, ",") != channels-1 {
		return nil, &Error{CodeBadCursor, "not a cursor for so many channels", "Send the last answer's cursor, unchanged, with the same channels."}
	}
	ps := make([]Position, 0, channels)
	for part := range strings.SplitSeq(s, ",") {
		if part == "-" {
			ps = append(ps, Position{})
			continue
		}
		p, err := ParsePosition(part)
		if err != nil {
			return nil, err
		}
		ps = append(ps, p)
	}
	return ps, nil
}

// AppendCursor appends the form that ParseCursor reads.
func AppendCursor(dst []byte, ps []Position) []byte {
	for i, p := range ps {
		if i > 0 {
			dst = append(dst, ',')
		}
		if p.IsZero() {
			dst = append(dst, '-')
			continue
		}
		dst = append(append(dst, p.Epoch...), ':')
		dst = append(strconv.AppendUint(dst, p.Offset, 10), ':')
		dst = append(dst, p.Tag...)
	}
	return dst
}
