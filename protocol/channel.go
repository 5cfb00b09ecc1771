package protocol

import "strings"

// Channel is a channel's name: 1 to MaxChannelBytes bytes of A-Z a-z 0-9 _ . ~ : / @ + = , - without a leading,
// trailing or double slash and without a segment "." or "..". ParseChannel is the only way from outside text to a
// Channel.
type Channel string

// ParseChannel checks a client's or caller's name. It fails with CodeBadChannel, and with CodeForbidden for names that
// start with "$", which are the server's own.
func ParseChannel(s string) (Channel, error) {
	if strings.HasPrefix(s, "$") {
		return "", &Error{CodeForbidden, `channel names that start with "$" are the server's own`, "Choose another name."}
	}
	if reason := channelFault(s); reason != "" {
		return "", &Error{CodeBadChannel, reason, "Use 1 to 200 of the characters A-Z a-z 0-9 _ . ~ : / @ + = , - and single slashes inside."}
	}
	return Channel(s), nil
}

// ParseReadable is ParseChannel for a client that only listens: names of reply channels pass, too. Whether they were
// issued, and to whom, is not checked here.
func ParseReadable(s string) (Channel, error) {
	rest, ok := strings.CutPrefix(s, replyPrefix)
	if !ok {
		return ParseChannel(s)
	}
	if _, err := ParseChannel(rest); err != nil {
		return "", err
	}
	if _, ok := Channel(s).ReplyExpires(); !ok || len(s) > MaxChannelBytes {
		return "", &Error{CodeBadChannel, "not the name of a reply channel", "Use the name that the server gave, unchanged."}
	}
	return Channel(s), nil
}

func channelFault(s string) string {
	switch {
	case s == "":
		return "the channel name is empty"
	case len(s) > MaxChannelBytes:
		return "the channel name is longer than 200 bytes"
	}
	for i := range len(s) {
		if !channelByte(s[i]) {
			return "the channel name has a character that is not allowed"
		}
	}
	for segment := range strings.SplitSeq(s, "/") {
		switch segment {
		case "":
			return "the channel name has a slash at its start or end, or two in a row"
		case ".", "..":
			return `a segment of the channel name is "." or ".."`
		}
	}
	return ""
}

func channelByte(b byte) bool {
	switch {
	case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9':
		return true
	}
	return strings.IndexByte("_.~:/@+=,-", b) >= 0
}
