package transports

import "sync/atomic"

// turn allows one goroutine to write at a time, and makes no other wait. A goroutine that finds the turn taken leaves a
// mark, at which the one that has the turn looks again.
type turn struct{ state atomic.Uint32 }

const (
	free uint32 = iota
	taken
	again // taken, and another goroutine came meanwhile
)

// take reports whether the caller has the turn now. If not, the goroutine that has it will look again after this call.
func (t *turn) take() bool {
	for {
		switch t.state.Load() {
		case free:
			if t.state.CompareAndSwap(free, taken) {
				return true
			}
		case taken:
			if t.state.CompareAndSwap(taken, again) {
				return false
			}
		default:
			return false
		}
	}
}

// give ends the caller's turn. If another goroutine came meanwhile it reports false, and the caller still has the turn.
func (t *turn) give() bool {
	if t.state.CompareAndSwap(taken, free) {
		return true
	}
	t.state.Store(taken)
	return false
}
