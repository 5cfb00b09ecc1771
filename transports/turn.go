package transports

import "sync/atomic"

// turn lets one goroutine write at a time, without making another wait: who finds it taken leaves word, and the holder goes on.
type turn struct{ state atomic.Uint32 }

const (
	free uint32 = iota
	taken
	again // taken, and somebody came meanwhile
)

// take answers true to who shall write now. Where it answers false, the holder will look again after this call.
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

// give ends the holder's turn. It answers false, and the turn is still his, where somebody came meanwhile.
func (t *turn) give() bool {
	if t.state.CompareAndSwap(taken, free) {
		return true
	}
	t.state.Store(taken)
	return false
}
