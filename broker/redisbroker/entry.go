package redisbroker

import (
	"strconv"
	"strings"
	"time"

	"tidings/broker"
	"tidings/broker/redisbroker/redis"
	"tidings/protocol"
)

// entry is a message as a stream has it: tag (6 characters), milliseconds (13), bytes ever appended before it (16), and
// record.
type entry struct {
	tag        string
	ms, before int64
	record     string
}

const (
	entryTag = 6
	entryMS  = entryTag + 13
	entryAll = entryMS + 16
)

func readEntry(text string) (e entry, err error) {
	if len(text) < entryAll {
		return e, redis.ErrMoved
	}
	e.tag, e.record = text[:entryTag], text[entryAll:]
	if e.ms, err = strconv.ParseInt(strings.TrimLeft(text[entryTag:entryMS], "0"), 10, 64); err != nil {
		return e, err
	}
	e.before, err = strconv.ParseInt(text[entryMS:entryAll], 10, 64)
	return e, err
}

func (e entry) message(ch protocol.Channel, epoch string, offset uint64) (*protocol.Message, error) {
	m := &protocol.Message{Channel: ch, Epoch: epoch, Offset: offset, Prev: offset - 1, Tag: e.tag, TimeMS: e.ms}
	return m, broker.ReadRecord([]byte(e.record), m)
}

// timeOf reads milliseconds at the beginning of a text.
func timeOf(text string) (ms int64, rest string, ok bool) {
	const digits = entryMS - entryTag
	if len(text) < digits {
		return 0, "", false
	}
	ms, err := strconv.ParseInt(text[:digits], 10, 64)
	return ms, text[digits:], err == nil && time.UnixMilli(ms).Year() > 1970
}

// readLive reads what the publish script sends on: a message, or a volatile one.
func readLive(ch protocol.Channel, text string) (any, bool) {
	if text == "" {
		return nil, false
	}
	kind, rest := text[0], text[1:]
	switch kind {
	case 'v':
		ms, record, ok := timeOf(rest)
		m := &protocol.Message{Channel: ch, TimeMS: ms, Volatile: true}
		return m, ok && broker.ReadRecord([]byte(record), m) == nil
	case 'm':
		if len(rest) < redis.EpochBytes+redis.NonceBytes {
			return nil, false
		}
		epoch, rest := rest[:redis.EpochBytes+redis.NonceBytes], rest[redis.EpochBytes+redis.NonceBytes:]
		number, rest, _ := strings.Cut(rest, " ")
		before, text, found := strings.Cut(rest, " ")
		offset, err := strconv.ParseUint(number, 10, 64)
		e, bad := readEntry(text)
		if !found || err != nil || bad != nil || offset == 0 {
			return nil, false
		}
		m, err := e.message(ch, epoch, offset)
		m.PrevTag = before
		return m, err == nil
	}
	return nil, false
}
