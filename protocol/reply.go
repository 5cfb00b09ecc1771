package protocol

import (
	"strconv"
	"strings"
	"time"
)

// A reply channel is called $reply/EXPIRES.RANDOM.OWNER.PROOF. EXPIRES is its end in Unix seconds, to the base of 36;
// the rest is for the server that gave the name out. The name is a secret: who has it, and is its owner, may read.
const replyPrefix = "$reply/"

// ReplyChannel returns the name of the reply channel whose parts after the prefix these are.
func ReplyChannel(to, proof string) Channel { return Channel(replyPrefix + to + "." + proof) }

// ReplyParts takes a reply channel's name apart: to, which may be shown, and the proof, which may not. It answers false
// for other channels.
func (c Channel) ReplyParts() (to, proof string, ok bool) {
	rest, ok := strings.CutPrefix(string(c), replyPrefix)
	if !ok || strings.Count(rest, ".") != 3 {
		return "", "", false
	}
	i := strings.LastIndexByte(rest, '.')
	return rest[:i], rest[i+1:], true
}

// ReplyExpires returns the end of a reply channel as its name says it, which nobody has checked. It returns false for
// other channels.
func (c Channel) ReplyExpires() (time.Time, bool) {
	to, _, ok := c.ReplyParts()
	if !ok {
		return time.Time{}, false
	}
	return ReplyEnd(to)
}

// ReplyEnd is ReplyExpires for what ReplyParts gives.
func ReplyEnd(to string) (time.Time, bool) {
	text, _, _ := strings.Cut(to, ".")
	seconds, err := strconv.ParseUint(text, 36, 40) // until the year 36,812
	return time.Unix(int64(seconds), 0), err == nil
}

// Shown is the name as it may stand in logs and lists: that of a reply channel without its secret part.
func (c Channel) Shown() string {
	if to, _, ok := c.ReplyParts(); ok {
		return replyPrefix + to
	}
	return string(c)
}

// Events of the messages of a reply channel. ReplyDone and ReplyError are its last message.
const (
	ReplyProgress = "progress"
	ReplyDone     = "done"
	ReplyError    = "error"
)
