package core

import (
	"sort"
	"time"

	"tidings/protocol"
)

// history is a ring of a channel's newest messages, bounded by count, bytes and age. Offsets rise but need not be
// dense.
type history struct {
	maxMessages int
	maxBytes    int // of protocol.Message.Size
	maxAge      time.Duration

	ring  []slot // grows by doubling up to maxMessages; nil while empty
	head  int    // index of the oldest
	n     int
	bytes int
}

// slot is a message and when it came, by the clock that counts ages: that of its TimeMS may be set back or forth.
type slot struct {
	m  *protocol.Message
	at int64 // Unix milliseconds
}

// append keeps m, the newest message, and drops what the bounds no longer allow: m itself, if it alone is too much.
func (h *history) append(now time.Time, m *protocol.Message) {
	if h.maxMessages <= 0 {
		return
	}
	if h.n == h.maxMessages {
		h.dropOldest()
	}
	if h.n == len(h.ring) {
		h.grow()
	}
	h.ring[(h.head+h.n)%len(h.ring)] = slot{m, now.UnixMilli()}
	h.n++
	h.bytes += m.Size()
	h.trim(now)
}

func (h *history) grow() {
	ring := make([]slot, min(max(2*len(h.ring), 4), h.maxMessages))
	for i := range h.n {
		ring[i] = h.ring[(h.head+i)%len(h.ring)]
	}
	h.ring, h.head = ring, 0
}

// trim drops the oldest messages until the rest is within the bounds. A message that is exactly maxAge old stays.
func (h *history) trim(now time.Time) {
	oldest := now.Add(-h.maxAge).UnixMilli()
	for h.n > 0 && (h.bytes > h.maxBytes || h.ring[h.head].at < oldest) {
		h.dropOldest()
	}
	if h.n == 0 {
		h.ring, h.head = nil, 0 // an idle channel keeps no ring
	}
}

func (h *history) dropOldest() {
	h.bytes -= h.ring[h.head].m.Size()
	h.ring[h.head] = slot{}
	h.head = (h.head + 1) % len(h.ring)
	h.n--
}

// at returns the i-th message, 0 being the oldest.
func (h *history) at(i int) *protocol.Message { return h.ring[(h.head+i)%len(h.ring)].m }

// find returns the index of the first message whose offset is not below offset, n where there is none.
func (h *history) find(offset uint64) int {
	return sort.Search(h.n, func(i int) bool { return h.at(i).Offset >= offset })
}

// page returns messages from index i on, at most limit of them and, but for the first, at most maxBytes.
func (h *history) page(i, limit, maxBytes int) []*protocol.Message {
	limit = min(limit, h.n-i)
	if limit <= 0 {
		return nil
	}
	page, size := make([]*protocol.Message, 0, limit), 0
	for ; limit > 0; limit-- {
		m := h.at(i)
		if size += m.Size(); len(page) > 0 && size > maxBytes {
			break
		}
		page = append(page, m)
		i++
	}
	return page
}

// last returns the index from which at most limit messages and, but for the newest, at most maxBytes are left.
func (h *history) last(limit, maxBytes int) int {
	i, size := h.n, 0
	for i > 0 && h.n-i < limit {
		if size += h.at(i - 1).Size(); i < h.n && size > maxBytes {
			break
		}
		i--
	}
	return i
}

func (h *history) clone() history {
	c := *h
	c.ring = append([]slot(nil), h.ring...)
	return c
}
