package client

import (
	"errors"
	"sync"

	"tidings/protocol"
)

// answers is how long the answers to polls may be on the client's network. Some paths cut each connection after so many
// bytes: there an answer that is too long would be asked for again and again. It outlives links.
type answers struct {
	mu   sync.Mutex
	max  int // guarded by mu: bytes of frames; 0 for the server's own
	good int // guarded by mu: answers in a row that came whole
}

// goodAnswers is how many answers in a row must come whole before longer ones are tried again.
const goodAnswers = 32

// most returns what to say as max.
func (a *answers) most() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.max
}

// came takes how an answer came: whole, cut in its middle, or not at all, which says nothing about its length.
func (a *answers) came(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var cut *cutAnswer
	switch {
	case err == nil:
		if a.good++; a.good >= goodAnswers && a.max > 0 {
			a.good = 0
			if a.max = max(a.max*4, 1<<10); a.max >= protocol.RecoveryPageBytes {
				a.max = 0
			}
		}
	case errors.As(err, &cut):
		a.good = 0
		if a.max == 0 {
			a.max = protocol.RecoveryPageBytes
		}
		a.max = max(min(a.max/4, cut.n/2), 1) // 1: a single frame
	}
}
