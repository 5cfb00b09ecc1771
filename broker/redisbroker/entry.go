package redisbroker

import (
	"strings"

	"tidings/broker"
	"tidings/broker/redisbroker/redis"
	"tidings/protocol"
)

// entry is a message as a stream has it: tag (6 bytes), milliseconds (6), bytes ever appended before it (7), and record.
// Numbers have their highest byte first, as the scripts pack them.
type entry struct {
	tag        string
	ms, before int64
	record     string
}

const (
	entryTag = 6
	entryMS  = entryTag + 6
	entryAll = entryMS + offsetBytes
	// offsetBytes is how long an offset is: 53 bits are what scripts, and JavaScript, count to.
	offsetBytes = 7
)

func readEntry(text string) (e entry, err error) {
	if len(text) < entryAll {
		return e, redis.ErrMoved
	}
	e.tag, e.record = text[:entryTag], text[entryAll:]
	e.ms, e.before = int64(number(text[entryTag:entryMS])), int64(number(text[entryMS:entryAll]))
	return e, nil
}

// number reads a packed number.
func number(text string) (n uint64) {
	for i := range len(text) {
		n = n<<8 | uint64(text[i])
	}
	return n
}

func (e entry) message(ch protocol.Channel, epoch string, offset uint64) (*protocol.Message, error) {
	m := &protocol.Message{Channel: ch, Epoch: epoch, Offset: offset, Prev: offset - 1, Tag: e.tag, TimeMS: e.ms}
	return m, broker.ReadRecord([]byte(e.record), m)
}

// readLive reads what the publish script sends on: a message, or a volatile one.
func readLive(ch protocol.Channel, text string) (any, bool) {
	if text == "" {
		return nil, false
	}
	kind, rest := text[0], text[1:]
	switch kind {
	case 'v':
		if len(rest) < entryMS-entryTag {
			return nil, false
		}
		ms, record := number(rest[:entryMS-entryTag]), rest[entryMS-entryTag:]
		m := &protocol.Message{Channel: ch, TimeMS: int64(ms), Volatile: true}
		return m, broker.ReadRecord([]byte(record), m) == nil
	case 'm':
		const epochBytes = redis.EpochBytes + redis.NonceBytes
		if len(rest) < epochBytes+offsetBytes {
			return nil, false
		}
		epoch, offset := rest[:epochBytes], number(rest[epochBytes:epochBytes+offsetBytes])
		before, text, found := strings.Cut(rest[epochBytes+offsetBytes:], " ")
		e, bad := readEntry(text)
		if !found || bad != nil || offset == 0 {
			return nil, false
		}
		m, err := e.message(ch, epoch, offset)
		m.PrevTag = before
		return m, err == nil
	}
	return nil, false
}
