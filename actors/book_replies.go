package actors

import (
	"sync"
	"tidings/core"
	"tidings/protocol"
	"time"
)

// replyRate bounds the publishes to one reply channel.
var replyRate = core.Rate{PerSecond: 20, Burst: 50}

// replyBoxes are the reply channels that were published to on this node and have not expired: each may hold
// protocol.MaxReplyBytes.
type replyBoxes struct {
	max int

	mu    sync.Mutex // guards the rest
	boxes map[protocol.Channel]*replyBox
	swept time.Duration
}

type replyBox struct {
	expires time.Time
	used    core.Bucket
	closed  bool
}

// take takes one publish off the rate of ch. at is now on the node's clock.
func (m *replyBoxes) take(ch protocol.Channel, now time.Time, at time.Duration) *protocol.Error {
	m.mu.Lock()
	defer m.mu.Unlock()
	box := m.boxes[ch]
	if box == nil {
		if len(m.boxes) >= m.max {
			m.sweep(now, at)
		}
		if len(m.boxes) >= m.max {
			return &protocol.Error{Code: protocol.CodeOverloaded, Reason: "the node holds as many replies as it may", Hint: "Try again later, or raise reply_channels."}
		}
		expires, _ := ch.ReplyExpires()
		box = &replyBox{expires: expires}
		m.boxes[ch] = box
	}
	if !box.used.Take(1, replyRate, at) {
		return errRate
	}
	return nil
}

// sweep forgets what has expired, at most once a second.
func (m *replyBoxes) sweep(now time.Time, at time.Duration) {
	if at-m.swept < time.Second {
		return
	}
	m.swept = at
	for ch, box := range m.boxes {
		if !now.Before(box.expires) {
			delete(m.boxes, ch)
		}
	}
}

// close marks a reply channel that has its last message.
func (m *replyBoxes) close(ch protocol.Channel) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if box := m.boxes[ch]; box != nil {
		box.closed = true
	}
}

// over reports whether a reply channel has expired, or got its last message on this node.
func (m *replyBoxes) over(ch protocol.Channel) bool {
	if end, _ := ch.ReplyExpires(); !time.Now().Before(end) {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	box := m.boxes[ch]
	return box != nil && box.closed
}

func (m *replyBoxes) len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.boxes)
}
