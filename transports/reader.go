package transports

// inbound is what a client sends over one conn.
type inbound interface {
	// read waits for what comes next and deals with it. It answers false when nothing more is to be read.
	read() bool
}

// readers brings the bytes of all conns to those who read them. It is a seam: goroutines is the plain way; another may wake a
// reader only when its conn is readable, as long as it calls read one at a time per inbound.
type readers interface{ watch(in inbound) }

// goroutines reads each conn in a goroutine of its own.
type goroutines struct{}

func (goroutines) watch(in inbound) {
	go func() {
		for in.read() {
		}
	}()
}
