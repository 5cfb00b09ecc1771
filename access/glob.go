package access

import (
	"fmt"
	"strings"

	"tidings/protocol"
)

// Glob names channels as a Pattern without placeholders does, and "*" may also be a part of a segment, more than once:
//
//	chat:*          chat:1 and chat:, not chat:1/typing
//	shop/*-eu/*     shop/books-eu/orders
//	news/**         everything below news, at any depth
//
// "*" stands for any run of characters but slashes, also for none; "**" is a whole segment and the last one. The whole
// name has to match. To find the rule of a channel only a Pattern will do: of two globs neither need be the more
// specific one. The zero Glob matches nothing.
type Glob struct {
	segments []string
	deep     bool // "**" follows
}

// ParseGlob reads a glob of at most protocol.MaxChannelBytes bytes.
func ParseGlob(text string) (Glob, error) {
	if len(text) > protocol.MaxChannelBytes {
		return Glob{}, fmt.Errorf("a pattern of more than %d bytes", protocol.MaxChannelBytes)
	}
	var g Glob
	for part := range strings.SplitSeq(text, "/") {
		switch _, err := protocol.ParseChannel(strings.ReplaceAll(part, "*", "x")); {
		case g.deep:
			return Glob{}, fmt.Errorf(`pattern %q: "**" stands only at the end`, text)
		case part == "**":
			g.deep = true
		case strings.Contains(part, "**"):
			return Glob{}, fmt.Errorf(`pattern %q: "**" is a whole segment`, text)
		case err != nil:
			return Glob{}, fmt.Errorf("pattern %q: %q is no segment of a channel's name", text, part)
		default:
			g.segments = append(g.segments, part)
		}
	}
	return g, nil
}

// Match reports whether ch is among the channels that the glob names.
func (g Glob) Match(ch protocol.Channel) bool {
	left, more := string(ch), ch != ""
	for _, s := range g.segments {
		if !more {
			return false
		}
		var part string
		part, left, more = strings.Cut(left, "/")
		if !matchStars(s, part) {
			return false
		}
	}
	return more == g.deep
}

// matchStars reports whether "*" in a pattern can stand for such runs of characters that it is the text. It tries a run
// again for the last star alone, so that it takes at most as many steps as the product of the lengths.
func matchStars(pattern, text string) bool {
	i, star, from := 0, -1, 0
	for j := 0; j < len(text); {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, from = i, j
			i++
		case i < len(pattern) && pattern[i] == text[j]:
			i++
			j++
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}
