package actors

import (
	"context"
	"tidings/protocol"
	"time"
)

// askPause is how often those who have not answered are looked at.
const askPause = 20 * time.Millisecond

// describe asks connections how they stand. Those that end meanwhile are not in the answer. It fails with CodeTimeout
// if one does not answer before ctx ends.
func (b *Bus) describe(ctx context.Context, list []*Connection, ch protocol.Channel) (map[string]description, error) {
	answers := make(chan description, len(list))
	for _, c := range list {
		b.send(c.pid, describe{channel: ch, reply: answers})
	}
	found := make(map[string]description, len(list))
	tick := time.NewTicker(askPause)
	defer tick.Stop()
	for {
		select {
		case d := <-answers:
			if found[d.id] = d; len(found) == len(list) {
				return withoutEnded(found), nil
			}
		case <-tick.C:
			if allAnswered(list, found) && len(answers) == 0 {
				return withoutEnded(found), nil
			}
		case <-ctx.Done():
			return nil, errLate
		}
	}
}

var errLate = &protocol.Error{Code: protocol.CodeTimeout, Reason: "the node is too busy to answer in time", Hint: "Ask again in a moment, for less."}

func allAnswered(list []*Connection, found map[string]description) bool {
	for _, c := range list {
		if _, ok := found[c.id]; !ok && !c.ended.Load() {
			return false
		}
	}
	return true
}

func withoutEnded(found map[string]description) map[string]description {
	for id, d := range found {
		if d.state == sessionEnded {
			delete(found, id)
		}
	}
	return found
}
